import { nobleCipher } from "../../adapters/deno/sealer.ts";
import { sealerCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { sealer, name } = await runtimeUnderTest();
judge(`sealer of ${name}`, sealerCases({ sealer }));

// What Deno falls back to must hold for every size, should its own cipher list change again.
const aesGcm = (key: Uint8Array): ReturnType<typeof nobleCipher> => {
  sealer.aesGcm(key);
  return nobleCipher(key);
};
judge(`sealer in JavaScript on ${name}`, sealerCases({ sealer: { ...sealer, aesGcm } }));
