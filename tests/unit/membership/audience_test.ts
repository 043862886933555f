import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Recipient } from "../../../src/core/membership/audience.ts";
import { Broadcasts } from "../../../src/core/membership/broadcasts.ts";
import { aliveOf, deadOf, packetsOf, started, suspectOf, TestNet, TestNode } from "./harness.ts";

/** A queue of messages that are told apart by their first byte. */
class Queue {
  readonly #broadcasts: Broadcasts = new Broadcasts(1_000);

  add(mark: number, knownBy: readonly string[] = []): void {
    this.#broadcasts.add(`${mark}`, Uint8Array.of(mark, 0, 0), undefined, knownBy);
  }

  /** What a fetch for `address` brings, among so many who could want it. */
  takeFor(address: string, among: number, room = 1_000): number[] {
    return this.#take({ address, among }, room, 100);
  }

  /** The same for somebody held to be dead, when each message is sent twice. */
  takeForGone(address: string, among: number): number[] {
    return this.#take({ address, among, gone: true }, 1_000, 2);
  }

  /** How many are left. */
  get size(): number {
    return this.#broadcasts.size;
  }

  #take(to: Recipient, room: number, limit: number): number[] {
    const out: Uint8Array[] = [];
    this.#broadcasts.take(room, 0, limit, out, Infinity, to);
    return out.map((bytes) => bytes[0] as number);
  }
}

describe("a broadcast", () => {
  it("goes to nobody twice while somebody lacks it, then starts over", () => {
    const queue = new Queue();
    queue.add(1);
    assert.deepEqual(queue.takeFor("a", 2), [1]);
    assert.deepEqual(queue.takeFor("a", 2), []);
    assert.deepEqual(queue.takeFor("b", 2), [1]);
    assert.deepEqual(queue.takeFor("b", 2), [1]);
    assert.deepEqual(queue.takeFor("b", 2), []);
    assert.deepEqual(queue.takeFor("a", 2), [1]);
  });

  it("counts those who know it as told, and never waits for nobody", () => {
    const queue = new Queue();
    queue.add(1, ["a"]);
    assert.deepEqual(queue.takeFor("a", 2), []);
    assert.deepEqual(queue.takeFor("a", 1), [1]);
    assert.deepEqual(queue.takeFor("a", 0), [1]);
  });

  it("is not used up by telling the dead, unless nobody else is there", () => {
    const queue = new Queue();
    queue.add(1);
    for (let i = 0; i < 5; i++) assert.deepEqual(queue.takeForGone("x", 2), [1]);
    assert.deepEqual(queue.takeFor("a", 2), [1]);
    assert.deepEqual(queue.takeForGone("x", 0), [1]);
    assert.equal(queue.size, 0);
  });

  it("that is passed over makes room for the next", () => {
    const queue = new Queue();
    queue.add(1);
    queue.add(2, ["a"]);
    queue.add(3);
    assert.deepEqual(queue.takeFor("a", 5, 6), [3, 1]);
  });

  it("is not sought behind more than 64 that the recipient has", () => {
    const queue = new Queue();
    queue.add(0);
    for (let mark = 1; mark <= 63; mark++) queue.add(mark, ["a"]);
    assert.deepEqual(queue.takeFor("a", 100, 3), [0]);
    queue.add(64, ["a"]);
    queue.add(65);
    for (let mark = 66; mark <= 130; mark++) queue.add(mark, ["a"]);
    assert.deepEqual(queue.takeFor("a", 100, 3), []);
    assert.equal(queue.takeFor("b", 100, 3).length, 1);
  });
});

/** No timers, so that only acks carry news. */
const QUIET = { gossipIntervalMs: 0, pushPullIntervalMs: 0, probeIntervalMs: 0 } as const;

function withThree(): TestNode {
  const node = started(QUIET);
  for (let i = 1; i <= 3; i++) {
    node.hear(aliveOf(`m${i}`, { addr: Uint8Array.of(10, 0, 1, i) }), 0, "10.0.1.1:7946");
  }
  return node;
}

/** What goes along with an ack to the member of that number. */
function toldTo(node: TestNode, number: number): string[] {
  const ping = {
    type: "ping",
    seqNo: 1,
    node: "a",
    sourceAddr: Uint8Array.of(10, 0, 1, number),
    sourcePort: 7946,
    sourceNode: `m${number}`,
  } as const;
  const out = node.hear(ping, 1, `10.0.1.${number}:7946`);
  return packetsOf(out).flatMap(({ messages }) => messages.slice(1)).map((message) =>
    "node" in message ? `${message.type} ${message.node}` : message.type
  ).sort();
}

describe("news of a member", () => {
  it("goes neither to the member that is alive nor to who told us", () => {
    const node = withThree();
    assert.deepEqual(toldTo(node, 1), ["alive a"]);
    assert.deepEqual(toldTo(node, 2), ["alive a", "alive m1", "alive m3"]);
  });

  it("that accuses it goes to it, so that it can object", () => {
    const node = withThree();
    for (let i = 1; i <= 3; i++) for (let n = 0; n < 9; n++) toldTo(node, i);
    node.hear(suspectOf("m2", "m3"), 1, "10.0.1.3:7946");
    assert.ok(toldTo(node, 2).includes("suspect m2"));
    node.hear(deadOf("m2", "m3"), 2, "10.0.1.3:7946");
    assert.ok(toldTo(node, 2).includes("dead m2"));
    assert.ok(!toldTo(node, 3).includes("dead m2"));
    assert.ok(toldTo(node, 1).includes("dead m2"));
  });
});

describe("a join", () => {
  it("reaches all by gossip, though others have died lately, and waits for no exchange of state", () => {
    const net = new TestNet();
    const options = { profile: "local", pushPullIntervalMs: 0 } as const;
    const standing = [...net.cluster(10, options)];
    let late = 0;
    for (let round = 0; round < 60; round++) {
      const guest = net.add(options);
      const contact = standing[round % standing.length] as TestNode;
      net.command(guest, { type: "join", addresses: [contact.address] });
      net.run(2_000);
      if (!standing.every((node) => node.state(guest.name) === "alive")) late++;
      net.kill(guest);
      net.run(3_000);
    }
    assert.ok(late <= 4, `${late} of 60 joins did not reach everybody`);
  });
});
