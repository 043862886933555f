import { clockCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { clock, name } = await runtimeUnderTest();
judge(`clock of ${name}`, clockCases({ clock }));
