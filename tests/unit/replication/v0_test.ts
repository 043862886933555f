import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type {
  ReplicationEffect,
  ReplicationInput,
} from "../../../src/core/replication/contract.ts";
import type { LinkFrame } from "../../../src/core/replication/frames.ts";
import { Replication } from "../../../src/core/replication/machine.ts";
import { Rng } from "../../../src/core/rng.ts";
import { entryCodec } from "../../../src/driver/entry_codec.ts";
import { decodeLinkFrame, encodeLinkFrame, type LinkEnd } from "../../../src/driver/link_codec.ts";
import { ROOT } from "../../../tools/project.ts";

/** Bytes as the first version of the protocol wrote them. Never written again: nodes of that version are out there. */
interface Fixture {
  readonly epochMs: number;
  readonly entries: readonly {
    readonly name: string;
    readonly bytes: string;
    readonly means: unknown;
  }[];
  readonly frames: readonly {
    readonly end: LinkEnd;
    readonly bytes: string;
    readonly means: { readonly case: string };
  }[];
  /** What an old node, `old` of boot `boot-1`, said to a newcomer, `peer` of boot `boot-2`. */
  readonly session: readonly { readonly end: LinkEnd; readonly bytes: string }[];
  /** What both held afterwards. */
  readonly held: readonly string[];
}

const fixture = JSON.parse(
  readFileSync(join(ROOT, "tests/unit/replication/fixtures/v0_frames.json"), "utf8"),
) as Fixture;

const V0_CASES = ["hello", "welcome", "batch", "ack", "digest", "pull"];

describe("the first version of the protocol", () => {
  it("is still read: every kind of entry means what it meant", () => {
    for (const { name, bytes, means } of fixture.entries) {
      const record = entryCodec.decode(unhex(bytes));
      assert.deepEqual(plain(record), means, name);
    }
  });

  it("is still read: every kind of frame means what it meant", () => {
    const seen = new Set<string>();
    for (const { end, bytes, means } of fixture.frames) {
      seen.add(means.case);
      const decoded = decodeLinkFrame(unhex(bytes), end);
      assert.deepEqual(fieldsOf(plain(decoded?.frame), means), means);
    }
    assert.deepEqual([...seen].sort(), [...V0_CASES].sort());
  });

  it("is still written where nothing new is said, byte for byte", () => {
    for (const { bytes } of fixture.entries) {
      const record = entryCodec.decode(unhex(bytes));
      assert.equal(record && hex(entryCodec.encode(record)), bytes);
    }
    for (const { end, bytes } of fixture.frames) {
      const frame = decodeLinkFrame(unhex(bytes), end) as LinkFrame;
      assert.equal(hex(encodeLinkFrame(frame, end)), bytes);
    }
  });

  it("is enough to exchange state: an old node's side of a conversation, played to a node of today", () => {
    const machine = new Replication(
      { nodeId: "peer", bootId: "boot-2", joinTimeoutMs: 500 },
      entryCodec,
      new Rng(1),
    );
    const said: string[] = [];
    let now = 0;
    let dialled = 0;
    const tell = (input: ReplicationInput): void => {
      const out: ReplicationEffect[] = [];
      machine.handle(input, now, out);
      for (const effect of out) {
        if (effect.type === "close") assert.fail(effect.reason);
        if (effect.type === "open") {
          dialled = effect.link;
          tell({ type: "linkOpened", link: effect.link });
        } else if (effect.type === "send") {
          said.push(effect.frame.frame.case ?? "none");
          tell({ type: "writable", link: effect.link });
        }
      }
    };
    tell({ type: "start", wallMs: fixture.epochMs + 1_000 });
    tell({ type: "peerUp", peer: "old", boot: "boot-1", capabilities: ["ack:v1"] });
    tell({ type: "accepted", link: -1 });
    for (const { end, bytes } of fixture.session) {
      const frame = decodeLinkFrame(unhex(bytes), end) as LinkFrame;
      now += 20;
      if (frame.frame.case === "ack") {
        const writes = [{ type: "rbac", key: "r", value: new Uint8Array([1]) }];
        tell({ type: "command", command: { type: "write", op: 1, writes } });
        now += 20;
        tell({ type: "tick" });
      }
      tell({ type: "frame", link: end === "dialler" ? -1 : dialled, frame });
    }
    assert.ok(machine.synced);
    const [link] = machine.view().links;
    assert.deepEqual([link?.state, link?.dirty, link?.inFlight], ["open", 0, 0]);
    assert.deepEqual(said.filter((kind) => !V0_CASES.includes(kind)), []);
    const held: string[] = [];
    for (const type of machine.store.types()) {
      for (const { entry } of machine.store.slots(type)) held.push(hex(entry.bytes));
    }
    const ours = hex(machine.get("rbac", "r")?.bytes ?? new Uint8Array(0));
    const theirs = fixture.held.filter((entry) => held.includes(entry));
    assert.deepEqual(held.filter((entry) => entry !== ours).sort(), [...theirs].sort());
    assert.equal(theirs.length, fixture.held.length - 1);
  });
});

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** As the fixture writes it: no type names, no absent fields, bytes as `{ hex }`. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: hex(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => !name.startsWith("$") && field !== undefined)
      .map(([name, field]) => [name, plain(field)]),
  );
}

/** The fields that the first version knew: later ones have their defaults. */
function fieldsOf(value: unknown, known: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(known)) {
    return value.map((item, index) => fieldsOf(item, known[index]));
  }
  if (typeof value !== "object" || value === null || typeof known !== "object" || known === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name in known)
      .map(([name, field]) => [name, fieldsOf(field, (known as Record<string, unknown>)[name])]),
  );
}
