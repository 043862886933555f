import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AwaitLevel, WriteOutcome } from "../../../src/core/replication/awaited.ts";
import { Awaits, AWAITS_MAX } from "../../../src/core/replication/awaits.ts";
import type { ReplicationEffect, WriteCommand } from "../../../src/core/replication/contract.ts";
import { compareVersions } from "../../../src/core/hlc.ts";
import { alone, encoded } from "./alone.ts";
import { EPOCH, type Net } from "./net.ts";
import { planted } from "./plant.ts";
import { readyCluster } from "./scenarios.ts";

const REGIONS = { a: "eu", b: "eu", c: "us" };

function cluster(config = {}): Net {
  const net = readyCluster(["a", "b", "c"], 1, config);
  net.runFor(3_000);
  net.tellMembers(REGIONS);
  return net;
}

const answers = (outcome: WriteOutcome | undefined) =>
  outcome?.answers.map(({ node, answer }) => `${node} ${answer}`).join(", ");

/** Whoever is said to have applied a write holds it or a later one. */
function truthful(net: Net): void {
  for (const { version, answers } of net.outcomes) {
    for (const { node, answer } of answers) {
      if (answer !== "applied") continue;
      const held = net.node(node).machine.get("api_key", "k")?.version;
      assert.ok(held !== undefined && compareVersions(held, version) >= 0, `${node} lacks it`);
    }
  }
}

