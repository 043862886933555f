/**
 * Discovery by UDP beacons: the suite of all providers on loopback, and real broadcast between hosts in network
 * namespaces.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { udpDiscovery } from "../../adapters/discovery_udp/udp_discovery.ts";
import { type Candidate, type DiscoverySession } from "../../mod.ts";
import { discoveryCases, type DiscoveryWorld } from "../../src/testing/compliance/mod.ts";
import { judge } from "../compliance/judge.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { freePort } from "./free_port.ts";
import { Hosts, namespacesSkipReason } from "./network_namespaces.ts";
import type { UdpHost, UdpHostLine } from "./udp_host.ts";

const runtime = await runtimeUnderTest();
const skip = namespacesSkipReason();

let worlds = 0;

/** A service of its own on loopback, in which each listed peer is a session of the same provider. */
async function world(gossipKeys: readonly Uint8Array[]): Promise<DiscoveryWorld> {
  const port = await freePort();
  const provider = udpDiscovery({
    serviceName: `judged-${++worlds}`,
    port,
    allowedAddressSpace: ["127.0.0.0/8"],
    everyMs: 500,
  });
  const peers = new Map<Candidate, DiscoverySession>();
  const never = new AbortController().signal;
  const join = async (peer: Candidate): Promise<void> => {
    const { host: ip, port = 0, nodeId = "", region = "", rpcPort = 0 } = peer;
    const session = await provider.open({
      runtime,
      self: { nodeId, bootId: nodeId, region, ip, port, rpcPort, capabilities: [], version: "1" },
      gossipKeys: () => gossipKeys,
      say: () => {},
      forgotten: () => {},
    });
    peers.set(peer, session);
    await session.announce!(never);
  };
  const leave = async (peer: Candidate): Promise<void> => {
    const session = peers.get(peer);
    peers.delete(peer);
    await session?.withdraw?.(never);
    await session?.[Symbol.asyncDispose]();
  };
  return {
    provider,
    runtime,
    gossipKeys,
    peers: [
      { host: "127.0.0.2", port: 7, nodeId: "two", region: "eu", rpcPort: 8 },
      { host: "127.0.0.3", port: 9, nodeId: "three", region: "us", rpcPort: 10 },
      { host: "fd00::4", port: 11, nodeId: "four", region: "us", rpcPort: 12 },
    ],
    list: async (wanted) => {
      for (const peer of [...peers.keys()]) if (!wanted.includes(peer)) await leave(peer);
      for (const peer of wanted) if (!peers.has(peer)) await join(peer);
    },
    [Symbol.asyncDispose]: async () => {
      for (const peer of [...peers.keys()]) await leave(peer);
    },
  };
}

const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const has = ["announce", "withdraw"] as const;
/** A broadcast has nobody who could fail, refuse or forget: rules about that do not apply. */
const cases = (keys: readonly Uint8Array[]) =>
  discoveryCases({ world: () => world(keys), has }).filter(({ skip }) => skip === undefined);
judge("discovery by UDP", cases([]));
judge("discovery by UDP with gossip keys", cases([key]));

