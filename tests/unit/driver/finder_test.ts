import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Finder } from "../../../src/driver/finder.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";

const peer = (host: string) => ({ host, port: 7 });

function setUp(answers: Map<string, string[]>, hosts: readonly string[]) {
  const clock = new ManualClock();
  const found: string[] = [];
  const unresolved: string[] = [];
  const lookups: string[] = [];
  const dns = {
    addresses: (host: string) => {
      lookups.push(host);
      return Promise.resolve(answers.get(host) ?? []);
    },
  };
  const finder = new Finder({
    clock,
    dns,
    everyMs: 1_000,
    onFound: (addresses) => found.push(addresses.join(" ")),
    onUnresolved: (names) => unresolved.push(names.join(" ")),
  }, hosts.map(peer));
  return { clock, finder, found, unresolved, lookups };
}

describe("the finder", () => {
  it("resolves again and again, and tells only what has changed", async () => {
    const answers = new Map([["a", ["10.0.0.1"]]]);
    const { clock, finder, found } = setUp(answers, ["a"]);
    assert.deepEqual(await finder.look(), ["10.0.0.1:7"]);
    await clock.advance(1_000);
    answers.set("a", ["10.0.0.2"]);
    await clock.advance(1_000);
    assert.deepEqual(found, ["10.0.0.1:7", "10.0.0.2:7"]);
    finder.stop();
  });

  it("keeps the last good answer of a name that does not resolve now, and names it", async () => {
    const answers = new Map([["a", ["10.0.0.1"]], ["b", ["10.0.0.2"]]]);
    const { clock, finder, found, unresolved } = setUp(answers, ["a", "b"]);
    await finder.look();
    answers.delete("b");
    await clock.advance(1_000);
    assert.deepEqual(found, ["10.0.0.1:7 10.0.0.2:7"]);
    assert.deepEqual(unresolved, ["b:7"]);
    answers.set("b", ["10.0.0.2"]);
    await clock.advance(1_000);
    assert.deepEqual(unresolved, ["b:7", ""]);
    finder.stop();
  });

  it("looks a peer up once a round, however often it was added", async () => {
    const { clock, finder, lookups } = setUp(new Map([["a", ["10.0.0.1"]]]), []);
    for (let i = 0; i < 5; i++) assert.deepEqual(await finder.add([peer("a")]), ["10.0.0.1:7"]);
    await finder.look();
    lookups.length = 0;
    await clock.advance(1_000);
    assert.deepEqual(lookups, ["a"]);
    finder.stop();
  });
});
