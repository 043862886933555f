import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { checkVectors, SECTIONS } from "../../interop/check_vectors.ts";
import type { Fields } from "../../interop/go_fields.ts";

/** From the repository root, where every runner is started: Node runs a built copy without the data beside it. */
const PATH = "tests/interop/vectors/memberlist.json";

const load = (): Record<string, Fields[]> => JSON.parse(readFileSync(PATH, "utf8"));

describe("the vectors of memberlist", () => {
  it("all pass, and every section has some", () => {
    const report = checkVectors(load());
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed, 340);
    for (const section of SECTIONS) assert.ok((report.sections[section] ?? 0) > 20, section);
  });

  for (const section of ["messages", "compression", "encryption", "packets", "streams"]) {
    it(`notice a flipped bit in any of the ${section}`, () => {
      for (const vector of load()[section] ?? []) {
        if (typeof vector["hex"] !== "string") continue;
        const hex = vector["hex"];
        // The tail of a deliberately broken stream means nothing, and some compounds come without their contents.
        if (vector["kind"] === "garbage") continue;
        if (section === "messages" && vector["decoded"] === undefined) continue;
        for (const at of [1, hex.length >> 1, hex.length - 1]) {
          const digit = (parseInt(hex[at] as string, 16) ^ 1).toString(16);
          const altered = { ...vector, hex: hex.slice(0, at) + digit + hex.slice(at + 1) };
          const { failed } = checkVectors({ [section]: [altered] });
          assert.equal(failed, 1, `${vector["id"]} at ${at}`);
        }
      }
    });
  }

  it("notice other expectations", () => {
    const alter = (section: string, change: (vector: Fields) => Fields | undefined): void => {
      for (const vector of load()[section] ?? []) {
        const altered = change(vector);
        if (altered === undefined) continue;
        assert.equal(checkVectors({ [section]: [altered] }).failed, 1, String(vector["id"]));
      }
    };
    alter("malformed", (vector) => {
      const head = vector["head"] as Fields;
      return head["ok"] === true
        ? { ...vector, head: { ok: false, error: "truncated" } }
        : { ...vector, head: { ok: true, nonZeroFields: {} } };
    });
    alter("packets", (vector) => ({ ...vector, shape: "alive>ping" }));
    alter(
      "messages",
      ({ hex022, ...vector }) =>
        hex022 === undefined ? undefined : { ...vector, hex022: `${hex022}00` },
    );
    alter(
      "compression",
      (vector) =>
        vector["inputLength"] === undefined ? undefined : { ...vector, messageCrc32: "00000000" },
    );
    alter(
      "streams",
      (vector) =>
        vector["acceptedReply"] === undefined ? undefined : { ...vector, acceptedReply: "02c0" },
    );
  });

  it("fail when there are none, or in a section nobody checks", () => {
    assert.equal(checkVectors({}).failed, 1);
    assert.equal(checkVectors(null).failed, 1);
    assert.equal(checkVectors({ surprises: [{ id: "x" }] }).failed, 1);
    assert.equal(checkVectors({ messages: [null] }).failed, 1);
  });
});
