/**
 * How much faster than real time the simulator is.
 *
 * @module
 */

import process from "node:process";
import { ipToBytes, parseAddress } from "../src/core/address.ts";
import { crc32 } from "../src/core/wire/crc32.ts";
import { encodeMessage } from "../src/core/wire/encode.ts";
import { Keyring } from "../src/core/wire/keyring.ts";
import type { Alive } from "../src/core/wire/messages.ts";
import { createPacketCodec } from "../src/core/wire/packet_codec.ts";
import type { SimNode } from "../src/testing/simulation/sim_node.ts";
import { simulate, type Simulation } from "../src/testing/simulation/simulation.ts";
import { toyCipher } from "../src/testing/simulation/toy_cipher.ts";
import type { BenchFigure } from "./cases.ts";

const WIRE = {
  label: "",
  skipInboundLabelCheck: false,
  keyring: new Keyring(toyCipher, []),
  verifyIncoming: true,
  verifyOutgoing: true,
  compression: true,
  protocolVersion: 2,
};
/** Who introduces them; nobody is there. */
const STRANGER = "10.255.0.1:10101";
/** Messages in one packet. */
const PARTS_MAX = 250;
/** An answer longer than a bare ack carries news. */
const ACK_BYTES_MAX = 40;
const STANDING_MS = 60_000;

/** Membership of so many nodes with the `lan` preset: at rest, and while one node after the other crashes. */
export function membershipPace(nodes: number): readonly BenchFigure[] {
  const sim = simulate({ seed: 1, nodes, defaults: { seeds: [], replication: false } });
  introduceAll(sim);
  sim.runFor(10_000);
  const standing = pace(sim, STANDING_MS, () => {});
  let victim = nodes;
  const crashing = pace(sim, STANDING_MS, () => {
    if (sim.now % 30_000 === 0) sim.crash(--victim);
  });
  sim.runUntil(() => sim.node(0).live().length === victim, { withinMs: 120_000 });
  return [
    { name: "standing", unit: "s/s", value: standing },
    { name: "crashing", unit: "s/s", value: crashing },
  ];
}

/** Whole nodes, replication included, from the first join on; each second one of them writes ten entities. */
export function wholeNodesPace(nodes: number): number {
  const sim = simulate({ seed: 1, nodes });
  let written = 0;
  const value = pace(sim, 300_000, () => {
    for (let i = 0; i < 10; i++) {
      sim.set(written % nodes, "key", `k${written++ % 1_000}`, { spent: written });
    }
  });
  sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
  return value;
}

/**
 * Simulated seconds per second of processor time, which is real time on a machine that does nothing else: these cases
 * run for minutes, and a neighbour would be measured with them. `each` is called every simulated second.
 */
function pace(sim: Simulation, ms: number, each: () => void): number {
  const known = sim.violations.length;
  const began = process.cpuUsage();
  for (let passed = 0; passed < ms; passed += 1_000) {
    each();
    sim.runFor(1_000);
  }
  const { user, system } = process.cpuUsage(began);
  const value = ms * 1_000 / (user + system);
  const violation = sim.violations[known];
  if (violation !== undefined) {
    throw new Error(`Cannot measure: ${violation.invariant} is broken: ${violation.detail}`);
  }
  return value;
}

/**
 * Tells every node of all others, and has it say the news to nobody: a thousand nodes that start at once and gossip
 * themselves together take minutes of computing, which is not what is measured here.
 */
function introduceAll(sim: Simulation): void {
  const codec = createPacketCodec(WIRE, crc32);
  const selves = sim.nodes.map((node) => encodeMessage(aliveOf(node)));
  const packets: Uint8Array[] = [];
  for (let at = 0; at < selves.length; at += PARTS_MAX) {
    packets.push(codec.seal(selves.slice(at, at + PARTS_MAX), false));
  }
  for (const { name, life } of sim.nodes) {
    if (life === undefined) throw new Error(`Cannot introduce ${name}: it is down`);
    for (const packet of packets) life.packet(STRANGER, packet, 0);
    const ping = encodeMessage({ type: "ping", seqNo: 1, node: name });
    const bytes = codec.seal([ping], false);
    const { machine } = life.gossip;
    for (let sent = Infinity; sent > ACK_BYTES_MAX;) {
      const before = machine.counters.bytesOut;
      life.packet(STRANGER, bytes, 0);
      sent = machine.counters.bytesOut - before;
    }
  }
}

function aliveOf(node: SimNode): Alive {
  const [self] = node.members();
  const place = parseAddress(self?.address ?? "");
  if (self === undefined || place === undefined) {
    throw new Error(`Cannot introduce ${node.name}: it does not know itself`);
  }
  const { name, meta, vsn, incarnation } = self;
  const addr = ipToBytes(place.ip) ?? new Uint8Array(0);
  return { type: "alive", node: name, addr, port: place.port, meta, incarnation, vsn };
}
