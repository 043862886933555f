import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PushPullNode } from "../../../src/core/wire/messages.ts";
import {
  aliveOf,
  codecs,
  deadOf,
  eventsOf,
  messagesOf,
  packetsOf,
  readStream,
  started,
  suspectOf,
  TestNode,
  VSN,
} from "./harness.ts";

/** No timers but suspicion's, so that only what a test does happens. */
const QUIET = { gossipIntervalMs: 0, pushPullIntervalMs: 0, probeIntervalMs: 1000 } as const;

/** A started node that has drained its own announcement and heard of `names`. */
function withMembers(...names: string[]): TestNode {
  const node = started(QUIET);
  names.forEach((name, i) => {
    node.hear(aliveOf(name, { addr: Uint8Array.of(10, 0, 1, i + 1) }), 0);
  });
  return node;
}

/** What one fetch of the queue would say. */
function said(node: TestNode, now: number): string[] {
  const before = node.machine.queued.members;
  const op = node.hear({ type: "ping", seqNo: 99, node: "" }, now);
  assert.ok(before >= 0);
  return packetsOf(op).flatMap((p) => p.messages.slice(1)).map((m) => m.type).sort();
}

describe("alive messages", () => {
  it("bring a newcomer, told and gossiped (Go: TestMemberList_AliveNode_NewNode)", () => {
    const node = started(QUIET);
    const out = node.hear(aliveOf("test"), 5);
    assert.equal(node.state("test"), "alive");
    assert.equal(eventsOf(out, "joined")[0]?.member.name, "test");
    assert.equal(node.machine.member("test")?.stateChangedMs, 5);
    assert.equal(node.machine.queued.members, 2);
  });

  it("clear a suspect only with a higher incarnation (Go: TestMemberList_AliveNode_SuspectNode)", () => {
    const node = withMembers("test");
    node.hear(suspectOf("test", "other"), 10);
    assert.equal(node.state("test"), "suspect");
    node.hear(aliveOf("test", { addr: Uint8Array.of(10, 0, 1, 1) }), 20);
    assert.equal(node.state("test"), "suspect");
    const out = node.hear(
      aliveOf("test", { addr: Uint8Array.of(10, 0, 1, 1), incarnation: 2 }),
      30,
    );
    assert.equal(node.state("test"), "alive");
    assert.equal(eventsOf(out, "joined").length, 0);
    assert.equal(eventsOf(out, "cleared").length, 1);
    assert.equal(node.machine.member("test")?.evidence, undefined);
  });

  it("change nothing but the incarnation when nothing changed (Go: TestMemberList_AliveNode_Idempotent)", () => {
    const node = withMembers("test");
    const out = node.hear(
      aliveOf("test", { addr: Uint8Array.of(10, 0, 1, 1), incarnation: 2 }),
      30,
    );
    assert.equal(out.filter((e) => e.type === "event").length, 0);
    assert.equal(node.machine.member("test")?.stateChangedMs, 0);
    assert.equal(node.machine.member("test")?.incarnation, 2);
  });

  it("update metadata (Go: TestMemberList_AliveNode_ChangeMeta)", () => {
    const node = withMembers("test");
    const meta = Uint8Array.of(1, 2);
    const out = node.hear(
      aliveOf("test", { addr: Uint8Array.of(10, 0, 1, 1), incarnation: 2, meta }),
      30,
    );
    assert.deepEqual(eventsOf(out, "updated")[0]?.member.meta, meta);
  });

  it("about us with foreign metadata are refuted (Go: TestMemberList_AliveNode_Refute)", () => {
    const node = started({ ...QUIET, meta: Uint8Array.of(7) });
    const own = { addr: Uint8Array.of(10, 0, 0, 1), port: 7946 };
    node.hear(aliveOf("a", { ...own, incarnation: 20, meta: Uint8Array.of(8) }), 10);
    assert.equal(node.state("a"), "alive");
    assert.deepEqual(node.machine.self.meta, Uint8Array.of(7));
    assert.equal(node.machine.self.incarnation, 21);
    assert.equal(node.machine.counters.refutations, 1);
    assert.equal(node.machine.queued.members, 1);
  });

  it("about us that are older or our own are ignored", () => {
    const node = started({ ...QUIET, incarnation: 5 });
    const own = { addr: Uint8Array.of(10, 0, 0, 1), port: 7946 };
    node.hear(aliveOf("a", { ...own, incarnation: 5 }), 10);
    node.hear(aliveOf("a", { ...own, incarnation: 4, meta: Uint8Array.of(8) }), 10);
    assert.equal(node.machine.self.incarnation, 5);
  });

  it("from another address are a conflict until death and reclaim time (Go: TestMemberList_AliveNode_Conflict)", () => {
    const node = started({ ...QUIET, deadNodeReclaimMs: 10 });
    node.hear(aliveOf("test", { addr: Uint8Array.of(127, 0, 0, 1), port: 8000 }), 0);
    const other = { addr: Uint8Array.of(127, 0, 0, 2), port: 9000, meta: Uint8Array.of(1) };
    const out = node.hear(aliveOf("test", { ...other, incarnation: 2 }), 1);
    assert.equal(eventsOf(out, "conflict")[0]?.otherAddress, "127.0.0.2:9000");
    assert.equal(node.machine.member("test")?.address, "127.0.0.1:8000");
    assert.equal(node.machine.member("test")?.meta.length, 0);
    assert.equal(node.machine.counters.conflicts, 1);

    node.hear(deadOf("test", "other", 2), 2);
    node.hear(aliveOf("test", { ...other, incarnation: 3 }), 5);
    assert.equal(node.state("test"), "dead");
    node.hear(aliveOf("test", { ...other, incarnation: 3 }), 13);
    assert.equal(node.state("test"), "alive");
    assert.equal(node.machine.member("test")?.address, "127.0.0.2:9000");
  });

  it("let another address take the name of one who left at once (Go: TestMemberList_DeadNodeLeft)", () => {
    const node = withMembers("test");
    const out = node.hear(deadOf("test", "test"), 10);
    assert.equal(node.state("test"), "left");
    assert.equal(eventsOf(out, "gone")[0]?.member.state, "left");
    node.hear(aliveOf("test", { addr: Uint8Array.of(10, 0, 9, 9), incarnation: 3 }), 11);
    assert.equal(node.state("test"), "alive");
    assert.equal(node.machine.member("test")?.address, "10.0.9.9:7946");
  });

  it("are no conflict when only the form of the address differs (memberlist.md 8.3, 8)", () => {
    const node = withMembers("test");
    const mapped = new Uint8Array(16);
    mapped.set([0xff, 0xff, 10, 0, 1, 1], 10);
    node.hear(aliveOf("test", { addr: mapped, incarnation: 2 }), 10);
    assert.equal(node.machine.counters.conflicts, 0);
    assert.equal(node.machine.member("test")?.incarnation, 2);
    assert.equal(node.machine.member("test")?.address, "10.0.1.1:7946");
  });

  it("with a port of 0 get ours", () => {
    const node = started(QUIET);
    node.hear(aliveOf("test", { port: 0 }), 0);
    assert.equal(node.machine.member("test")?.address, "10.0.0.200:7946");
  });

  for (
    const [what, over] of [
      ["all-zero versions (Go: TestMemberList_ProbeNode_Wrong_VSN)", { vsn: new Uint8Array(6) }],
      ["no versions", { vsn: null }],
      ["short versions", { vsn: Uint8Array.of(1, 5, 2) }],
      ["a range upside down", { vsn: Uint8Array.of(5, 1, 2, 0, 0, 0) }],
      ["an address of 5 bytes", { addr: new Uint8Array(5).fill(1) }],
      ["an unspecified address", { addr: new Uint8Array(16) }],
      ["a multicast address", { addr: Uint8Array.of(224, 0, 0, 1) }],
      ["an empty name", { node: "" }],
      ["a name of 256 bytes", { node: "x".repeat(256) }],
      ["metadata of 4097 bytes", { meta: new Uint8Array(4097) }],
    ] as const
  ) {
    it(`with ${what} are refused`, () => {
      const node = started(QUIET);
      node.hear({ ...aliveOf("test"), ...over }, 0);
      assert.equal(node.machine.members().length, 1);
      assert.equal(node.machine.counters.aliveRefused, 1);
    });
  }

  it("with incarnation 0 about a stranger leave no trace (memberlist.md 3.3, 6)", () => {
    const node = started(QUIET);
    node.hear(aliveOf("test", { incarnation: 0 }), 0);
    assert.equal(node.machine.members().length, 1);
  });

  it("beyond the table's capacity are refused and counted", () => {
    const node = started({ ...QUIET, membersMax: 3 });
    for (let i = 1; i <= 5; i++) {
      node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 1, i) }), 0);
    }
    assert.equal(node.machine.members().length, 3);
    assert.equal(node.machine.counters.membersRefused, 3);
  });

  it("outside the allowed networks are refused (Go: TestMemberlist_JoinDifferentNetworksUniqueMask)", () => {
    const node = started({ ...QUIET, cidrsAllowed: ["10.0.0.0/24"] });
    node.hear(aliveOf("in", { addr: Uint8Array.of(10, 0, 0, 5) }), 0);
    node.hear(aliveOf("out", { addr: Uint8Array.of(10, 0, 1, 5) }), 0);
    assert.deepEqual(node.live(), ["a", "in"]);
    node.hear(aliveOf("spoofed", { addr: Uint8Array.of(10, 0, 0, 6) }), 0, "10.7.0.1:7946");
    assert.deepEqual(node.live(), ["a", "in"]);
  });

  it("that the delegate refuses are ignored (Go: TestMemberlist_Join_Cancel_Passive)", () => {
    const seen: string[] = [];
    const node = started({
      ...QUIET,
      delegate: {
        refuseAlive: (member) => {
          seen.push(`${member.name} ${member.address} ${member.state}`);
          return "custom";
        },
      },
    });
    node.hear(aliveOf("test"), 0);
    assert.deepEqual(node.live(), ["a"]);
    assert.deepEqual(seen, ["test 10.0.0.200:7946 alive"]);
  });
});

