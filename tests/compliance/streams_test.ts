import process from "node:process";
import { streamsCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge, loopback } from "./judge.ts";
import { silentAddress } from "./silent_address.ts";

const { streams, name } = await runtimeUnderTest();
// Other systems refuse callers when the queue of a listener is full.
const silent = process.platform === "linux" ? { silent: silentAddress } : {};
judge(`streams of ${name}`, streamsCases({ streams, ...loopback(), ...silent }));
