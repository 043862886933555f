/** @module */

import type { Clock } from "../../ports/clock.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface ClockSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly clock: Clock;
}

/** The rules of {@linkcode Clock}. That an alarm keeps no process alive can't be seen from inside of one. */
export function clockCases(setup: ClockSetup): ComplianceCase[] {
  const { clock } = setup;
  return casesOf(setup, {
    "never runs backwards": async (bench) => {
      const from = clock.now();
      let last = from;
      await bench.until("50 ms have passed", () => {
        for (let i = 0; i < 100; i++) {
          const now = clock.now();
          bench.expect(now >= last, `${now} came after ${last}`);
          last = now;
        }
        return last >= from + 50;
      });
    },

    "tells the wall time in milliseconds since 1970": async (bench) => {
      const before = clock.wall();
      bench.expect(before > 1_500_000_000_000 && before < 10_000_000_000_000, `it is ${before}`);
      await bench.pass(30);
      const passedMs = clock.wall() - before;
      bench.expect(passedMs > 0 && passedMs < 5_000, `${passedMs} ms passed in about 30 ms`);
    },

    "fires once, at or after the instant, for instants with fractions": async (bench) => {
      const early: number[] = [];
      const fired = new Array<number>(60).fill(0);
      const start = clock.now();
      for (let i = 0; i < fired.length; i++) {
        const at = start + i * 0.73;
        clock.alarm(at, () => {
          fired[i] = (fired[i] as number) + 1;
          const left = at - clock.now();
          if (left > 0) early.push(left);
        });
      }
      await bench.until("all have fired", () => fired.every((times) => times > 0));
      await bench.pass(20);
      bench.expect(early.length === 0, `${early.length} of ${fired.length} fired early`);
      bench.expect(fired.every((times) => times === 1), "one fired more than once");
    },

    "never fires synchronously, not even for the past": async (bench) => {
      let fired = 0;
      for (const at of [clock.now(), clock.now() - 1_000, -Infinity]) {
        clock.alarm(at, () => fired++);
      }
      bench.expect(fired === 0, "it fired before alarm() had returned");
      await bench.until("all have fired", () => fired === 3);
    },

    "does not fire once disarmed": async (bench) => {
      let fired = 0;
      const disarm = clock.alarm(clock.now() + 10, () => fired++);
      disarm();
      disarm();
      clock.alarm(clock.now() - 1, () => fired++)();
      await bench.pass(40);
      bench.same(fired, 0, "alarms that fired");
    },

    "takes being disarmed after it has fired": async (bench) => {
      let fired = 0;
      const disarm: () => void = clock.alarm(clock.now() + 1, () => {
        fired++;
        disarm();
      });
      await bench.until("it has fired", () => fired > 0);
      disarm();
      await bench.pass(10);
      bench.same(fired, 1, "times fired");
    },

    "waits for instants weeks away and for those that never come": async (bench) => {
      let fired = 0;
      const disarms = [2 ** 31, 2 ** 32 + 5, 1e15, Infinity].map((ms) =>
        clock.alarm(clock.now() + ms, () => fired++)
      );
      await bench.pass(50);
      for (const disarm of disarms) disarm();
      bench.same(fired, 0, "alarms that fired");
    },
  });
}
