import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseArguments } from "../../../adapters/cli/arguments.ts";
import { logLines } from "../../../adapters/cli/log_lines.ts";
import { query } from "../../../adapters/cli/query.ts";
import { table } from "../../../adapters/cli/table.ts";
import { ClusterError } from "../../../mod.ts";

const KNOWN = ["config", "json", "log"];

describe("the command line", () => {
  it("is read as a command and options", () => {
    const { command, options } = parseArguments([
      "agent",
      "--config",
      "a.json",
      "--log=json",
      "--json",
    ], KNOWN);
    assert.equal(command, "agent");
    assert.deepEqual([...options], [["config", "a.json"], ["log", "json"], ["json", ""]]);
  });

  for (
    const [words, expected] of [
      [["agent", "more"], /unexpected word "more"/],
      [["agent", "--confg", "x"], /unknown option "--confg", known are --config, --json, --log/],
      [["agent", "--config"], /option "--config" needs a value/],
    ] as const
  ) {
    it(`is refused in one sentence: ${words.join(" ")}`, () => {
      assert.throws(
        () => parseArguments(words, KNOWN),
        (error) => ClusterError.is(error, "bad-config") && expected.test(error.message),
      );
    });
  }
});

describe("log lines", () => {
  it("are text that greps well, or JSON", () => {
    const lines: string[] = [];
    const record = {
      level: "warn",
      message: "node marked as suspect",
      fields: { name: "a-1", why: "no answer" },
    } as const;
    logLines((line) => lines.push(line), { format: "text", level: "info" })(record);
    logLines((line) => lines.push(line), { format: "json", level: "info" })(record);
    logLines((line) => lines.push(line), { format: "text", level: "error" })(record);
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^\d{4}-.*Z WARN {2}node marked as suspect name=a-1 why="no answer"$/);
    assert.deepEqual({ ...JSON.parse(lines[1]!), time: "" }, {
      time: "",
      level: "warn",
      message: "node marked as suspect",
      name: "a-1",
      why: "no answer",
    });
  });
});

describe("tables", () => {
  it("line up and carry no trailing blanks", () => {
    assert.equal(table([["A", "BB"], ["aaa", "b"]]), "A    BB\naaa  b");
  });
});

describe("queries", () => {
  it("say what to do when no node answers", async () => {
    await assert.rejects(
      query({ address: "127.0.0.1:1" }, "/cluster/status"),
      (error) => ClusterError.is(error, "unreachable") && error.message.includes("althing agent"),
    );
  });
});
