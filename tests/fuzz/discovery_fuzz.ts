/**
 * Fuzzes what discovery reads from the network.
 *
 * @module
 */

import { type Answer, encode } from "dns-packet";
import { decodeAnswer, type DnsMessage, loadCodec } from "../../adapters/discovery_dns/message.ts";
import type { Rng } from "../../src/core/rng.ts";
import { type FuzzOptions, type FuzzReport, fuzzWire } from "./wire_fuzz.ts";
import type { FuzzDecoder } from "./wire_fuzz_decoders.ts";
import { mutated, noise } from "./wire_fuzz_inputs.ts";

const codec = await loadCodec();

/** Runs all decoders; throws when one of them broke a claim. */
export function fuzzDiscovery(options: FuzzOptions): FuzzReport {
  const report = fuzzWire({ ...options, decoders: [dnsAnswer()] });
  if (report.failures.length > 0) throw new Error(JSON.stringify(report.failures, null, 2));
  return report;
}

function dnsAnswer(): FuzzDecoder {
  return {
    name: "DNS answer",
    input(rng) {
      if (rng.chance(0.1)) return noise(rng, 200);
      const message = dnsMessage(rng);
      return rng.chance(0.7) ? mutated(rng, message, []) : message;
    },
    decode(input) {
      const decoded = decodeAnswer(codec, input);
      if (decoded === undefined) return false;
      check(decoded);
      return true;
    },
    // An array of at most 1,024 records, and a copy of the message.
    allocationMax: (inputBytes) => Math.max(4_096, 4 * inputBytes),
  };
}

/** All that callers rely on. */
function check({ answers, additionals, rcode }: DnsMessage): void {
  claim(typeof rcode === "string", "the code is no text");
  for (const record of [...answers, ...additionals]) {
    claim(record.ttlMs >= 0 && record.ttlMs < 2 ** 31 * 1000, `time to live ${record.ttlMs}`);
    if (record.type === "A" || record.type === "AAAA") {
      claim(/^[0-9a-f.:]+$/.test(record.ip), `address ${record.ip}`);
    } else {
      claim(/^[\w.-]{1,254}$/.test(record.target), `target ${record.target}`);
      if (record.type === "SRV") claim(record.port > 0 && record.port < 65_536, "port");
    }
  }
}

function dnsMessage(rng: Rng): Uint8Array {
  const records = (count: number): Answer[] => Array.from({ length: count }, () => dnsRecord(rng));
  return new Uint8Array(encode({
    type: "response",
    id: rng.below(65_536),
    flags: rng.below(65_536),
    questions: [{ type: "SRV", name: dnsName(rng) }],
    answers: records(rng.below(6)),
    authorities: records(rng.below(2)),
    additionals: records(rng.below(3)),
  }));
}

function dnsRecord(rng: Rng): Answer {
  const head = { name: dnsName(rng), ttl: rng.u32() };
  switch (rng.below(6)) {
    case 0:
      return { ...head, type: "A", data: [1, 2, 3, 4].map(() => rng.below(256)).join(".") };
    case 1:
      return { ...head, type: "AAAA", data: `fd00::${rng.below(65_536).toString(16)}` };
    case 2:
      return { ...head, type: "CNAME", data: dnsName(rng) };
    case 3:
      return { ...head, type: "TXT", data: [dnsName(rng)] };
    case 4:
      return { type: "OPT", name: ".", udpPayloadSize: rng.below(65_536) } as Answer;
    default:
      return { ...head, type: "SRV", data: { port: rng.below(65_536), target: dnsName(rng) } };
  }
}

function dnsName(rng: Rng): string {
  const labels = Array.from({ length: 1 + rng.below(5) }, () => {
    return Array.from({ length: 1 + rng.below(20) }, () => "abc-_019"[rng.below(8)]).join("");
  });
  return labels.join(".");
}

function claim(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}
