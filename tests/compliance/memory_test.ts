import { formatAddress } from "../../src/core/address.ts";
import {
  clockCases,
  type ComplianceCase,
  datagramsCases,
  type SilentAddress,
  streamsCases,
} from "../../src/testing/compliance/mod.ts";
import type { Streams } from "../../src/ports/streams.ts";
import { ManualClock, memoryNetwork } from "../../src/testing/memory/mod.ts";
import { judge } from "./judge.ts";

const clock = new ManualClock();
const pass = (ms: number): Promise<void> => clock.advance(ms);
/** Cases also wait without a clock, for a dial or a read: time passes meanwhile. */
const flowing = (cases: readonly ComplianceCase[]): ComplianceCase[] =>
  cases.map((one) => ({ ...one, run: () => clock.until(one.run(), 600_000) }));

const IPS = ["10.0.0.1", "fd00::1"];

judge("the manual clock", clockCases({ clock, pass }));

const network = memoryNetwork({ clock, faults: { delayMs: [1, 1] } });
const host = network.host(...IPS);
const lost = network.host("10.0.0.66");
network.cut([lost], [host]);

/** A listener whose answers never come back. */
async function silent(): Promise<SilentAddress> {
  const listener = await lost.streams.listen({ ip: "0.0.0.0", port: 7, onStream: () => {} });
  return {
    address: formatAddress("10.0.0.66", 7),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

const ips = ["127.0.0.1", "::1", ...IPS];
const here = { ips, dualStackIp: IPS[0]!, pass };
judge(
  "datagrams in memory",
  datagramsCases({ datagrams: host.datagrams, clock, broadcastIp: "10.0.0.255", ...here }),
);
judge("streams in memory", flowing(streamsCases({ streams: host.streams, silent, ...here })));

// Between two hosts delays differ from hop to hop.
const far = memoryNetwork({ clock, seed: 5, faults: { delayMs: [1, 40] } });
const [server, client] = [far.host("10.0.0.1"), far.host("10.0.0.2")];
const streams: Streams = {
  listen: (options) => server.streams.listen(options),
  dial: (to, options) => client.streams.dial(to, options),
};
judge(
  "streams in memory between two hosts",
  // The others are judged above: they want the caller's address to be the callee's, or need more hosts.
  flowing(streamsCases({ streams, ips: ["10.0.0.1"], pass })).filter(({ claim, skip }) =>
    skip === undefined && !/know each other|above streamsMax/.test(claim)
  ),
);
