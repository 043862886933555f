import process from "node:process";
import { httpCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge, loopback } from "./judge.ts";

const { http, name } = await runtimeUnderTest();
// Bun cuts idle streams after 10 s unless told otherwise: `ALTHING_DEEP=1` waits that long.
const idleMs = process.env["ALTHING_DEEP"] === "1" ? 12_000 : 300;
judge(`http of ${name}`, httpCases({ http, idleMs, ips: loopback().ips }));
