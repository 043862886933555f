import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "../../../src/core/errors.ts";
import type { DatagramSocket, Frame } from "../../../src/ports/datagrams.ts";
import type { ByteStream } from "../../../src/ports/streams.ts";
import {
  ManualClock,
  type MemoryHost,
  type MemoryNetwork,
  memoryNetwork,
  type NetworkFaults,
} from "../../../src/testing/memory/mod.ts";

const PORT = 7946;

interface Pair {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly hosts: readonly [MemoryHost, MemoryHost];
  readonly sockets: readonly [DatagramSocket, DatagramSocket];
  /** What each host got. */
  readonly frames: readonly [Frame[], Frame[]];
}

/** Two hosts with one bound UDP socket each. */
async function pair(faults: NetworkFaults = {}, seed = 7): Promise<Pair> {
  const clock = new ManualClock();
  const network = memoryNetwork({ clock, seed, faults });
  const hosts = [network.host("10.0.0.1"), network.host("10.0.0.2")] as const;
  const frames: [Frame[], Frame[]] = [[], []];
  const bind = (i: 0 | 1): Promise<DatagramSocket> =>
    hosts[i].datagrams.bind({
      ip: "0.0.0.0",
      port: PORT,
      onFrame: (frame) => frames[i].push(frame),
    });
  return { clock, network, hosts, frames, sockets: [await bind(0), await bind(1)] };
}

/** Sends `count` datagrams whose first bytes count up from the first host to the second. */
function send({ sockets }: Pair, count: number): void {
  for (let i = 0; i < count; i++) {
    sockets[0].send("10.0.0.2:7946", Uint8Array.of(i >> 8, i & 255));
  }
}

function numbers(frames: readonly Frame[]): number[] {
  return frames.map(({ bytes }) => (bytes[0]! << 8) + bytes[1]!);
}

describe("datagrams between hosts in memory", () => {
  it("arrive after the delay, from the sender's address, as copies", async () => {
    const two = await pair({ delayMs: [3, 3] });
    const bytes = Uint8Array.of(1, 2);
    two.sockets[0].send("10.0.0.2:7946", bytes);
    bytes.fill(9);
    await two.clock.advance(2.9);
    assert.equal(two.frames[1].length, 0);
    await two.clock.advance(0.1);
    assert.deepEqual(two.frames[1], [
      { from: "10.0.0.1:7946", bytes: Uint8Array.of(1, 2), receivedMs: 3 },
    ]);
  });

  it("are lost and doubled in the asked shares, and counted", async () => {
    const two = await pair({ lossRatio: 0.3, duplicateRatio: 0.2 });
    send(two, 1_000);
    await two.clock.advance(10);
    const { datagrams, lost, doubled } = two.network.counters;
    assert.equal(datagrams, 1_000);
    assert.ok(lost > 250 && lost < 350, `${lost} of 1000 were lost`);
    assert.ok(doubled > 100 && doubled < 180, `${doubled} of ${1_000 - lost} were doubled`);
    assert.equal(two.frames[1].length, datagrams - lost + doubled);
  });

  it("overtake each other when the delay is wide, and not when it is fixed", async () => {
    for (const [delayMs, isReordered] of [[[1, 50], true], [[5, 5], false]] as const) {
      const two = await pair({ delayMs });
      send(two, 200);
      await two.clock.advance(50);
      const got = numbers(two.frames[1]);
      assert.equal(got.length, 200);
      assert.equal(got.some((n, i) => n < (got[i - 1] ?? 0)), isReordered);
    }
  });

  it("do the same again from the same seed, and something else from another", async () => {
    const run = async (seed: number): Promise<string> => {
      const two = await pair({ lossRatio: 0.3, duplicateRatio: 0.2, delayMs: [1, 50] }, seed);
      send(two, 300);
      await two.clock.advance(50);
      return two.frames[1].map(({ receivedMs }, i) => `${numbers(two.frames[1])[i]}@${receivedMs}`)
        .join();
    };
    const first = await run(11);
    assert.equal(await run(11), first);
    assert.notEqual(await run(12), first);
  });

  it("above the size that gets through are lost in silence", async () => {
    const two = await pair({ datagramBytesMax: 1_400 });
    for (const size of [1_400, 1_401]) two.sockets[0].send("10.0.0.2:7946", new Uint8Array(size));
    await two.clock.advance(10);
    assert.deepEqual(two.frames[1].map(({ bytes }) => bytes.length), [1_400]);
    assert.equal(two.network.counters.lost, 1);
  });

  it("pass a one-way cut the other way only, until it is healed", async () => {
    const two = await pair();
    const [a, b] = two.hosts;
    const both = async (): Promise<number[]> => {
      const before = two.frames.map(({ length }) => length);
      two.sockets[0].send("10.0.0.2:7946", Uint8Array.of(1));
      two.sockets[1].send("10.0.0.1:7946", Uint8Array.of(1));
      await two.clock.advance(10);
      return two.frames.map(({ length }, i) => length - before[i]!);
    };
    two.network.cut([a], [b]);
    assert.deepEqual(await both(), [1, 0]);
    two.network.cut([b], [a]);
    assert.deepEqual(await both(), [0, 0]);
    two.network.heal([a], [b]);
    assert.deepEqual(await both(), [0, 1]);
    two.network.heal();
    assert.deepEqual(await both(), [1, 1]);
  });

  it("suffer what the network is told to do next", async () => {
    const two = await pair();
    two.network.disturb({ lossRatio: 1 });
    assert.equal(two.network.faults.lossRatio, 1);
    send(two, 10);
    two.network.disturb({});
    send(two, 1);
    await two.clock.advance(10);
    assert.equal(two.frames[1].length, 1);
  });

  it("to an address that no host has are lost", async () => {
    const two = await pair();
    two.sockets[0].send("10.9.9.9:7946", Uint8Array.of(1));
    await two.clock.advance(10);
    assert.equal(two.network.counters.lost, 1);
  });
});

