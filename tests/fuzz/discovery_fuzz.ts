/**
 * Fuzzes what discovery reads from the network.
 *
 * @module
 */

import { type Answer, encode } from "dns-packet";
import { decodeBeacon, encodeBeacon } from "../../adapters/discovery_udp/beacon.ts";
import { decodeAnswer, type DnsMessage, loadCodec } from "../../adapters/discovery_dns/message.ts";
import type { Rng } from "../../src/core/rng.ts";
import { type FuzzOptions, type FuzzReport, fuzzWire } from "./wire_fuzz.ts";
import type { FuzzDecoder } from "./wire_fuzz_decoders.ts";
import { mutated, noise } from "./wire_fuzz_inputs.ts";

const codec = await loadCodec();

/** The package that reads DNS is slow: a tenth of the inputs takes as long as those of the wire. */
const INPUTS_SHARE = 10;

/** Runs all decoders with a tenth of the inputs; throws when one of them broke a claim. */
export function fuzzDiscovery(options: FuzzOptions): FuzzReport {
  const share = Math.ceil(options.inputs / INPUTS_SHARE);
  const report = fuzzWire({ ...options, inputs: share, decoders: [dnsAnswer(), beacon()] });
  if (report.failures.length > 0) throw new Error(JSON.stringify(report.failures, null, 2));
  return report;
}

function beacon(): FuzzDecoder {
  const keys = [new Uint8Array(32).fill(7)];
  const text = (rng: Rng, least: number): string =>
    dnsName(rng).slice(0, Math.max(least, rng.below(60)));
  return {
    name: "beacon",
    input(rng) {
      if (rng.chance(0.1)) return noise(rng, 200);
      const bytes = encodeBeacon({
        kind: (["beacon", "answer", "goodbye"] as const)[rng.below(3)] ?? "beacon",
        isMember: rng.chance(0.5),
        wantsAnswers: rng.chance(0.5),
        nonce: Uint8Array.from({ length: 16 }, () => rng.below(256)),
        sentAt: rng.u32(),
        count: rng.u32(),
        everyMs: rng.u32(),
        ip: rng.chance(0.5) ? "10.0.0.1" : "fd00::1",
        port: rng.below(65_536),
        rpcPort: rng.below(65_536),
        serviceName: text(rng, 1),
        nodeId: text(rng, 1),
        bootId: text(rng, 1),
        region: text(rng, 0),
      }, rng.chance(0.2) ? keys[0] : undefined);
      return rng.chance(0.5) ? mutated(rng, bytes, []) : bytes;
    },
    decode(input, rng) {
      const sealed = decodeBeacon(input, keys);
      const decoded = rng.chance(0.5) ? sealed : decodeBeacon(input, []);
      if (typeof decoded === "string") return false;
      claim(decoded.port > 0 && decoded.nodeId !== "" && decoded.nonce.length === 16, "parts");
      claim(/^[0-9a-f.:]+$/.test(decoded.ip), `address ${decoded.ip}`);
      // What was understood is written in one way, and read back as the same.
      const again = decodeBeacon(encodeBeacon(decoded, keys[0]), keys);
      claim(JSON.stringify(again) === JSON.stringify(decoded), "reads differently again");
      return true;
    },
    allocationMax: () => 2_048,
  };
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
