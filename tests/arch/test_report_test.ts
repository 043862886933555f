import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countTests, failuresIn } from "../../tools/test_report.ts";

const denoReport = `<testsuites name="deno test">
  <testsuite name="./a_test.ts">
    <testcase name="outer" classname="./a_test.ts" time="0.012" line="3" col="1">
      <failure message="1 test step failed">1 test step failed.</failure>
    </testcase>
    <testcase name="top" classname="./a_test.ts">
    </testcase>
  </testsuite>
  <testsuite name="ext:deno_node/testing.ts">
    <testcase name="outer &gt; one" classname="x"></testcase>
    <testcase name="outer &gt; inner &lt;x&gt;" classname="x"></testcase>
    <testcase name="outer &gt; inner &lt;x&gt; &gt; two" classname="x"></testcase>
    <testcase name="outer &gt; inner &lt;x&gt; &gt; three" classname="x"><skipped/></testcase>
    <testcase name="outer &gt; four" classname="x"><failure message="1 !== 2">x</failure></testcase>
  </testsuite>
</testsuites>`;

const nodeReport = `<testsuites>
  <testsuite name="outer">
    <testcase name="one" time="0.1" classname="test"/>
    <testcase name="a &quot;b>" classname="test" failure="x"><failure message="x">[E]</failure></testcase>
    <testcase name="three" classname="test"><skipped type="skipped" message="true"/></testcase>
  </testsuite>
  <!-- tests 3 --><!-- pass 1 --><!-- fail 1 --><!-- cancelled 2 -->
</testsuites>`;

describe("counting tests", () => {
  it("counts leaves and not the groups Deno lists beside them", () => {
    const counts = countTests("deno", denoReport, "", 1);
    assert.deepEqual(counts, { passed: 3, failed: 1, skipped: ["outer > inner <x> > three"] });
  });

  it("counts a group of Deno's whose own hook failed", () => {
    const report = denoReport.replace('1 test step failed"', 'Uncaught Error: hook"');
    assert.equal(countTests("deno", report, "", 1).failed, 2);
  });

  it("counts each file that Deno could not load", () => {
    const output = "FAILURES\n\n./b_test.ts (uncaught error)\n./c_test.ts (uncaught error)\n";
    assert.equal(countTests("deno", "", `${output}${output}`, 1).failed, 2);
  });

  it("counts what Node cancelled as failed", () => {
    const counts = countTests("node", nodeReport, "", 1);
    assert.deepEqual(counts, { passed: 1, failed: 3, skipped: ["three"] });
  });

  it("believes Bun's summary where its report leaves a failure out", () => {
    const report = '<testsuite name="a"><testcase name="one" time="0" /></testsuite>';
    assert.deepEqual(countTests("bun", report, " 1 pass\n 2 fail\n 1 error\n", 1), {
      passed: 1,
      failed: 2,
      skipped: [],
    });
  });

  it("never calls a run that died a success", () => {
    for (const runtime of ["deno", "node", "bun"] as const) {
      assert.equal(countTests(runtime, "", "", 139).failed, 1);
      assert.equal(countTests(runtime, "", "", 0).failed, 1);
    }
  });

  it("shows the failures and not the many that passed", () => {
    const deno = "a ... ok (1ms)\n\n ERRORS \n\nb => x\n";
    assert.equal(failuresIn("deno", deno), " ERRORS \n\nb => x\n");
    assert.equal(failuresIn("node", "✔ a (1ms)\n✖ failing tests:\n✖ b"), "✖ failing tests:\n✖ b");
    assert.equal(failuresIn("bun", "(pass) a\n(fail) b"), "(fail) b");
    const bun = "a_test.ts:\n(pass) a\n\nb_test.ts:\n(fail) b\n\n";
    assert.equal(failuresIn("bun", bun), "b_test.ts:\n(fail) b\n\n");
    assert.equal(failuresIn("node", "Segmentation fault"), "Segmentation fault");
  });
});
