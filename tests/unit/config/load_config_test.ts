import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig, type LoadConfigOptions } from "../../../adapters/cli/load_config.ts";
import { ClusterError, type Files, resolveConfig } from "../../../mod.ts";
import { OPTIONS } from "./field_cases.ts";

function load(path: string, text: string, options?: LoadConfigOptions): Promise<unknown> {
  const files: Files = {
    readText: (asked) =>
      asked === path
        ? Promise.resolve(text)
        : Promise.reject(new ClusterError("bad-data", `Cannot read ${asked}: it is not there`)),
  };
  return loadConfig(path, files, options);
}

const YAML = `
cluster_config:
  enabled: true
  region: "é"   # a comment
  peers: [10.0.0.4:10101, "[2001:db8::4]:10101"]
  gossip:
    config: {timeout_seconds: 2.5, failure_threshold: 0x10}
  security:
    gossip_keys:
      - env.KEY
governance:
  teams:
    - &one {id: one, profile: {cost: 1e3, none: null}}
    - {id: two, copy: *one}
`;

const JSON_TEXT = `{
  "cluster_config": {
    "enabled": true, "region": "\\u00e9", "peers": ["10.0.0.4:10101", "[2001:db8::4]:10101"],
    "gossip": {"config": {"timeout_seconds": 2.5, "failure_threshold": 16}},
    "security": {"gossip_keys": ["env.KEY"]}
  },
  "governance": {"teams": [
    {"id": "one", "profile": {"cost": 1e3, "none": null}},
    {"id": "two", "copy": {"id": "one", "profile": {"cost": 1000, "none": null}}}
  ]}
}`;

describe("loadConfig", () => {
  it("reads the same from JSON and from YAML, by extension in any case", async () => {
    const fromYaml = await load("/etc/gw.YAML", YAML);
    assert.deepEqual(fromYaml, JSON.parse(JSON_TEXT));
    assert.deepEqual(await load("c:\\gw.json", `\ufeff${JSON_TEXT}`), fromYaml);
    assert.deepEqual(await load("gw.yml", JSON_TEXT), fromYaml);
    const env = (): string => "AAECAwQFBgcICQoLDA0ODw==";
    const resolved = resolveConfig(fromYaml, { ...OPTIONS, env });
    assert.deepEqual(resolved, resolveConfig(JSON.parse(JSON_TEXT), { ...OPTIONS, env }));
    assert.deepEqual(resolved.governance.map((seed) => seed.key), ["one", "two"]);
  });

  for (
    const [text, fault] of [
      ["", "line 1, column 1: found the end of the file where a value belongs"],
      ["{\n  'a': 1}", `line 2, column 3: found "'a'" where a key in double quotes belongs`],
      ['{"a": 1,\n}', 'line 2, column 1: found "}" where a key in double quotes belongs'],
      ['{"a": [1,]}', 'line 1, column 10: found "]" where a value belongs'],
      ['{"a" 1}', 'line 1, column 6: found "1" where ":" belongs'],
      ['{"a": 1\n "b": 2}', 'line 2, column 2: found "\\"" where "," or "}" belongs'],
      ["[1 2]", 'line 1, column 4: found "2" where "," or "]" belongs'],
      ['{"a": tru}', 'line 1, column 7: found "tru" where a value belongs'],
      ['{"a": 01}', 'line 1, column 7: found "01" where a value belongs'],
      ['{"a": .5}', 'line 1, column 7: found ".5" where a value belongs'],
      ["{} // done", 'line 1, column 4: found "//" where the end of the file belongs'],
      [
        '{"a": "x\ny"}',
        "line 1, column 7: the string that begins here does not end, or holds a line break or a bad escape",
      ],
      [
        '{"a": "\\x"}',
        "line 1, column 7: the string that begins here does not end, or holds a line break or a bad escape",
      ],
      ['{"a": 1, "b": 2, "\\u0061": 3}', 'line 1, column 18: the key "\\u0061" is there twice'],
      ["[".repeat(100_000), "line 1, column 514: nests deeper than 512"],
    ] as const
  ) {
    it(`says of ${JSON.stringify(text.slice(0, 30))}: ${fault}`, async () => {
      await assert.rejects(load("gw.json", text), (error) => {
        assert.ok(ClusterError.is(error, "bad-config"));
        assert.equal(error.message, `Cannot read "gw.json": ${fault}`);
        return true;
      });
    });
  }

  it("agrees with JSON.parse on what is JSON", async () => {
    for (
      const text of [
        "0",
        "-0.5e+10",
        ' {"": []}\n',
        '"\\"\\\\\\/\\b\\u00e9\u2028"',
        "[true,false,null,[[]],{}]",
        `"${"x".repeat(5_000_000)}"`,
        "[" + "1,".repeat(200_000) + "1]",
      ]
    ) {
      assert.deepEqual(await load("a.json", text), JSON.parse(text));
    }
    for (const text of ["-", "1.", "+1", "NaN", '"\t"', "[1", '{"a"}', "\u00a01", "nulll", "1 1"]) {
      assert.throws(() => JSON.parse(text));
      await assert.rejects(load("a.json", text), (error) => ClusterError.is(error, "bad-config"));
    }
  });

  for (
    const [text, place] of [
      ["a: 1\nb: [1, 2\n", /^Cannot read "gw\.yaml": line \d, column \d+: [^\n]+[^.:\n]$/],
      ["a: 1\na: 2\n", /^Cannot read "gw\.yaml": line 2, column 1: Map keys must be unique$/],
      ["a: *nobody\n", /^Cannot read "gw\.yaml": [^\n]+nobody$/],
      ["a: 1\n---\nb: 2\n", /^Cannot read "gw\.yaml": [^\n]+$/],
    ] as const
  ) {
    it(`says where YAML is broken: ${JSON.stringify(text)}`, async () => {
      await assert.rejects(load("gw.yaml", text), (error) => {
        assert.ok(ClusterError.is(error, "bad-config"));
        assert.match(error.message, place);
        return true;
      });
    });
  }

  it("does not let aliases explode", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++) {
      lines.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`);
    }
    await assert.rejects(load("gw.yaml", lines.join("\n")), /alias/i);
  });

  it("names the cure when the yaml package is missing", async () => {
    const importYaml = (): Promise<never> => Promise.reject(new Error("Cannot find package"));
    await assert.rejects(load("gw.yaml", YAML, { importYaml }), (error) => {
      assert.ok(ClusterError.is(error, "unsupported"));
      assert.equal(
        error.message,
        'Cannot read "gw.yaml": the package "yaml" is not installed, ' +
          "install it or write the file as JSON",
      );
      return true;
    });
  });

  it("takes another YAML parser", async () => {
    const parseYaml = (text: string): unknown => ({ text });
    assert.deepEqual(await load("gw.yml", "x", { parseYaml }), { text: "x" });
  });

  it("refuses other extensions before reading", async () => {
    for (const [path, shown] of [["gw.toml", '"toml"'], ["gw", "missing"], ["a.b/gw", "missing"]]) {
      await assert.rejects(
        loadConfig(path as string, { readText: () => assert.fail("must not read") }),
        new ClusterError(
          "bad-config",
          `Cannot read "${path}": its extension is ${shown}, allowed is "json", "yaml" or "yml"`,
        ),
      );
    }
  });

  it("passes on what reading says", async () => {
    const files: Files = {
      readText: () => Promise.reject(new ClusterError("bad-data", "Cannot read: it is not there")),
    };
    await assert.rejects(
      loadConfig("gw.json", files),
      (error) => ClusterError.is(error, "bad-data"),
    );
  });
});