describe("beacons between hosts", () => {
  test("find every node of the network, two on one host among them, in less than two seconds", async (hosts) => {
    hosts.add("one", { 0: "10.77.0.1/24" });
    hosts.add("two", { 0: "10.77.0.2/24" });
    const a = node(hosts, "one", "a", "10.77.0.1");
    const b = node(hosts, "two", "b", "10.77.0.2");
    const c = node(hosts, "two", "c", "10.77.0.2", { port: 10111 });
    await finds(a, ["b", "c"]);
    await finds(b, ["a", "c"]);
    await finds(c, ["a", "b"]);
    const late = node(hosts, "one", "late", "10.77.0.1", { port: 10111 });
    const { afterMs = Infinity } = await finds(late, ["a", "b", "c"]);
    console.log(`udp: a late node found all after ${afterMs.toFixed(0)} ms on ${runtime.name}`);
    assert.ok(afterMs < 2_000, `${afterMs} ms`);
    await finds(a, ["b", "c", "late"]);
  });

  test("stay inside of the allowed address space", async (hosts) => {
    hosts.add("both", { 0: "10.77.0.1/24", 1: "10.88.0.1/24" });
    hosts.add("inside", { 0: "10.77.0.2/24" });
    hosts.add("outside", { 1: "10.88.0.2/24" });
    const outside = node(hosts, "outside", "outside", "10.88.0.2", { spaces: ["10.88.0.0/24"] });
    const both = node(hosts, "both", "both", "10.77.0.1");
    const inside = node(hosts, "inside", "inside", "10.77.0.2");
    await finds(inside, ["both"]);
    await finds(both, ["inside"]);
    // The stranger's beacons reached the host with both networks, and nothing of it the stranger.
    await eventually("the stranger's beacons were dropped", () => {
      return both.lines.some(({ said = "" }) => /dropped.*foreign_source/.test(said));
    });
    const heard = outside.lines.flatMap(({ found = [] }) => found);
    assert.deepEqual(heard, []);
    assert.ok(both.lines.every(({ found = [] }) => !found.includes("outside")));
  });

  test("with another key, or none, are dropped and told", async (hosts) => {
    hosts.add("one", { 0: "10.77.0.1/24" });
    hosts.add("two", { 0: "10.77.0.2/24" });
    const good = "00".repeat(32);
    const a = node(hosts, "one", "a", "10.77.0.1", { key: good });
    const b = node(hosts, "two", "b", "10.77.0.2", { key: good });
    const forger = node(hosts, "two", "forger", "10.77.0.2", { key: "11".repeat(32), port: 1 });
    const open = node(hosts, "two", "open", "10.77.0.2", { port: 2 });
    await finds(a, ["b"]);
    await finds(b, ["a"]);
    await eventually("forged beacons were told", () => {
      return a.lines.some(({ said = "" }) => /udp beacons dropped .*(forged|unsealed)/.test(said));
    });
    for (const { lines } of [forger, open]) {
      await eventually(
        "it has looked around",
        () => lines.some(({ found }) => found !== undefined),
      );
      assert.deepEqual(lines.flatMap(({ found = [] }) => found), []);
    }
    assert.ok([a, b].every(({ lines }) => lines.every(({ found = [] }) => found.length < 2)));
  });

  test("find each other again when a cable was out", async (hosts) => {
    hosts.add("one", { 0: "10.77.0.1/24" });
    hosts.add("two", { 0: "10.77.0.2/24" });
    const a = node(hosts, "one", "a", "10.77.0.1");
    const b = node(hosts, "two", "b", "10.77.0.2");
    await finds(a, ["b"]);
    await finds(b, ["a"]);
    hosts.plug("two", 0, "down");
    await finds(a, []);
    hosts.plug("two", 0, "up");
    const started = performance.now();
    await finds(a, ["b"]);
    await finds(b, ["a"]);
    console.log(`udp: healed after ${(performance.now() - started).toFixed(0)} ms`);
  });

  test("that can go nowhere are told in one sentence", async (hosts) => {
    hosts.add("one", { 0: "10.77.0.1/32" });
    const a = node(hosts, "one", "a", "10.77.0.1");
    await eventually("it was told", () => {
      return a.lines.some(({ said = "" }) =>
        /by UDP: no network .* inside 10\.77\.0\.0/.test(said)
      );
    }, 20_000);
  });
});

interface Running {
  readonly lines: readonly UdpHostLine[];
}

/** Starts a node on a host; its beacons come every 400 ms. */
function node(
  hosts: Hosts,
  host: string,
  nodeId: string,
  ip: string,
  changes: { readonly port?: number; readonly key?: string; readonly spaces?: string[] } = {},
): Running {
  const { port = 10101, key, spaces = ["10.77.0.0/24"] } = changes;
  const told: UdpHost = {
    options: { serviceName: "gw", port: 10100, allowedAddressSpace: spaces, everyMs: 400 },
    self: { nodeId, ip, port },
    ...(key === undefined ? {} : { key }),
  };
  const child = hosts.run(host, "udp_host", JSON.stringify(told));
  const lines: UdpHostLine[] = [];
  let text = "";
  child.stdout?.on("data", (chunk) => {
    text += String(chunk);
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    for (const line of whole) lines.push(JSON.parse(line) as UdpHostLine);
  });
  return { lines };
}

/** Waits until a node's last answer lists exactly these; answers it. */
function finds({ lines }: Running, wanted: readonly string[]): Promise<UdpHostLine> {
  return eventually(`${wanted.join(", ")} are found`, () => {
    const last = lines.findLast(({ found }) => found !== undefined);
    return last?.found?.join(" ") === wanted.join(" ") ? last : undefined;
  }, 30_000);
}

/** A test with two networks of its own. */
function test(claim: string, work: (hosts: Hosts) => Promise<void>): void {
  it(claim, { skip, timeout: 90_000 }, async () => {
    await using hosts = new Hosts(2);
    await work(hosts);
  });
}
