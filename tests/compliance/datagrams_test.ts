import { nodeDatagrams } from "../../adapters/_node_compat/datagrams.ts";
import { datagramsCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge, loopback } from "./judge.ts";

const { clock, datagrams, name } = await runtimeUnderTest();
judge(`datagrams of ${name}`, datagramsCases({ datagrams, clock, ...loopback() }));

// Deno has two implementations, this one for where listenDatagram is missing.
if (name === "deno") {
  const fallback = nodeDatagrams({ clock, receiveBufferBytes: 0, oneAtATime: true });
  judge(
    `datagrams of ${name} over node:dgram`,
    datagramsCases({ datagrams: fallback, clock, ...loopback() }),
  );
}
