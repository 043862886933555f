import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MembershipEffect } from "../../../src/core/membership/contract.ts";
import type { StreamCodec } from "../../../src/core/wire/contract.ts";
import type { StreamMessage } from "../../../src/core/wire/messages.ts";
import { aesGcm } from "../../interop/aes_gcm.ts";
import { aliveOf, codecs, readStream, started, suspectOf, TestNode } from "./harness.ts";

const QUIET = { gossipIntervalMs: 0, pushPullIntervalMs: 0, probeIntervalMs: 0 } as const;

/** Notes what a node's codec is asked to encode. */
function watched(node: TestNode): StreamMessage[] {
  const asked: StreamMessage[] = [];
  const codec = node.codec.stream as { request: StreamCodec["request"] };
  const { request } = codec;
  codec.request = (message) => {
    asked.push(message);
    return request(message);
  };
  return asked;
}

/** Dials somebody with our state; answers what is sent. */
function dialled(node: TestNode, now: number): Uint8Array {
  const before = node.effects.length;
  node.command({ type: "join", addresses: ["10.0.7.7:7946"] }, now);
  const dial = node.effects.slice(before).find((effect: MembershipEffect) =>
    effect.type === "dial"
  );
  assert.ok(dial?.type === "dial");
  return dial.request;
}

/** The rows of a request. */
function rows(request: Uint8Array): string[] {
  const message = readStream(request, true);
  assert.ok(message.type === "pushPull");
  return message.nodes.map(({ name, state, incarnation }) => `${name} ${state} ${incarnation}`)
    .sort();
}

describe("our state, said to many", () => {
  it("is put together and encoded once while nothing changes", () => {
    const node = started(QUIET);
    const asked = watched(node);
    node.hear(aliveOf("m1"), 0);
    const [first, second] = [dialled(node, 1), dialled(node, 2)];
    assert.deepEqual(first, second);
    assert.notEqual(first.buffer, second.buffer);
    assert.ok(asked.length === 2 && asked[0] === asked[1]);
  });

  it("shows every change at once", () => {
    const node = started(QUIET);
    assert.deepEqual(rows(dialled(node, 1)), ["a 0 1"]);
    node.hear(aliveOf("m1"), 2);
    assert.deepEqual(rows(dialled(node, 3)), ["a 0 1", "m1 0 1"]);
    node.hear(suspectOf("m1", "m2"), 4);
    assert.deepEqual(rows(dialled(node, 5)), ["a 0 1", "m1 1 1"]);
    node.hear(suspectOf("m1", "m2", 3), 6);
    assert.deepEqual(rows(dialled(node, 7)), ["a 0 1", "m1 1 3"]);
    node.hear(aliveOf("m1", { incarnation: 4 }), 8);
    assert.deepEqual(rows(dialled(node, 9)), ["a 0 1", "m1 0 4"]);
    node.hear(suspectOf("a", "m1"), 10);
    assert.deepEqual(rows(dialled(node, 11)), ["a 0 2", "m1 0 4"]);
    node.command({ type: "setMeta", meta: Uint8Array.of(1), timeoutMs: 100 }, 12);
    assert.deepEqual(rows(dialled(node, 13)), ["a 0 3", "m1 0 4"]);
  });

  it("is asked of the application every time", () => {
    let calls = 0;
    const node = new TestNode({
      ...QUIET,
      delegate: { localState: () => Uint8Array.of(++calls) },
    });
    node.give({ type: "start" }, 0);
    const states = [dialled(node, 1), dialled(node, 2)].map((request) => {
      const message = readStream(request, true);
      return message.type === "pushPull" ? [...message.userState] : [];
    });
    assert.deepEqual(states, [[1], [2]]);
  });

  it("is encrypted anew each time", () => {
    const cipher = aesGcm(new Uint8Array(16).fill(7));
    const { stream } = codecs({ keyring: { ciphers: () => [cipher] } });
    const message = {
      type: "pushPull",
      join: false,
      nodes: [],
      userState: new Uint8Array(0),
    } as const;
    assert.notDeepEqual(stream.request(message), stream.request(message));
  });
});
