import { interfacesCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { interfaces, name } = await runtimeUnderTest();
judge(`interfaces of ${name}`, interfacesCases({ interfaces }));