describe("suspect messages", () => {
  it("about strangers are ignored (Go: TestMemberList_SuspectNode_NoNode)", () => {
    const node = started(QUIET);
    node.hear(suspectOf("test", "other"), 0);
    assert.equal(node.machine.members().length, 1);
  });

  it("suspect, then kill when nobody objects, and are gossiped (Go: TestMemberList_SuspectNode)", () => {
    const node = withMembers("test");
    const out = node.hear(suspectOf("test", "other"), 10);
    assert.equal(node.state("test"), "suspect");
    assert.equal(eventsOf(out, "suspected").length, 1);
    assert.deepEqual(said(node, 11), ["alive", "suspect"]);
    const later = node.run(10 + 4000);
    assert.equal(node.state("test"), "dead");
    assert.equal(node.machine.member("test")?.stateChangedMs, 4010);
    const [gone] = eventsOf(later, "gone");
    assert.equal(gone?.member.evidence?.accuser, "other");
    assert.deepEqual(said(node, 4011), ["alive", "dead"]);
  });

  it("twice from one accuser are gossiped once (Go: TestMemberList_SuspectNode_DoubleSuspect)", () => {
    const node = withMembers("test", "m2", "m3");
    node.hear(suspectOf("test", "m2"), 10);
    const since = node.machine.member("test")?.stateChangedMs;
    const queued = node.machine.queued.members;
    // Drain, so that a second broadcast would show.
    for (let i = 0; i < 40; i++) said(node, 11);
    assert.ok(queued > 0);
    assert.equal(node.machine.queued.members, 0);
    node.hear(suspectOf("test", "m2"), 12);
    assert.equal(node.machine.queued.members, 0);
    assert.equal(node.machine.member("test")?.stateChangedMs, since);
  });

  it("of an old incarnation are ignored (Go: TestMemberList_SuspectNode_OldSuspect)", () => {
    const node = started(QUIET);
    node.hear(aliveOf("test", { incarnation: 10 }), 0);
    node.hear(suspectOf("test", "other", 1), 5);
    assert.equal(node.state("test"), "alive");
  });

  it("about us are refuted and cost health (Go: TestMemberList_SuspectNode_Refute)", () => {
    const node = started(QUIET);
    const out = node.hear(suspectOf("a", "other"), 10);
    assert.equal(node.state("a"), "alive");
    assert.equal(node.machine.self.incarnation, 2);
    assert.equal(node.machine.healthScore, 1);
    const [refuted] = eventsOf(out, "refuted");
    assert.deepEqual(refuted, { type: "refuted", incarnation: 2, accuser: "other" });
    assert.deepEqual(said(node, 11), ["alive"]);
  });
});

