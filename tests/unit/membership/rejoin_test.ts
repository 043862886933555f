import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Member, MembershipEvent } from "../../../src/core/membership/contract.ts";
import {
  Rejoin,
  type RejoinEffect,
  type RejoinInput,
} from "../../../src/core/membership/rejoin.ts";
import type { RejoinOptions } from "../../../src/core/membership/rejoin_options.ts";
import { TestNet, type TestNode } from "./harness.ts";

const SELF = "10.0.0.1:7946";

function member(name: string, address: string, state: Member["state"] = "alive"): Member {
  const none = new Uint8Array(0);
  return { name, address, state, incarnation: 1, meta: none, vsn: none, stateChangedMs: 0 };
}

const came = (name: string, address: string): RejoinInput => ({
  type: "event",
  event: { type: "joined", member: member(name, address) },
});
const went = (name: string, address: string, state: "dead" | "left"): RejoinInput => ({
  type: "event",
  event: { type: "gone", member: member(name, address, state) },
});

class Bench {
  readonly machine: Rejoin;
  readonly tries: { at: number; address: string }[] = [];
  isolated = 0;

  constructor(options: Partial<RejoinOptions> = {}) {
    this.machine = new Rejoin({ self: SELF, seed: 1, ...options });
  }

  give(input: RejoinInput, now: number): void {
    const out: RejoinEffect[] = [];
    this.machine.handle(input, now, out);
    for (const effect of out) {
      if (effect.type === "isolated") this.isolated++;
      else for (const address of effect.addresses) this.tries.push({ at: now, address });
    }
  }

  run(until: number): void {
    for (let at = this.machine.nextDeadline(); at !== undefined && at <= until;) {
      this.give({ type: "tick" }, at);
      at = this.machine.nextDeadline();
    }
  }

  /** Waits between the tries of an address. */
  waits(address: string): number[] {
    const times = this.tries.filter((t) => t.address === address).map((t) => t.at);
    return times.slice(1).map((at, i) => at - (times[i] as number));
  }
}

