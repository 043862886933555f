import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReplicationEffect } from "../../../src/core/replication/contract.ts";
import { OutboundLink } from "../../../src/core/replication/link.ts";
import { MessageLane } from "../../../src/core/replication/messages.ts";
import type { Replication } from "../../../src/core/replication/machine.ts";
import { alone } from "./alone.ts";
import { planted } from "./plant.ts";
import { messagesPass, readyCluster } from "./scenarios.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const hello = (capabilities: string[]) => ({
  case: "hello",
  value: { nodeId: "p", bootId: "9", capabilities, wantSnapshot: false, wallMs: 0 },
} as const);

function command(machine: Replication, peer: string, payload: Uint8Array): ReplicationEffect[] {
  const out: ReplicationEffect[] = [];
  const message = { type: "message", op: 7, peer, channel: "c", payload } as const;
  machine.handle({ type: "command", command: message }, 2, out);
  return out;
}

const payloads = (effects: readonly ReplicationEffect[]) =>
  effects.flatMap((effect) => {
    if (effect.type !== "send" || effect.frame.frame.case !== "message") return [];
    return [new TextDecoder().decode(effect.frame.frame.value.payload)];
  });

const answer = (effects: readonly ReplicationEffect[]) => {
  const settled = effects.find((effect) => effect.type === "messageSettled");
  return settled?.type === "messageSettled" && !settled.result.ok ? settled.result.code : "ok";
};

describe("messages", () => {
  it("go both ways and keep their order", () => {
    const net = readyCluster(["a", "b"]);
    for (const [from, to] of [["a", "b"], ["b", "a"]] as const) {
      for (let i = 0; i < 100; i++) net.message(from, to, "leases", `${i}`);
      net.runFor(3_000);
      const got = net.node(to).events.flatMap((event) =>
        event.type === "message"
          ? [`${event.peer} ${event.channel} ${new TextDecoder().decode(event.payload)}`]
          : []
      );
      assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => `${from} leases ${i}`));
      assert.equal(net.node(to).machine.counters.messagesReceived, 100);
    }
  });

  it("go back on the link that a peer dialled when there is no other", () => {
    const { machine, say } = alone();
    say(hello(["msg:v1"]));
    const effects = command(machine, "p", bytes("hi"));
    assert.deepEqual([payloads(effects), answer(effects)], [["hi"], "ok"]);
    const heard = say({ case: "message", value: { channel: "c", payload: bytes("ho") } });
    assert.deepEqual(heard.map((effect) => effect.type === "event" && effect.event), [
      { type: "message", peer: "p", channel: "c", payload: bytes("ho") },
    ]);
  });

  it("are not sent to a peer that is too old, unknown, or when they are too large", () => {
    const { machine, say } = alone();
    assert.equal(answer(command(machine, "p", bytes("hi"))), "unknown-member");
    machine.handle({ type: "peerUp", peer: "p", boot: "9", capabilities: [] }, 1, []);
    machine.handle({ type: "linkOpened", link: 1 }, 1, []);
    const value = { nodeId: "p", bootId: "9", capabilities: ["ack:v1"], wallMs: 0, ready: true };
    const frame = { frame: { case: "welcome", value } } as const;
    const early = command(machine, "p", bytes("while dialling"));
    machine.handle({ type: "frame", link: 1, frame }, 1, []);
    say(hello([]));
    const effects = command(machine, "p", bytes("hi"));
    assert.deepEqual([answer(early), answer(effects), payloads(effects)], [
      "ok",
      "unsupported",
      [],
    ]);
    assert.equal(machine.counters.messagesDropped, 1);
    assert.equal(answer(command(machine, "p", new Uint8Array(65_537))), "too-large");
  });

  it("wait in a bounded queue whose oldest goes", () => {
    const { machine, say } = alone();
    say(hello(["msg:v1"]));
    const first = command(machine, "p", bytes("0"));
    for (let i = 1; i <= 300; i++) command(machine, "p", bytes(`${i}`));
    assert.deepEqual(payloads(first), ["0"]);
    assert.equal(machine.counters.messagesDropped, 44);
    const rest: ReplicationEffect[] = [];
    for (let i = 0; i < 400; i++) machine.handle({ type: "writable", link: -1 }, 3, rest);
    assert.deepEqual(payloads(rest), Array.from({ length: 256 }, (_, i) => `${i + 45}`));
  });

  it("out of bounds from a peer are dropped and counted", () => {
    const { machine, say } = alone();
    say(hello(["msg:v1"]));
    for (
      const value of [
        { channel: "x".repeat(256), payload: bytes("") },
        { channel: "c", payload: new Uint8Array(65_537) },
      ]
    ) assert.deepEqual(say({ case: "message", value }), []);
    assert.equal(machine.counters.messagesDropped, 2);
  });

  it("pass what waits of the state, and still leave it room", () => {
    messagesPass();
    planted(OutboundLink.prototype, "pump", asksAnew, () => {
      planted(MessageLane.prototype, "next", lastOnly, () => {
        assert.throws(() => messagesPass(), /the message waits for the state/);
      });
    });
    planted(MessageLane.prototype, "next", alwaysFirst, () => {
      assert.throws(() => messagesPass(), /the state waits for messages/);
    });
  });
});

const right = MessageLane.prototype.next;
const pump = OutboundLink.prototype.pump;
let asked = 0;

const asksAnew: OutboundLink["pump"] = function (this: OutboundLink, now, out) {
  asked = 0;
  pump.call(this, now, out);
};

/** A planted bug: messages go only when nothing else wants to. */
const lastOnly: MessageLane["next"] = function (this: MessageLane) {
  return ++asked === 1 ? undefined : right.call(this);
};

/** A planted bug: never a turn for anything else. */
const alwaysFirst: MessageLane["next"] = function (this: MessageLane) {
  return right.call(this) ?? right.call(this);
};
