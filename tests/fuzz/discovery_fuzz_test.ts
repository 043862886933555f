import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { fuzzDiscovery } from "./discovery_fuzz.ts";

const seed = Number(process.env["ALTHING_FUZZ_SEED"] ?? Date.now() % 4294967296);
const inputs = Number(process.env["ALTHING_FUZZ_INPUTS"] ?? 20_000);

describe("what discovery reads from the network, under fuzz", () => {
  it(`stands ${inputs} inputs from seed ${seed}`, () => {
    console.log(`discovery fuzz: ALTHING_FUZZ_SEED=${seed} ALTHING_FUZZ_INPUTS=${inputs}`);
    const report = fuzzDiscovery({ seed, inputs });
    for (const [name, counts] of Object.entries(report.decoders)) {
      assert.ok(counts.accepted > counts.inputs / 100, `${name} accepted ${counts.accepted}`);
      assert.ok(counts.accepted < counts.inputs, `${name} refused none`);
    }
  });
});
