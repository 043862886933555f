import { entropyCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { entropy, name } = await runtimeUnderTest();
judge(`entropy of ${name}`, entropyCases({ entropy }));
