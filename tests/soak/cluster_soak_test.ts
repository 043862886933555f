import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { describe, it } from "node:test";
import { Rng } from "../../src/core/rng.ts";
import { ensureBuild } from "../../tools/build.ts";
import { Gateway } from "../../tools/demo/gateway.ts";
import { planGateways } from "../../tools/demo/plan.ts";
import { findRuntimes } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";

/** How long the cluster is kept busy; a multiple of this for a longer soak. */
const ROUNDS = Number(process.env["ALTHING_SOAK_ROUNDS"] ?? 6);
const WRITES_PER_ROUND = 150;
/** A node may hold this much after the soak: far below what a leak of a few kilobytes a write would take. */
const RSS_MIB_MAX = 400;

const same = async (gateways: readonly Gateway[]): Promise<boolean> => {
  const views = await Promise.all(gateways.map((gateway) => gateway.view()));
  return views.every((view) =>
    view?.ready === true && view.members.length === gateways.length &&
    view.members.every(({ healthy }) => healthy) &&
    JSON.stringify(sorted(view.entities)) === JSON.stringify(sorted(views[0]!.entities))
  );
};

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1);
}

async function rssMib(gateway: Gateway): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

describe("three processes on three runtimes", () => {
  it("lose no acknowledged write while they are killed and restarted, and do not swell", async () => {
    const { found } = findRuntimes();
    if (found.some(({ name }) => name === "node")) await ensureBuild();
    const { folder, plans } = await planGateways(found);
    const gateways = plans.map((plan) => new Gateway(plan));
    const seed = Date.now() % 1_000_000;
    const rng = new Rng(seed);
    try {
      for (const gateway of gateways) gateway.start();
      await eventually("all three stand", () => same(gateways), 40_000);
      for (let round = 0; round < ROUNDS; round++) {
        const victim = gateways[rng.below(gateways.length)]!;
        const writer = gateways.find((gateway) => gateway !== victim)!;
        const other = gateways.find((gateway) => gateway !== victim && gateway !== writer)!;
        await victim.end("SIGKILL");
        for (let i = 0; i < WRITES_PER_ROUND; i++) {
          const at = i % 2 === 0 ? writer : other;
          await at.put("kv_store", `r${round}-${i}`, {
            round,
            i,
            filler: "x".repeat(rng.below(2_000)),
          });
        }
        victim.start();
        await eventually(
          `round ${round} is whole again (seed ${seed})`,
          () => same(gateways),
          60_000,
        );
      }
      for (const gateway of gateways) {
        const view = await gateway.view();
        assert.equal(view?.entities["kv_store"], ROUNDS * WRITES_PER_ROUND, gateway.plan.name);
        const last = await gateway.entity("kv_store", `r${ROUNDS - 1}-${WRITES_PER_ROUND - 1}`);
        assert.equal(last?.["i"], WRITES_PER_ROUND - 1);
        assert.ok(
          await rssMib(gateway) < RSS_MIB_MAX,
          `${gateway.plan.name} holds ${await rssMib(gateway)} MiB`,
        );
      }
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.end("SIGKILL")));
      await rm(folder, { recursive: true, force: true });
    }
  });
});