describe("dead messages", () => {
  it("about strangers are ignored (Go: TestMemberList_DeadNode_NoNode)", () => {
    const node = started(QUIET);
    node.hear(deadOf("test", "other"), 0);
    assert.equal(node.machine.members().length, 1);
  });

  it("kill and are gossiped (Go: TestMemberList_DeadNode)", () => {
    const node = withMembers("test");
    const out = node.hear(deadOf("test", "other"), 10);
    assert.equal(node.state("test"), "dead");
    assert.equal(eventsOf(out, "gone").length, 1);
    assert.deepEqual(said(node, 11), ["alive", "dead"]);
  });

  it("do nothing twice (Go: TestMemberList_DeadNode_Double)", () => {
    const node = withMembers("test");
    node.hear(deadOf("test", "other"), 10);
    const out = node.hear(deadOf("test", "another"), 20);
    assert.equal(eventsOf(out, "gone").length, 0);
    assert.equal(node.machine.member("test")?.stateChangedMs, 10);
  });

  it("of an old incarnation are ignored (Go: TestMemberList_DeadNode_OldDead)", () => {
    const node = started(QUIET);
    node.hear(aliveOf("test", { incarnation: 10 }), 0);
    node.hear(deadOf("test", "other", 1), 5);
    assert.equal(node.state("test"), "alive");
  });

  it("are not undone by a replayed alive (Go: TestMemberList_DeadNode_AliveReplay)", () => {
    const node = started(QUIET);
    node.hear(aliveOf("test", { incarnation: 10 }), 0);
    node.hear(deadOf("test", "other", 10), 5);
    node.hear(aliveOf("test", { incarnation: 10 }), 6);
    assert.equal(node.state("test"), "dead");
  });

  it("about us are refuted and cost health (Go: TestMemberList_DeadNode_Refute)", () => {
    const node = started(QUIET);
    node.hear(deadOf("a", "other", 10), 10);
    assert.equal(node.state("a"), "alive");
    assert.equal(node.machine.self.incarnation, 11);
    assert.equal(node.machine.healthScore, 1);
  });
});

