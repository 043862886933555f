/**
 * The suite of discovery providers for mDNS, as a program on a host of a test network: it writes what came of each case, a
 * JSON object a line. Avahi on another host announces the peers.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { mdnsDiscovery } from "../../adapters/discovery_mdns/mdns_discovery.ts";
import type { Candidate } from "../../mod.ts";
import {
  discoveryCases,
  type DiscoverySetup,
  type DiscoveryWorld,
} from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { AvahiTools } from "./avahi.ts";

let services = 0;

/** The suite; `bus` is the message bus of the Avahi on the host `peerIp`, and this host is `ip`. */
export function mdnsSuite(bus: string, ip: string, peerIp: string): DiscoverySetup {
  const peer = (name: string, port: number): Candidate => ({
    host: peerIp,
    port,
    nodeId: name,
    region: "eu",
    rpcPort: port + 1,
  });
  return {
    has: ["announce", "withdraw", "registered"],
    async world(): Promise<DiscoveryWorld> {
      const avahi = new AvahiTools(bus);
      const service = `_c${++services}-${process.pid}._tcp`;
      const published = new Map<string, ChildProcess>();
      const stop = (name: string): void => {
        published.get(name)?.kill("SIGKILL");
        published.delete(name);
      };
      return {
        provider: mdnsDiscovery({ service }),
        runtime: await runtimeUnderTest(),
        self: { ip },
        peers: [peer("two", 7_101), peer("three", 7_201)],
        async list(peers) {
          const wanted = new Set(peers.map(({ nodeId }) => nodeId));
          for (const name of published.keys()) if (!wanted.has(name)) stop(name);
          for (const { nodeId = "", region, rpcPort, port = 0 } of peers) {
            if (published.has(nodeId)) continue;
            const texts = [`node_id=${nodeId}`, `region=${region}`, `rpc_port=${rpcPort}`];
            published.set(nodeId, await avahi.publish(nodeId, service, port, ...texts));
          }
        },
        async registered() {
          const seen = await avahi.browse(service);
          const found = seen.map(({ ip: host, port, texts }): Candidate => {
            const text = new Map(texts.map((each) => each.split("=", 2) as [string, string]));
            return {
              host,
              port,
              nodeId: text.get("node_id") ?? "",
              region: text.get("region") ?? "",
              rpcPort: Number(text.get("rpc_port")),
            };
          });
          // One service comes by IPv4 and by IPv6.
          return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
        },
        [Symbol.asyncDispose]() {
          for (const name of published.keys()) stop(name);
          return Promise.resolve();
        },
      };
    },
  };
}

const [bus, ip = "", peerIp = ""] = process.argv.slice(2);
if (process.env["ALTHING_MDNS_SUITE"] === "run" && bus !== undefined) {
  // All at once: each has a type of service of its own.
  await Promise.all(
    discoveryCases(mdnsSuite(bus, ip, peerIp)).map(async ({ claim, skip, run }) => {
      if (skip !== undefined) return;
      try {
        await run();
        console.log(JSON.stringify({ claim }));
      } catch (error) {
        console.log(JSON.stringify({ claim, error: String((error as Error).stack) }));
      }
    }),
  );
}