describe("an awaited write", () => {
  it("is answered once as many have applied it as its level asks for", () => {
    const net = cluster();
    const wanted: Record<AwaitLevel, number> = { local: 1, region: 2, majority: 2, all: 3 };
    for (const [level, least] of Object.entries(wanted) as [AwaitLevel, number][]) {
      net.outcomes.length = 0;
      net.writeAwaited("a", level, "k");
      net.runUntil("it is answered", () => net.outcomes.length === 1, 500);
      const [outcome] = net.outcomes;
      assert.equal(outcome?.reached, true);
      const applied = outcome?.answers.filter(({ answer }) => answer === "applied") ?? [];
      assert.ok(applied.length >= least, level);
      assert.deepEqual(outcome?.answers.map(({ node, region }) => [node, region]), [
        ["a", "eu"],
        ["b", "eu"],
        ["c", "us"],
      ]);
      truthful(net);
    }
  });

  it("tells who did not answer in time", () => {
    const net = cluster();
    net.stop("c");
    net.writeAwaited("a", "all", "k", 2_000);
    net.runFor(1_999);
    assert.equal(net.outcomes.length, 0);
    net.runFor(1);
    assert.equal(net.outcomes[0]?.reached, false);
    assert.equal(answers(net.outcomes[0]), "a applied, b applied, c pending");
    net.writeAwaited("a", "majority", "k");
    net.runUntil("the majority has it", () => net.outcomes.length === 2, 100);
    assert.equal(net.outcomes[1]?.reached, true);
  });

  it("fails at once when too few are left, whose death changes no denominator", () => {
    const net = cluster();
    net.stop("b");
    net.stop("c");
    net.writeAwaited("a", "majority", "k");
    net.runFor(100);
    net.tellMembers(REGIONS, ["c"]);
    assert.equal(net.outcomes.length, 0);
    net.tellMembers({ a: "eu", c: "us" }, ["c"]);
    assert.equal(answers(net.outcomes[0]), "a applied, b gone, c gone");
    assert.match(
      net.outcomes[0]?.because ?? "",
      /^"majority" needs 2 of 3 members, and at most 1 can apply it now$/,
    );
    net.writeAwaited("a", "all", "k");
    assert.equal(net.outcomes[1]?.reached, false, "a dead member is not waited for");
    assert.equal(net.outcomes[1]?.answers.length, 2, "one that has left is not asked");
  });

  it("does not wait for those that come later", () => {
    const net = cluster();
    net.tellMembers({ a: "eu", b: "eu" });
    net.stop("b");
    net.writeAwaited("a", "all", "k");
    net.tellMembers(REGIONS);
    net.resume("b");
    net.runUntil("it is answered", () => net.outcomes.length === 1, 500);
    assert.equal(answers(net.outcomes[0]), "a applied, b applied");
  });

  it("does not count a member that is too old to say", () => {
    const net = cluster();
    net.tellMembers({ ...REGIONS, "old-1": "us" });
    net.writeAwaited("a", "all", "k");
    assert.equal(
      answers(net.outcomes[0]),
      "a applied, b pending, c pending, old-1 incapable",
    );
    net.writeAwaited("a", "majority", "k");
    net.runUntil("it is answered", () => net.outcomes.length === 2, 500);
    assert.equal(net.outcomes[1]?.reached, true);
  });

  it("tells who refuses it and why, and does not wait for a store that is full", () => {
    const net = readyCluster(["a"]);
    net.start("b", 0, { storeBytesMax: 10 });
    net.runUntil("b is there", () => net.node("b").machine.synced, 20_000);
    net.runFor(3_000);
    net.tellMembers({ a: "", b: "" });
    net.writeAwaited("a", "all", "k");
    net.runUntil("it is answered", () => net.outcomes.length === 1, 500);
    assert.deepEqual(net.outcomes[0]?.answers[1], {
      node: "b",
      region: "",
      answer: "refused",
      reason: "store-full",
    });
  });

  it("is acknowledged by a later version of the key, and not by an earlier one", () => {
    laterAcknowledges();
    const anyVersion: Awaits["holds"] = function (this: Awaits, peer, entry, out) {
      holds.call(this, peer, { ...entry, version: { ...entry.version, wallMs: Infinity } }, out);
    };
    const holds = Awaits.prototype.holds;
    planted(Awaits.prototype, "holds", anyVersion, () => {
      assert.throws(() => laterAcknowledges(), /an earlier version/);
    });
  });

  it("stays awaited under its new stamp when its own counted nowhere", () => {
    const net = readyCluster(["a", "b"]);
    net.runFor(3_000);
    const odd = net.start("c", 600_000);
    net.tellMembers(REGIONS);
    net.writeAwaited("c", "all", "k", 60_000);
    net.runUntil("it is answered", () => net.outcomes.length === 1, 60_000);
    assert.equal(net.outcomes[0]?.reached, true);
    assert.ok(odd.machine.counters.restamped > 0);
    assert.deepEqual(net.outcomes[0]?.version, odd.machine.get("api_key", "k")?.version);
    truthful(net);
  });

  it("of several keys is applied by those who have all of them", () => {
    const { machine, deliver, greet } = alone();
    greet();
    members(machine, ["m", "p"]);
    const out: ReplicationEffect[] = [];
    const writes = ["x", "y"].map((key) => ({ type: "team", key, value: undefined }));
    write(machine, { op: 1, writes, level: "all" }, out);
    deliver(1, encoded("x", EPOCH + 100));
    assert.deepEqual(outcomes(out), []);
    assert.equal(outcomes(deliver(2, encoded("y", EPOCH + 100)))[0]?.reached, true);
  });

  it("says so when nobody knows the members, or too many writes are waited for", () => {
    const { machine } = alone();
    const ask = (op: number) => {
      const out: ReplicationEffect[] = [];
      const writes = [{ type: "team", key: `k${op}`, value: undefined }];
      write(machine, { op, writes, level: "all" }, out);
      return outcomes(out)[0];
    };
    assert.match(ask(1)?.because ?? "", /not known yet/);
    members(machine, ["m", "p"]);
    for (let op = 2; op < AWAITS_MAX + 2; op++) assert.equal(ask(op), undefined);
    assert.match(ask(9_999)?.because ?? "", /4096 writes are waited for already/);
    const out: ReplicationEffect[] = [];
    machine.handle({ type: "tick" }, 5_001, out);
    assert.equal(outcomes(out).length, AWAITS_MAX);
    assert.equal(machine.awaits.size, 0);
  });
});

type Machine = ReturnType<typeof alone>["machine"];

function members(machine: Machine, nodes: readonly string[]): void {
  const known = nodes.map((node) => ({ node, region: "", alive: true, capabilities: ["ack:v1"] }));
  machine.handle({ type: "members", members: known }, 1, []);
}

function write(machine: Machine, command: Omit<WriteCommand, "type">, out: ReplicationEffect[]) {
  machine.handle({ type: "command", command: { type: "write", ...command } }, 1, out);
}

function outcomes(effects: readonly ReplicationEffect[]): WriteOutcome[] {
  return effects.flatMap((effect) => effect.type === "awaited" ? [effect.outcome] : []);
}

/** The peer says that it holds an earlier version, then a later one. */
function laterAcknowledges(): void {
  const { machine, deliver, greet } = alone();
  greet();
  members(machine, ["m", "p"]);
  write(
    machine,
    { op: 1, writes: [{ type: "team", key: "k", value: undefined }], level: "all" },
    [],
  );
  assert.deepEqual(outcomes(deliver(1, encoded("k", EPOCH - 5))), [], "an earlier version counts");
  assert.equal(answers(outcomes(deliver(2, encoded("k", EPOCH + 5)))[0]), "m applied, p applied");
}
