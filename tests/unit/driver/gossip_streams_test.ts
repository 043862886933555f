/**
 * What the gossip plane holds for peers that do not read, and what is left when it ends.
 */

import assert from "node:assert/strict";
import * as net from "node:net";
import { describe, it } from "node:test";
import type { Machine, Tick } from "../../../src/core/machine.ts";
import type { MembershipEffect, MembershipInput } from "../../../src/core/membership/contract.ts";
import { type GossipOptions, type GossipPlane, startGossip } from "../../../src/driver/gossip.ts";
import type { ByteStream, Streams } from "../../../src/ports/streams.ts";
import { ManualClock, type MemoryHost, memoryNetwork } from "../../../src/testing/memory/mod.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

/** More than any socket takes unread. */
const REPLY = new Uint8Array(64 * 1024 * 1024);
const REPLY_TIMEOUT_MS = 5_000;

/** Answers the first bytes of every stream with `reply`, and dials when it is asked to join. */
class Answering implements Machine<MembershipInput, MembershipEffect> {
  readonly accepted: Extract<MembershipInput, { readonly type: "accepted" }>[] = [];
  readonly #reply: Uint8Array;

  constructor(reply: Uint8Array) {
    this.#reply = reply;
  }

  handle(input: MembershipInput | Tick, _now: number, out: MembershipEffect[]): void {
    if (input.type === "accepted") this.accepted.push(input);
    if (input.type === "streamData") {
      out.push({ type: "reply", stream: input.stream, bytes: this.#reply });
    }
    if (input.type !== "command" || input.command.type !== "join") return;
    const to = input.command.addresses[0] as string;
    out.push({ type: "dial", stream: 1, to, request: Uint8Array.of(1) });
  }

  nextDeadline(): undefined {}
}

const start = (
  runtime: GossipOptions["runtime"],
  machine: Answering,
  ip = "0.0.0.0",
): Promise<GossipPlane> =>
  startGossip({
    runtime,
    ip,
    port: 0,
    machine: () => machine,
    onEvent: () => {},
    replyTimeoutMs: REPLY_TIMEOUT_MS,
  });

/** Two hosts, and every stream that is open at the first. */
function setting(): {
  readonly clock: ManualClock;
  readonly near: GossipOptions["runtime"];
  readonly ip: string;
  readonly far: MemoryHost;
  readonly open: Set<ByteStream>;
} {
  const clock = new ManualClock();
  const network = memoryNetwork({ clock });
  const [near, far] = [network.host(), network.host()];
  const open = new Set<ByteStream>();
  const watched = (stream: ByteStream): ByteStream => {
    open.add(stream);
    const original = stream.destroy.bind(stream);
    stream.destroy = () => (open.delete(stream), original());
    const close = stream.close.bind(stream);
    stream.close = (lingerMs) => close(lingerMs).finally(() => open.delete(stream));
    return stream;
  };
  const streams: Streams = {
    listen: (options) =>
      near.streams.listen({
        ...options,
        onStream: (stream) => options.onStream(watched(stream)),
      }),
    dial: async (to, options) => watched(await near.streams.dial(to, options)),
  };
  const runtime = { clock, datagrams: near.datagrams, streams };
  return { clock, near: runtime, ip: near.ips[0] as string, far, open };
}

/** A promise that is resolved by hand. */
function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((open) => resolve = open);
  return { promise, resolve };
}

/** Connects, asks, and never reads. */
async function ask(far: MemoryHost, clock: ManualClock, to: string): Promise<ByteStream> {
  const stream = await clock.until(far.streams.dial(to, { timeoutMs: 1_000 }));
  await clock.until(stream.write(Uint8Array.of(1)));
  await clock.advance(20);
  return stream;
}

describe("a peer that asks and never reads", () => {
  it("keeps its stream until the reply's time is up, and counts among the accepted until then", async () => {
    const { clock, near, ip, far, open } = setting();
    const machine = new Answering(REPLY);
    await using plane = await start(near, machine);
    const to = `${ip}:${plane.port}`;
    for (let i = 0; i < 3; i++) await ask(far, clock, to);
    assert.equal(open.size, 3);
    assert.deepEqual(machine.accepted.map(({ replying }) => replying), [0, 1, 2]);
    await clock.advance(REPLY_TIMEOUT_MS);
    assert.equal(open.size, 0);
    await ask(far, clock, to);
    assert.equal(machine.accepted.at(-1)?.replying, 0);
  });

  it("loses its stream at once when the node ends", async () => {
    const { clock, near, ip, far, open } = setting();
    const plane = await start(near, new Answering(REPLY));
    await ask(far, clock, `${ip}:${plane.port}`);
    assert.equal(open.size, 1);
    await plane[Symbol.asyncDispose]();
    assert.equal(open.size, 0);
  });

  it("is let go of on real sockets too", async () => {
    const { clock, datagrams, streams } = await wakefulRuntime();
    const machine = new Answering(REPLY);
    await using plane = await startGossip({
      runtime: { clock, datagrams, streams },
      ip: "127.0.0.1",
      port: 0,
      machine: () => machine,
      onEvent: () => {},
      replyTimeoutMs: 200,
    });
    const sockets: net.Socket[] = [];
    const knock = async (): Promise<number> => {
      const count = machine.accepted.length;
      const socket = net.connect({ host: "127.0.0.1", port: plane.port });
      socket.on("error", () => {});
      socket.pause();
      sockets.push(socket);
      await eventually("it is accepted", () => machine.accepted.length > count);
      return machine.accepted[count]?.replying ?? -1;
    };
    try {
      assert.equal(await knock(), 0);
      sockets[0]!.write("ask");
      await eventually("the reply is being written", async () => await knock() === 1);
      await eventually("the reply is given up", async () => await knock() === 0);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe("a reply that is read", () => {
  it("counts no more once it is written and closed", async () => {
    const { clock, near, ip, far, open } = setting();
    const machine = new Answering(Uint8Array.of(7));
    await using plane = await start(near, machine);
    const to = `${ip}:${plane.port}`;
    const stream = await ask(far, clock, to);
    const chunks: number[] = [];
    const reading = (async () => {
      for await (const bytes of stream.chunks) chunks.push(...bytes);
      await stream.close();
    })();
    await clock.until(reading);
    await clock.advance(20);
    assert.deepEqual([chunks, open.size], [[7], 0]);
    await ask(far, clock, to);
    assert.equal(machine.accepted.at(-1)?.replying, 0);
  });
});

describe("the end of a gossip plane", () => {
  it("leaves no socket bound when the machine can't be made", async () => {
    const { clock, near } = setting();
    const port = 7946;
    const failing = startGossip({
      runtime: near,
      ip: "0.0.0.0",
      port,
      machine: () => {
        throw new RangeError("Cannot advertise");
      },
      onEvent: () => {},
    });
    await assert.rejects(clock.until(failing), { message: "Cannot advertise" });
    const machine = new Answering(REPLY);
    const options = { runtime: near, ip: "0.0.0.0", port, machine: () => machine };
    await using plane = await startGossip({ ...options, onEvent: () => {} });
    assert.equal(plane.port, port);
  });

  it("keeps no stream whose dial succeeds after it", async () => {
    const { clock, near, far, open } = setting();
    const listener = await far.streams.listen({ ip: "0.0.0.0", port: 7946, onStream: () => {} });
    const dialled = gate();
    const released = gate();
    const streams: Streams = {
      listen: (options) => near.streams.listen(options),
      dial: async (to, { timeoutMs }) => {
        const stream = await near.streams.dial(to, { timeoutMs });
        dialled.resolve();
        await released.promise;
        return stream;
      },
    };
    const plane = await start({ ...near, streams }, new Answering(REPLY));
    const joining = plane.run({ type: "join", addresses: [`${far.ips[0]}:7946`] });
    const ended = assert.rejects(joining, { code: "closed" });
    await clock.until(dialled.promise);
    await plane[Symbol.asyncDispose]();
    await ended;
    released.resolve();
    await clock.advance(10);
    assert.equal(open.size, 0);
    await listener[Symbol.asyncDispose]();
  });

  it("is waited for by whoever ends it a second time", async () => {
    const { clock, near } = setting();
    const holding = gate();
    const datagrams: GossipOptions["runtime"]["datagrams"] = {
      ...near.datagrams,
      bind: async (options) => {
        const socket = await near.datagrams.bind(options);
        const release = socket[Symbol.asyncDispose].bind(socket);
        socket[Symbol.asyncDispose] = () => holding.promise.then(release);
        return socket;
      },
    };
    const plane = await start({ ...near, datagrams }, new Answering(REPLY));
    const order: string[] = [];
    const first = plane[Symbol.asyncDispose]().then(() => order.push("first"));
    const second = plane[Symbol.asyncDispose]().then(() => order.push("second"));
    await clock.advance(1);
    order.push("released");
    holding.resolve();
    await Promise.all([first, second]);
    assert.deepEqual(order, ["released", "first", "second"]);
  });
});
