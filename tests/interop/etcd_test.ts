/**
 * Discovery by etcd against real servers that these tests start.
 */

import { after } from "node:test";
import { etcdDiscovery } from "../../adapters/discovery_etcd/etcd_discovery.ts";
import type { Candidate } from "../../mod.ts";
import {
  discoveryCases,
  type DiscoveryWorld,
  type SourceState,
} from "../../src/testing/compliance/mod.ts";
import { judge } from "../compliance/judge.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { EtcdProxy } from "./etcd_proxy.ts";
import { EtcdServer, etcdSkipReason } from "./etcd_server.ts";

const skip = etcdSkipReason();
const server = skip === false ? await EtcdServer.start() : undefined;
after(() => server?.[Symbol.asyncDispose]());
const runtime = await runtimeUnderTest();

let services = 0;

const PEERS: readonly [Candidate, Candidate, ...Candidate[]] = [
  { host: "10.0.0.2", port: 7, nodeId: "two", region: "eu", rpcPort: 8 },
  { host: "10.0.0.3", port: 9, nodeId: "plain" },
  { host: "fd00::4", port: 9, nodeId: "four", region: "us", rpcPort: 10 },
];

/** As nodes that are not ours would write it. */
function entryOf({ host, port, nodeId, region, rpcPort }: Candidate): string {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (nodeId === "plain") return address;
  return JSON.stringify({ address, node_id: nodeId, region, rpc_port: rpcPort });
}

/** A service of its own on the server, which is brought up again when it is left down. */
async function world(): Promise<DiscoveryWorld> {
  const serviceName = `judged-${++services}`;
  const prefix = `/services/${serviceName}/`;
  const [member] = server!.members;
  const proxy = await EtcdProxy.start(member!.port);
  let state: SourceState = "well";
  const turn = async (next: SourceState): Promise<void> => {
    if (state === "failing") await member!.start();
    member!.freeze(next === "silent");
    if (next === "failing") await member!.end("SIGTERM");
    state = next;
  };
  return {
    provider: etcdDiscovery({
      serviceName,
      endpoints: [proxy.endpoint],
      leaseMs: 2_000,
      timeoutMs: 2_000,
    }),
    runtime,
    peers: PEERS,
    list: async (peers) => {
      const before = state;
      await turn("well");
      const wanted = new Map(peers.map((peer) => [`${prefix}${peer.nodeId}`, entryOf(peer)]));
      for (const { key } of await member!.range(prefix)) {
        if (!wanted.has(key)) await member!.delete(key);
      }
      for (const [key, value] of wanted) await member!.put(key, value);
      await turn(before);
    },
    turn,
    registered: async () => {
      const pairs = await member!.range(prefix);
      return pairs.filter(({ lease }) => lease !== "0").map(({ value }) => {
        const { address, node_id, region, rpc_port } = JSON.parse(value);
        const [host, port] = address.split(":");
        return { host, port: Number(port), nodeId: node_id, region, rpcPort: rpc_port };
      });
    },
    forget: () => member!.revoke(prefix),
    asked: () => proxy.calls,
    open: () => proxy.open,
    [Symbol.asyncDispose]: async () => {
      await turn("well");
      await proxy[Symbol.asyncDispose]();
    },
  };
}

if (server !== undefined) {
  const has = ["announce", "withdraw", "turn", "forget", "registered"] as const;
  judge("discovery by etcd", discoveryCases({ world, has }));
}
