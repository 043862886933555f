import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseArguments } from "../../../adapters/cli/arguments.ts";
import { logLines } from "../../../adapters/cli/log_lines.ts";
import { query, queryTarget } from "../../../adapters/cli/query.ts";
import { table } from "../../../adapters/cli/table.ts";
import { ClusterError } from "../../../mod.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

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

/** What peers may call themselves: line breaks, terminal commands, text that runs backwards, forged fields. */
const HOSTILE = [
  "a\nroot logged in",
  "a\r\u001b[2K",
  "a\u009b2J",
  "a\u202egnp.exe",
  "a\u2028b",
  "a\u{e0041}",
  "a\u007f",
  "a\ud800",
];

describe("log lines of what peers say", () => {
  for (const name of HOSTILE) {
    for (const format of ["text", "json"] as const) {
      it(`show ${escape(name)} as printable characters on one line (${format})`, () => {
        const lines: string[] = [];
        const log = logLines((line) => lines.push(line), { format, level: "info" });
        log({ level: "info", message: `joined ${name}`, fields: { name } });
        assert.equal(lines.length, 1);
        assert.doesNotMatch(lines[0]!, /[\p{C}\p{Zl}\p{Zp}]/u);
        if (format === "text") return assert.match(lines[0]!, / name="a.*"$/);
        const { message, name: read } = JSON.parse(lines[0]!);
        assert.deepEqual({ message, read }, { message: `joined ${name}`, read: name });
      });
    }
  }

  it("show values as they are where nobody can take them for something else, in quotes elsewhere", () => {
    const lines: string[] = [];
    const log = logLines((line) => lines.push(line), { format: "text", level: "info" });
    const fields = { a: "10.0.0.1:10101", b: "x y", c: "x=y", d: 'x"y', e: "", f: "ü", g: 1.5 };
    log({ level: "info", message: "m", fields });
    assert.ok(
      lines[0]!.endsWith(` m a=10.0.0.1:10101 b="x y" c="x=y" d="x\\"y" e="" f="ü" g=1.5`),
      lines[0],
    );
  });
});

describe("tables of what peers say", () => {
  for (const name of HOSTILE) {
    it(`show ${escape(name)} as printable characters in one row`, () => {
      const rows = table([["NODE", "STATE"], [name, "alive"]]).split("\n");
      assert.equal(rows.length, 2);
      assert.doesNotMatch(rows[1]!, /[\p{C}\p{Zl}\p{Zp}]/u);
    });
  }

  it("quote cells that could pass for two, and no others", () => {
    const rows = table([["leader  alive", "x"], ["leader of eu", "2 of 3 healthy"], [" a", "ü"], [
      '"',
      "",
    ]]);
    assert.equal(
      rows,
      [
        '"leader  alive"  x',
        "leader of eu     2 of 3 healthy",
        '" a"             ü',
        '"\\""',
      ].join("\n"),
    );
  });
});

/** Answers 401 to everything. */
async function refusing(): Promise<AsyncDisposable & { readonly address: string }> {
  const { http } = await runtimeUnderTest();
  const server = await http.serve({
    ip: "127.0.0.1",
    port: 0,
    handler: () => Promise.resolve(new Response("", { status: 401 })),
  });
  return { address: server.local, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe("tables", () => {
  it("line up and carry no trailing blanks", () => {
    assert.equal(table([["A", "BB"], ["aaa", "b"]]), "A    BB\naaa  b");
  });
});

describe("queries", () => {
  for (
    const [what, given, env, token] of [
      ["no token", undefined, undefined, undefined],
      ["the variable's", undefined, "from-env", "from-env"],
      ["the option's", "given", undefined, "given"],
      ["the option's rather than the variable's", "given", "from-env", "given"],
      ["no token for an empty variable", undefined, "", undefined],
    ] as const
  ) {
    it(`show ${what}`, () => {
      const options = new Map(given === undefined ? [] : [["token", given]]);
      const target = queryTarget(options, env === undefined ? {} : { ALTHING_TOKEN: env });
      assert.deepEqual(target, {
        address: "127.0.0.1:8080",
        ...(token === undefined ? {} : { token }),
      });
    });
  }

  it("name both ways to give a token when one is needed", async () => {
    await using server = await refusing();
    await assert.rejects(
      query({ address: server.address }, "/cluster/status"),
      (error) =>
        ClusterError.is(error, "refused") &&
        error.message.endsWith("a token is needed, set ALTHING_TOKEN or pass --token"),
    );
  });

  it("say what to do when no node answers", async () => {
    await assert.rejects(
      query({ address: "127.0.0.1:1" }, "/cluster/status"),
      (error) => ClusterError.is(error, "unreachable") && error.message.includes("althing agent"),
    );
  });
});
