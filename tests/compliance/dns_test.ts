import { dnsCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { dns, name } = await runtimeUnderTest();
judge(`dns of ${name}`, dnsCases({ dns }));
