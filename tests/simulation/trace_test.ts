import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { simulate, type Simulation } from "../../src/testing/simulation/simulation.ts";
import { ROOT } from "../../tools/project.ts";

/** Plays a script and compares what happened with the transcript; `UPDATE_TRACES=1` writes it instead. */
function transcript(name: string, play: (trace: (line: string) => void) => Simulation): void {
  it(name.replaceAll("_", " "), () => {
    const lines: string[] = [];
    const sim = play((line) => lines.push(line));
    assert.deepEqual(sim.violations, []);
    const file = join(ROOT, "tests/simulation/traces", `${name}.txt`);
    const text = `${lines.join("\n")}\n`;
    if (process.env["UPDATE_TRACES"] === "1") writeFileSync(file, text);
    assert.deepEqual(text.split("\n"), readFileSync(file, "utf8").split("\n"));
  });
}

describe("the transcript of", () => {
  transcript("a_join_a_write_a_kill_and_a_return", (trace) => {
    const sim = simulate({ seed: 1, nodes: 3, network: { delayMs: [1, 1] }, trace });
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    sim.set(1, "budget", "team", { limit: 100 });
    sim.runFor(1_000);
    sim.crash(0, { dark: true });
    sim.runFor(90_000);
    sim.restart(0);
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    return sim;
  });

  transcript("a_partition_of_two_that_write_the_same_key", (trace) => {
    const sim = simulate({ seed: 2, nodes: 2, network: { delayMs: [1, 1] }, trace });
    sim.runUntil(() => sim.converged(), { withinMs: 30_000 });
    sim.set(0, "virtual_key", "k", 0);
    sim.runFor(1_000);
    sim.cut({ from: [0], to: [1], bothWays: true });
    sim.runFor(60_000);
    sim.set(0, "virtual_key", "k", 1);
    sim.runFor(1_000);
    sim.delete(1, "virtual_key", "k");
    sim.runFor(60_000);
    sim.heal();
    sim.runUntil(() => sim.converged(), { withinMs: 60_000 });
    return sim;
  });
});