describe("a merge", () => {
  const row = (name: string, last: number, state: number, incarnation: number): PushPullNode => ({
    name,
    addr: Uint8Array.of(127, 0, 0, last),
    port: 8000,
    meta: null,
    incarnation,
    state,
    vsn: VSN,
  });

  function merge(node: TestNode, nodes: readonly PushPullNode[], now: number) {
    const message = { type: "pushPull", join: false, nodes, userState: new Uint8Array(0) } as const;
    const bytes = codecs().stream.request(message);
    node.give({ type: "accepted", stream: -1, from: "127.0.0.9:5000" }, now);
    return node.give({ type: "streamData", stream: -1, bytes }, now);
  }

  it("takes newcomers in and suspects whom others hold dead (Go: TestMemberList_MergeState)", () => {
    const node = started(QUIET);
    for (let i = 1; i <= 3; i++) {
      node.hear(
        aliveOf(`test${i}`, { addr: Uint8Array.of(127, 0, 0, i), port: 8000 }),
        0,
      );
    }
    node.hear(suspectOf("test1", "other"), 0);
    const out = merge(node, [
      row("test1", 1, 0, 2),
      row("test2", 2, 1, 1),
      row("test3", 3, 2, 1),
      row("test4", 4, 0, 2),
    ], 10);
    assert.equal(node.state("test1"), "alive");
    assert.equal(node.state("test2"), "suspect");
    assert.equal(node.state("test3"), "suspect");
    assert.equal(node.state("test4"), "alive");
    assert.equal(eventsOf(out, "joined")[0]?.member.name, "test4");
    assert.deepEqual(eventsOf(out, "merged")[0], {
      type: "merged",
      from: "127.0.0.9:5000",
      join: false,
      partial: 0,
    });
  });

  it("answers with the state from before, always six version bytes (Go: TestTCPPushPull)", () => {
    const node = started(QUIET);
    node.hear(aliveOf("susp"), 0);
    node.hear(suspectOf("susp", "other"), 1);
    const out = merge(node, [row("new", 4, 0, 2)], 10);
    const reply = out.find((e) => e.type === "reply");
    assert.ok(reply?.type === "reply");
    const message = readStream(reply.bytes);
    assert.ok(message.type === "pushPull");
    const shown = message.nodes.map((n) => [n.name, n.state, n.vsn?.length]).sort();
    assert.deepEqual(shown, [["a", 0, 6], ["susp", 1, 6]]);
    assert.ok(out.indexOf(reply) < out.findIndex((e) => e.type === "event"));
  });

  it("skips what can't be used and takes the rest (memberlist.md 8.3, 7)", () => {
    const node = started(QUIET);
    const out = merge(node, [
      row("good", 9, 0, 1),
      { ...row("short", 2, 0, 1), vsn: Uint8Array.of(1, 5) },
      { ...row("alien", 3, 0, 1), vsn: Uint8Array.of(9, 9, 9, 0, 0, 0) },
      row("odd", 4, 7, 1),
    ], 10);
    assert.deepEqual(node.live(), ["a", "good"]);
    assert.equal(eventsOf(out, "merged")[0]?.partial, 3);
  });

  it("is refused when the peer itself can't be understood", () => {
    const node = started(QUIET);
    const serf = Uint8Array.of(1, 5, 2, 2, 5, 5);
    const out = merge(node, [{ ...row("serf", 9, 0, 1), vsn: serf }], 10);
    assert.equal(eventsOf(out, "mergeRefused").length, 1);
    assert.deepEqual(node.live(), ["a"]);
  });

  it("tells of refusals a few times a second at most, and counts them all", () => {
    const node = started(QUIET);
    const serf = { ...row("serf", 9, 0, 1), vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) };
    let told = 0;
    for (let i = 0; i < 200; i++) {
      told += eventsOf(merge(node, [serf], 10), "mergeRefused").length;
    }
    assert.equal(told, 20);
    assert.equal(node.machine.counters.mergesRefused, 200);
    assert.equal(eventsOf(merge(node, [serf], 1_010), "mergeRefused").length, 1);
  });

  it("joins a Serf cluster when told its delegate versions", () => {
    const node = started({ ...QUIET, delegateProtocol: { min: 2, max: 5, current: 5 } });
    const serf = Uint8Array.of(1, 5, 2, 2, 5, 5);
    merge(node, [{ ...row("serf", 9, 0, 1), vsn: serf }], 10);
    assert.deepEqual(node.live(), ["a", "serf"]);
    assert.deepEqual([...node.machine.self.vsn], [1, 5, 2, 2, 5, 5]);
  });
});

describe("messages on the way out", () => {
  it("keep other members' address bytes as they came (memberlist.md 1.11)", () => {
    const node = started(QUIET);
    const mapped = new Uint8Array(16);
    mapped.set([0xff, 0xff, 10, 0, 1, 1], 10);
    node.hear(aliveOf("test", { addr: mapped }), 0);
    const [packet] = packetsOf(node.hear({ type: "ping", seqNo: 1, node: "a" }, 1));
    const alive = messagesOf(packet?.bytes ?? new Uint8Array(0)).find(
      (m) => m.type === "alive" && m.node === "test",
    );
    assert.ok(alive?.type === "alive");
    assert.deepEqual([...alive.addr], [...mapped]);
  });
});