describe("the rejoin loop", () => {
  it("tries candidates soon, then with growing, jittered waits of at most 10 s", () => {
    const bench = new Bench();
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946", SELF] }, 0);
    bench.run(120_000);
    assert.ok((bench.tries[0]?.at ?? Infinity) <= 1000);
    const waits = bench.waits("10.0.0.2:7946");
    assert.ok(waits.length > 10);
    for (const wait of waits) assert.ok(wait <= 10_000);
    assert.ok(waits.slice(5).every((wait) => wait >= 5000));
    assert.ok(new Set(waits).size > 5);
    assert.equal(bench.tries.some((t) => t.address === SELF), false);
  });

  it("leaves alone who is alive, and begins again when it dies", () => {
    const bench = new Bench();
    bench.give(came("b", "10.0.0.2:7946"), 0);
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946"] }, 0);
    bench.run(60_000);
    assert.deepEqual(bench.tries, []);
    bench.give(went("b", "10.0.0.2:7946", "dead"), 60_000);
    bench.run(62_000);
    assert.ok(bench.tries.length >= 1);
    bench.give(came("b", "10.0.0.2:7946"), 62_000);
    const tries = bench.tries.length;
    bench.run(200_000);
    assert.equal(bench.tries.length, tries);
  });

  it("remembers the dead that nobody configured, for a day, at most once a minute", () => {
    const bench = new Bench();
    bench.give(came("b", "10.0.0.2:7946"), 0);
    bench.give(went("b", "10.0.0.2:7946", "dead"), 0);
    bench.give(
      { type: "event", event: { type: "reaped", name: "b", address: "10.0.0.2:7946" } },
      30_000,
    );
    bench.run(3_600_000);
    const waits = bench.waits("10.0.0.2:7946").slice(8);
    for (const wait of waits) assert.ok(wait >= 30_000 && wait <= 60_000);
    bench.run(90_000_000);
    assert.equal(bench.machine.size, 0);
    assert.equal(bench.machine.nextDeadline(), undefined);
  });

  it("forgets those who left", () => {
    const bench = new Bench();
    bench.give(came("b", "10.0.0.2:7946"), 0);
    bench.give(went("b", "10.0.0.2:7946", "left"), 0);
    bench.run(60_000);
    assert.deepEqual(bench.tries, []);
    assert.equal(bench.machine.size, 0);
  });

  it("goes on with a configured one that left", () => {
    const bench = new Bench();
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946"] }, 0);
    bench.give(came("b", "10.0.0.2:7946"), 0);
    bench.give(went("b", "10.0.0.2:7946", "left"), 10);
    bench.run(5000);
    assert.ok(bench.tries.length > 0);
  });

  it("drops candidates that are not configured any more", () => {
    const bench = new Bench();
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946", "10.0.0.3:7946"] }, 0);
    bench.give({ type: "candidates", addresses: ["10.0.0.3:7946"] }, 0);
    bench.run(60_000);
    assert.deepEqual([...new Set(bench.tries.map((t) => t.address))], ["10.0.0.3:7946"]);
  });

  it("slows down for a candidate that answers under another address", () => {
    const bench = new Bench();
    const address = "10.0.0.50:7946";
    bench.give({ type: "candidates", addresses: [address] }, 0);
    bench.run(1000);
    const event: MembershipEvent = { type: "merged", from: address, join: true, partial: 0 };
    bench.give({ type: "event", event }, 1001);
    bench.run(1_000_000);
    assert.ok(bench.waits(address).slice(8).every((wait) => wait >= 30_000));
  });

  it("knows when a member has moved", () => {
    const bench = new Bench();
    bench.give(came("b", "10.0.0.2:7946"), 0);
    bench.give(came("b", "10.0.0.3:7946"), 5);
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946", "10.0.0.3:7946"] }, 10);
    bench.run(20_000);
    assert.deepEqual([...new Set(bench.tries.map((t) => t.address))], ["10.0.0.2:7946"]);
  });

  it("leaves an address alone where another name lives now", () => {
    const bench = new Bench();
    bench.give(came("old", "10.0.0.2:7946"), 0);
    bench.give(came("new", "10.0.0.2:7946"), 5);
    bench.give(went("old", "10.0.0.2:7946", "dead"), 10);
    bench.run(60_000);
    assert.deepEqual(bench.tries, []);
    assert.equal(bench.machine.size, 0);
  });

  it("bounds what it remembers and how often it tries", () => {
    const bench = new Bench({ rememberMax: 50, joinsPerSecondMax: 5 });
    for (let i = 0; i < 500; i++) {
      const address = `10.1.${i >> 8}.${i & 255}:7946`;
      bench.give(came(`m${i}`, address), 0);
      bench.give(went(`m${i}`, address, "dead"), 0);
    }
    assert.equal(bench.machine.size, 50);
    bench.run(10_000);
    assert.ok(bench.tries.length <= 60, `${bench.tries.length}`);
  });

  it("says once that we are alone, though others should be there", () => {
    const bench = new Bench();
    bench.run(60_000);
    assert.equal(bench.isolated, 0);
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946"] }, 0);
    bench.run(60_000);
    assert.equal(bench.isolated, 1);
    bench.give(came("b", "10.0.0.2:7946"), 60_000);
    bench.give(went("b", "10.0.0.2:7946", "dead"), 61_000);
    bench.run(80_000);
    assert.equal(bench.isolated, 2);
  });

  it("is quiet after our own leave, and busy again after a rejoin", () => {
    const bench = new Bench();
    bench.give({ type: "candidates", addresses: ["10.0.0.2:7946"] }, 0);
    bench.give(went("a", SELF, "left"), 0);
    bench.run(60_000);
    assert.deepEqual(bench.tries, []);
    bench.give(came("a", SELF), 60_000);
    bench.run(62_000);
    assert.ok(bench.tries.length > 0);
  });

  it("does the same again for the same seed", () => {
    const run = (seed: number) => {
      const bench = new Bench({ seed });
      bench.give({ type: "candidates", addresses: ["10.0.0.2:7946", "10.0.0.3:7946"] }, 0);
      bench.run(100_000);
      return bench.tries;
    };
    assert.deepEqual(run(3), run(3));
    assert.notDeepEqual(run(3), run(4));
  });
});

describe("a partition with both sides reaped (memberlist issue 222)", () => {
  it("is one cluster again within 15 s of its healing", () => {
    const net = new TestNet();
    const nodes = net.cluster(6);
    const addresses = nodes.map((node) => node.address);
    const loops = nodes.map((node, i) => {
      const machine = new Rejoin({ self: node.address, seed: i });
      machine.handle({ type: "candidates", addresses }, 0, []);
      return { node, machine, seen: 0 };
    });
    const step = (): void => {
      net.run(100);
      for (const loop of loops) {
        const out: RejoinEffect[] = [];
        for (; loop.seen < loop.node.effects.length; loop.seen++) {
          const effect = loop.node.effects[loop.seen];
          if (effect?.type !== "event") continue;
          loop.machine.handle({ type: "event", event: effect.event }, net.now, out);
        }
        if ((loop.machine.nextDeadline() ?? Infinity) <= net.now) {
          loop.machine.handle({ type: "tick" }, net.now, out);
        }
        for (const effect of out) {
          if (effect.type !== "join") continue;
          net.command(loop.node, { type: "join", addresses: effect.addresses });
        }
      }
    };
    const side = (node: TestNode): boolean => nodes.indexOf(node) < 2;
    net.passes = (from, to) => side(from) === side(to);
    for (let i = 0; i < 1500; i++) step();
    const sizes = nodes.map((node) => node.machine.members().length);
    assert.deepEqual(sizes, [2, 2, 4, 4, 4, 4]);
    net.passes = () => true;
    const healed = net.now;
    const whole = (): boolean => nodes.every((node) => node.live().length === 6);
    while (!whole() && net.now - healed < 15_000) step();
    assert.ok(whole(), `${nodes.map((node) => node.live().length)}`);
    for (let i = 0; i < 300; i++) step();
    assert.ok(whole());
  });
});
