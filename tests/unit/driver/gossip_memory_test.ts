/**
 * The real driver and the real machine on a network in memory, in virtual time: nothing here waits.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress } from "../../../src/core/address.ts";
import { resolveMembership } from "../../../src/core/membership/config.ts";
import type { MembershipEvent } from "../../../src/core/membership/contract.ts";
import { Membership } from "../../../src/core/membership/machine.ts";
import { encodeMessage } from "../../../src/core/wire/encode.ts";
import { Keyring } from "../../../src/core/wire/keyring.ts";
import { createPacketCodec } from "../../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../../src/core/wire/stream_codec.ts";
import { type GossipPlane, startGossip } from "../../../src/driver/gossip.ts";
import {
  ManualClock,
  type MemoryHost,
  type MemoryNetwork,
  memoryNetwork,
} from "../../../src/testing/memory/mod.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

const { sealer } = await wakefulRuntime();
const NAMES = ["a", "b", "c"];

/** A running gossip plane and what its machine told. */
interface Node extends AsyncDisposable {
  readonly name: string;
  readonly host: MemoryHost;
  readonly plane: GossipPlane;
  readonly events: MembershipEvent[];
  /** `name state` of everybody it knows, sorted. */
  list(): string[];
}

async function startNode(
  clock: ManualClock,
  network: MemoryNetwork,
  name: string,
  seed: number,
): Promise<Node> {
  const host = network.host();
  const config = resolveMembership({ profile: "local" });
  const wire = {
    label: "",
    skipInboundLabelCheck: false,
    keyring: new Keyring((key) => sealer.aesGcm(key), []),
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: true,
    protocolVersion: config.protocolVersion,
  };
  const events: MembershipEvent[] = [];
  let machine: Membership | undefined;
  const plane = await startGossip({
    runtime: { clock, datagrams: host.datagrams, streams: host.streams },
    ip: "0.0.0.0",
    port: 7946,
    onEvent: (event) => events.push(event),
    machine: (port) =>
      machine = new Membership({
        config,
        seed,
        packetCodec: createPacketCodec(wire, sealer.crc32),
        streamCodec: createStreamCodec(wire),
        encode: encodeMessage,
        self: { name, address: formatAddress(host.ips[0]!, port), meta: new Uint8Array() },
      }),
  });
  return {
    name,
    host,
    plane,
    events,
    list: () => machine!.members().map(({ name, state }) => `${name} ${state}`).sort(),
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  };
}

/** Three nodes that have joined the first one. */
class Cluster implements AsyncDisposable {
  readonly nodes: Node[] = [];

  static async start(clock: ManualClock, network: MemoryNetwork): Promise<Cluster> {
    const cluster = new Cluster();
    for (const [i, name] of NAMES.entries()) {
      cluster.nodes.push(await startNode(clock, network, name, i + 1));
    }
    const addresses = [formatAddress(cluster.nodes[0]!.host.ips[0]!, 7946)];
    for (const { plane } of cluster.nodes.slice(1)) {
      await clock.until(plane.run({ type: "join", addresses }), 15_000);
    }
    return cluster;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}

describe("the gossip plane in virtual time", () => {
  it("lets three nodes find each other over a lossy network", async () => {
    const clock = new ManualClock();
    const network = memoryNetwork({ clock, faults: { lossRatio: 0.1, duplicateRatio: 0.1 } });
    await using cluster = await Cluster.start(clock, network);
    const { nodes } = cluster;
    await clock.advance(3_000);
    for (const node of nodes) {
      assert.deepEqual(node.list(), ["a alive", "b alive", "c alive"], node.name);
    }
    assert.ok(network.counters.lost > 0, "the network lost something");
  });

  it("declares a node dead that is cut off, and welcomes it back when the cut is healed", async () => {
    const clock = new ManualClock();
    const network = memoryNetwork({ clock });
    await using cluster = await Cluster.start(clock, network);
    const { nodes } = cluster;
    await clock.advance(2_000);
    const [lost, ...others] = nodes.toReversed();
    const rest = others.map(({ host }) => host);
    network.cut([lost!.host], rest);
    network.cut(rest, [lost!.host]);
    await clock.advance(15_000);
    for (const node of others) {
      assert.deepEqual(node.list(), ["a alive", "b alive", "c dead"], node.name);
    }
    network.heal();
    const addresses = rest.map(({ ips }) => formatAddress(ips[0]!, 7946));
    await clock.until(lost!.plane.run({ type: "join", addresses }), 5_000);
    await clock.advance(3_000);
    for (const node of nodes) {
      assert.deepEqual(node.list(), ["a alive", "b alive", "c alive"], node.name);
    }
  });

  it("plays the same events again from the same seeds", async () => {
    const play = async (): Promise<string[]> => {
      const clock = new ManualClock();
      const network = memoryNetwork({ clock, seed: 3, faults: { lossRatio: 0.2 } });
      await using cluster = await Cluster.start(clock, network);
      const { nodes } = cluster;
      await clock.advance(5_000);
      return [
        JSON.stringify(network.counters),
        ...nodes.map(({ events }) => JSON.stringify(events)),
      ];
    };
    assert.deepEqual(await play(), await play());
  });
});
