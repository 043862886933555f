/**
 * Proves the checkers: each planted bug must be caught, by the checker that is there for it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Announcement } from "../../../src/core/limits/announcement.ts";
import { Column } from "../../../src/core/limits/column.ts";
import { writerKey } from "../../../src/core/limits/cell_key.ts";
import { Counter } from "../../../src/core/limits/counter.ts";
import { InvariantError, type LimitsRunOptions, runLimits } from "./run_limits.ts";
import type { SimNode } from "./sim_node.ts";

/** Seeds tried until a bug shows. */
const SEEDS_MAX = 300;

/** Runs with one method replaced. */
function planted<T extends object, K extends keyof T>(
  on: T,
  name: K,
  bug: T[K],
  run: () => void,
): void {
  const right = on[name];
  on[name] = bug;
  try {
    run();
  } finally {
    on[name] = right;
  }
}

/** Plays seeds until one breaks the invariant that `checker` is there for. */
function assertCaught(checker: string, options: LimitsRunOptions = {}): void {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    try {
      runLimits(seed, { ...options, only: checker });
    } catch (error) {
      assert.ok(error instanceof InvariantError, String(error));
      return;
    }
  }
  assert.fail(`${SEEDS_MAX} seeds did not let ${checker} catch it`);
}

describe("the simulation of limits catches", () => {
  it("rates alone as the bound: nothing is announced, nobody waits", { timeout: 300_000 }, () => {
    const speak: Announcement["speak"] = function (this: Announcement, _word, total) {
      this.usable = Infinity;
      return total;
    };
    planted(Announcement.prototype, "speak", speak, () => assertCaught("bound"));
  });

  it("an announcement used before it is acknowledged", { timeout: 300_000 }, () => {
    const right = Announcement.prototype.speak;
    const speak: Announcement["speak"] = function (this: Announcement, word, total, wanted) {
      const ceiling = right.call(this, word, total, wanted);
      this.settled(word);
      return ceiling;
    };
    planted(Announcement.prototype, "speak", speak, () => assertCaught("bound"));
  });

  it("windows named by milliseconds", { timeout: 300_000 }, () => {
    assertCaught("oneWindow", {
      calendar: (calendar) => ({
        window(length, zone, wallMs) {
          const window = calendar.window(length, zone, wallMs);
          return window === undefined ? undefined : { ...window, label: String(window.startMs) };
        },
      }),
    });
  });

  it("dead writers' cells folded into a successor's", { timeout: 300_000 }, () => {
    let self: SimNode | undefined;
    let nowMs = 0;
    const right = Counter.prototype.merge;
    const merge: Counter["merge"] = function (this: Counter, writer, word, now) {
      const key = writerKey(writer.node, writer.boot);
      const had = this.others.get(key)?.used ?? 0;
      if (!right.call(this, writer, word, now)) return false;
      const alive = self?.alive(nowMs).map(({ node }) => node).sort() ?? [];
      const isDead = !alive.includes(writer.node);
      if (!isDead || alive[0] !== self?.id.node || word.parts.length === 0) return true;
      const column = this.others.get(key) as Column;
      const more = column.used - had;
      this.others.delete(key);
      this.used -= column.used;
      if (more > 0) this.charge(more + had);
      return true;
    };
    planted(Counter.prototype, "merge", merge, () => {
      const onNode = (node: SimNode, now: number): void => {
        self = node;
        nowMs = now;
      };
      assertCaught("used", { onNode, isSplit: true });
    });
  });

  it("a majority of the living instead of the members", { timeout: 300_000 }, () => {
    assertCaught("isolation", { isMajorityOfTheAlive: true, isSplit: true });
  });

  it("words merged by addition", { timeout: 300_000 }, () => {
    const right = Column.prototype.merge;
    const merge: Column["merge"] = function (this: Column, word, oldest, now) {
      const parts = word.parts.map((part) => ({ ...part, added: part.added + this.total }));
      right.call(this, { ...word, parts }, oldest, now);
    };
    planted(Column.prototype, "merge", merge, () => assertCaught("used"));
  });

  it("corrections that are never told", { timeout: 300_000 }, () => {
    const correct: Counter["correct"] = () => {};
    planted(Counter.prototype, "correct", correct, () => assertCaught("used"));
  });
});