/** A connection from the first host to the second, with what its reader got. */
async function connect(two: Pair): Promise<{ near: ByteStream; far: ByteStream; got: number[] }> {
  const got: number[] = [];
  let far: ByteStream | undefined;
  await two.hosts[1].streams.listen({
    ip: "10.0.0.2",
    port: PORT,
    onStream: (stream) => far = stream,
  });
  const dialling = two.hosts[0].streams.dial("10.0.0.2:7946", { timeoutMs: 1_000 });
  const near = await two.clock.until(dialling);
  const read = async (): Promise<void> => {
    for await (const chunk of far!.chunks) got.push(...chunk);
    got.push(-1);
  };
  void read();
  return { near, far: far!, got };
}

describe("connections between hosts in memory", () => {
  it("keep their order however the delay varies", async () => {
    const two = await pair({ delayMs: [1, 80] });
    const { near, got } = await connect(two);
    for (let i = 0; i < 100; i++) await near.write(Uint8Array.of(i));
    await two.clock.advance(100);
    assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => i));
  });

  it("stall while one direction is cut and go on when it is healed in time", async () => {
    const two = await pair();
    const { near, got } = await connect(two);
    two.network.cut([two.hosts[1]], [two.hosts[0]]);
    await near.write(Uint8Array.of(1));
    await two.clock.advance(9_000);
    assert.deepEqual(got, []);
    two.network.heal();
    await two.clock.advance(500);
    assert.deepEqual(got, [1]);
  });

  it("break at both ends when the way stays cut", async () => {
    const two = await pair();
    const { near, far, got } = await connect(two);
    two.network.cut([two.hosts[0]], [two.hosts[1]]);
    await near.write(Uint8Array.of(1));
    await two.clock.advance(11_000);
    assert.deepEqual(got, [-1]);
    for (const end of [near, far]) {
      await assert.rejects(
        end.write(Uint8Array.of(2)),
        (error) => ClusterError.is(error, "closed"),
      );
    }
  });

  it("are made late when the way heals before the dial's deadline", async () => {
    const two = await pair();
    two.network.cut([two.hosts[0]], [two.hosts[1]]);
    let isOpen = false;
    const opening = connect(two).then(() => isOpen = true);
    await two.clock.advance(600);
    assert.equal(isOpen, false);
    two.network.heal();
    await two.clock.until(opening, 500);
  });

  it("are refused where nobody listens and where nobody is", async () => {
    const two = await pair();
    for (const to of ["10.0.0.2:1", "10.9.9.9:7946"]) {
      await assert.rejects(
        two.clock.until(two.hosts[0].streams.dial(to, { timeoutMs: 1_000 })),
        (error) => ClusterError.is(error, "unreachable"),
      );
    }
    assert.equal(two.network.counters.refused, 1);
  });
});

describe("hosts in memory", () => {
  it("bind nothing but their own addresses", async () => {
    const { hosts } = await pair();
    await assert.rejects(
      hosts[0].streams.listen({ ip: "10.0.0.2", port: 0, onStream: () => {} }),
      (error) => ClusterError.is(error, "bind-failed") && error.message.includes("10.0.0.1"),
    );
  });

  it("share no address, and loopback is each one's own", async () => {
    const { clock, network, hosts } = await pair();
    assert.throws(() => network.host("10.0.0.1"), /another one has 10\.0\.0\.1/);
    assert.throws(() => network.host("127.0.0.1"), RangeError);
    await hosts[1].streams.listen({ ip: "127.0.0.1", port: PORT, onStream: () => {} });
    await assert.rejects(
      clock.until(hosts[0].streams.dial("127.0.0.1:7946", { timeoutMs: 100 })),
      (error) => ClusterError.is(error, "unreachable"),
    );
  });

  it("let a wildcard and a single address of one port collide", async () => {
    const { hosts } = await pair();
    for (const ip of ["10.0.0.1", "127.0.0.1", "::", "0.0.0.0"]) {
      await assert.rejects(
        hosts[0].datagrams.bind({ ip, port: PORT, onFrame: () => {} }),
        (error) => ClusterError.is(error, "bind-failed") && error.message.includes(`${PORT}`),
      );
    }
  });
});

describe("the manual clock", () => {
  it("fires in order of the instants, ties as they were armed, promises in between", async () => {
    const clock = new ManualClock();
    const order: string[] = [];
    clock.alarm(20, () => order.push("c"));
    clock.alarm(10, () => {
      order.push("a");
      void (async () => {
        for (let i = 0; i < 1_000; i++) await undefined;
        order.push("after a");
      })();
    });
    clock.alarm(10, () => order.push("b"));
    await clock.advance(20);
    assert.deepEqual(order, ["a", "after a", "b", "c"]);
  });

  it("finds what arms the past again and again", async () => {
    const clock = new ManualClock();
    const again = (): void => void clock.alarm(0, again);
    again();
    await assert.rejects(clock.advance(1), /arms the past again and again/);
  });

  it("gives up on a promise that stays pending, and refuses to run backwards", async () => {
    const clock = new ManualClock();
    await assert.rejects(clock.until(new Promise(() => {}), 50), /50 ms passed/);
    assert.throws(() => clock.advance(-1), RangeError);
    assert.equal(clock.now(), 50);
  });

  it("sets the wall clock apart from time", () => {
    const clock = new ManualClock(1_000);
    clock.jumpWall(-400);
    assert.deepEqual([clock.wall(), clock.now()], [600, 0]);
  });
});
