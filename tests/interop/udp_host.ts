/**
 * A node that discovers by UDP, as a process for a host of `network_namespaces.ts`: prints every answer and every log
 * line as a line of JSON.
 *
 * @module
 */

import process from "node:process";
import {
  udpDiscovery,
  type UdpDiscoveryOptions,
} from "../../adapters/discovery_udp/udp_discovery.ts";
import type { DiscoverySelf } from "../../mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";

/** What the process is told. */
export interface UdpHost {
  readonly options: UdpDiscoveryOptions;
  readonly self: Pick<DiscoverySelf, "nodeId" | "ip" | "port">;
  /** Gossip key in hexadecimal; left out: none. */
  readonly key?: string;
}

/** A line of its output. */
export interface UdpHostLine {
  /** Node ids of an answer, sorted. */
  readonly found?: readonly string[];
  /** Since the session was opened. */
  readonly afterMs?: number;
  /** A log line. */
  readonly said?: string;
}

async function main({ options, self, key }: UdpHost): Promise<void> {
  const runtime = await runtimeUnderTest();
  const print = (line: UdpHostLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const keys = key === undefined
    ? []
    : [Uint8Array.from(key.match(/../g)!, (two) => parseInt(two, 16))];
  const started = performance.now();
  const session = await udpDiscovery(options).open({
    runtime,
    self: {
      bootId: `${self.nodeId}-1`,
      region: "eu",
      rpcPort: 10102,
      capabilities: [],
      version: "1",
      ...self,
    },
    gossipKeys: () => keys,
    say: (_level, message, fields) => print({ said: `${message} ${JSON.stringify(fields)}` }),
    forgotten: () => {},
  });
  const never = new AbortController().signal;
  await insist(() => session.announce!(never), print);
  for (;;) {
    const { candidates } = await insist(() => session.next(never), print);
    const found = candidates.map(({ nodeId = "" }) => nodeId).sort();
    print({ found, afterMs: performance.now() - started });
  }
}

/** Asks again and again, as a node does. */
async function insist<T>(call: () => Promise<T>, print: (line: UdpHostLine) => void): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      print({ said: String(error) });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

await main(JSON.parse(process.argv[2] ?? "{}") as UdpHost);
