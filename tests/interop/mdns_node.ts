/**
 * A node that finds and announces itself by mDNS, as a program: it writes what happens, a JSON object a line, and takes
 * `announce`, `withdraw` and `stop` from its standard input.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { mdnsDiscovery } from "../../adapters/discovery_mdns/mdns_discovery.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";

const [service = "", nodeId = "", ip = "", port = ""] = process.argv.slice(2);
const never = new AbortController().signal;
const startedMs = performance.now();

function tell(what: Record<string, unknown>): void {
  console.log(JSON.stringify({ ms: Math.round(performance.now() - startedMs), ...what }));
}

const session = await mdnsDiscovery({ service }).open({
  runtime: await runtimeUnderTest(),
  self: {
    nodeId,
    bootId: `${nodeId}-${process.pid}`,
    region: "test",
    ip,
    port: Number(port),
    rpcPort: Number(port) + 1,
    capabilities: [],
    version: "1.2.3",
  },
  gossipKeys: () => [],
  say: (level, message, fields) => tell({ log: message, level, ...fields }),
  forgotten: (reason) => tell({ forgotten: reason }),
});
tell({ opened: true });

let stopped = false;
void (async () => {
  while (!stopped) {
    try {
      tell({ found: (await session.next(never)).candidates });
    } catch (error) {
      if (stopped) return;
      tell({ failed: String(error) });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
})();

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "announce") {
    await session.announce?.(never);
    tell({ announced: true });
  }
  if (line === "withdraw") {
    await session.withdraw?.(never);
    tell({ withdrawn: true });
  }
  if (line === "stop") break;
}
stopped = true;
await session[Symbol.asyncDispose]();
tell({ stopped: true });
