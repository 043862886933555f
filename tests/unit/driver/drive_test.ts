import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Machine, Tick } from "../../../src/core/machine.ts";
import { drive, type Driven } from "../../../src/driver/drive.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";

type Effect = string;

/** Answers every word with itself twice; `deadline` is what it asks for. */
class Echo implements Machine<string | Tick, Effect> {
  deadline: number | undefined;
  readonly heard: string[] = [];

  handle(input: string | Tick, now: number, out: Effect[]): void {
    const word = typeof input === "string" ? input : `tick ${now}`;
    this.heard.push(word);
    out.push(`${word} 1`, `${word} 2`, `answer ${word}`);
    if (typeof input !== "string") this.deadline = undefined;
  }

  nextDeadline(): number | undefined {
    return this.deadline;
  }
}

function setUp(onEffect: (effect: Effect, driven: Driven<string>) => void) {
  const machine = new Echo();
  const clock = new ManualClock();
  const performed: Effect[] = [];
  const driven: Driven<string> = drive<string, Effect>(
    machine,
    clock,
    (effect) => {
      performed.push(effect);
      onEffect(effect, driven);
    },
    { isAnswer: (effect) => effect.startsWith("answer") },
  );
  return { machine, clock, performed, driven };
}

describe("drive", () => {
  it("handles an input that an effect leads to at once, and performs its effects behind those before them", () => {
    const { machine, performed, driven } = setUp((effect) => {
      if (effect !== "a 1") return;
      driven.step("b");
      assert.deepEqual(machine.heard, ["a", "b"]);
      assert.equal(performed.at(-1), "answer b", "the answer is there before step returns");
    });
    driven.step("a");
    assert.deepEqual(performed, ["answer a", "a 1", "answer b", "a 2", "b 1", "b 2"]);
  });

  it("performs the rest when one effect throws, and then tells", () => {
    const { performed, driven } = setUp((effect) => {
      if (effect === "a 1") throw new Error("a sink is gone");
    });
    assert.throws(() => driven.step("a"), /a sink is gone/);
    driven.step("b");
    assert.deepEqual(performed.filter((effect) => !effect.startsWith("answer")), [
      "a 1",
      "a 2",
      "b 1",
      "b 2",
    ]);
  });

  it("wakes the machine at its deadline, moves the alarm with it, and rests once stopped", async () => {
    const { machine, clock, driven } = setUp(() => {});
    machine.deadline = clock.now() + 50;
    driven.step("a");
    machine.deadline = clock.now() + 100;
    driven.step("b");
    await clock.advance(60);
    assert.deepEqual(machine.heard, ["a", "b"]);
    await clock.advance(60);
    assert.equal(machine.heard.length, 3);
    machine.deadline = clock.now() + 10;
    driven.step("c");
    driven.stop();
    await clock.advance(100);
    driven.step("d");
    assert.equal(machine.heard.length, 4);
  });
});
