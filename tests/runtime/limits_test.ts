/**
 * Limits of real processes on Deno, Node and Bun: hammered over HTTP while one of them is killed and started again and
 * again. What was answered is counted here and compared with what the cluster says in the end.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { AgentCluster } from "./agent_cluster.ts";
import type { Agent } from "./agent_process.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build/adapters/cli/main.js"));
const skip = missing[0]?.why ??
  (isBuilt ? false : "there is no build for Node: run `deno task build`");

const PATIENCE_MS = 40_000;
const KILLS = 4;

/** Calls under way at each agent. */
const LOOPS = 2;

/** How long before its death a node may have answered what it told nobody: twenty times the flush interval. */
const UNTOLD_MS_MAX = 400;

const ADMIN = "limits-test-admin";

const DEFINITIONS = {
  /** Hammered at the survivors only: no answer may be missing. */
  steady: { limit: 1_000_000, window: "1d", strength: "approximate", whenIsolated: "share" },
  /** Hammered everywhere. */
  everywhere: { limit: 1_000_000, window: "1d", strength: "approximate", whenIsolated: "share" },
  /** Small enough to be used up. */
  leased: { limit: 1_500, window: "1d", strength: "leased" },
} as const;

type LimitId = keyof typeof DEFINITIONS;

interface Reading {
  readonly used: number;
  readonly of: number;
}

/** What callers were told. */
class Ledger {
  /** Admitted answers, by limit. */
  readonly admitted: Record<LimitId, number> = { steady: 0, everywhere: 0, leased: 0 };
  /** Calls without an answer: they may have been admitted. */
  readonly unanswered: Record<LimitId, number> = { steady: 0, everywhere: 0, leased: 0 };
  /** When the agent that is killed admitted, of `everywhere`. */
  readonly #times: number[] = [];
  /** Admitted so shortly before a death that nobody may have heard of it. */
  untold = 0;

  answered(id: LimitId, isVictim: boolean): void {
    this.admitted[id]++;
    if (isVictim && id === "everywhere") this.#times.push(performance.now());
  }

  /** The victim was killed at this instant. */
  died(at: number): void {
    this.untold += this.#times.filter((time) => time > at - UNTOLD_MS_MAX).length;
    this.#times.length = 0;
  }
}

describe("limits of three processes", { skip }, () => {
  it(
    "are exact in the end though one is killed again and again",
    { timeout: 300_000 },
    async () => {
      await using cluster = await AgentCluster.start({
        runtimes: found,
        adminToken: ADMIN,
        configOf: (runtime, folder) =>
          hasSqlite(runtime)
            ? { storage: { type: "sqlite", path: join(folder, `${runtime.name}.db`) } }
            : {},
      });
      const victim = cluster.agents.find(({ runtime }) => hasSqlite(runtime)) as Agent;
      for (const [id, definition] of Object.entries(DEFINITIONS)) {
        await said(victim, "PUT", `/cluster/limits/${id}`, definition);
      }
      for (const agent of cluster.agents) await knowsAll(agent);
      const ledger = new Ledger();
      let isOver = false;
      const loops = cluster.agents.flatMap((agent) =>
        Array.from(
          { length: LOOPS },
          () => hammer(agent, agent === victim, ledger, () => isOver),
        )
      );
      let worst = Infinity;
      for (let kill = 0; kill < KILLS; kill++) {
        const before = ledger.admitted.everywhere;
        await eventually(
          "calls are admitted",
          () => ledger.admitted.everywhere > before + 50,
          PATIENCE_MS,
        );
        const at = performance.now();
        await victim.end("SIGKILL");
        ledger.died(at);
        const whileDead = ledger.admitted.everywhere;
        await eventually(
          "the others go on",
          () => ledger.admitted.everywhere > whileDead + 50,
          PATIENCE_MS,
        );
        await victim.start();
        await cluster.isWhole();
        const reading = await read(cluster.agents[0] as Agent, "leased");
        worst = Math.min(worst, (reading?.of ?? 0) - (reading?.used ?? 0));
      }
      isOver = true;
      await Promise.all(loops);
      const used = await agreement(cluster.agents);
      const { admitted, unanswered, untold } = ledger;
      console.log(JSON.stringify({ admitted, unanswered, untold, used }));
      assert.equal(used.steady, admitted.steady, "every answer of the survivors is counted, once");
      assert.equal(unanswered.steady, 0);
      assert.ok(used.everywhere <= admitted.everywhere + unanswered.everywhere);
      assert.ok(used.everywhere >= admitted.everywhere - untold);
      assert.ok(admitted.leased <= DEFINITIONS.leased.limit, `${admitted.leased} were admitted`);
      assert.ok(used.leased <= DEFINITIONS.leased.limit, `${used.leased} are counted`);
      assert.ok(worst >= 0);
      assert.ok(admitted.leased > 0 && admitted.steady > 100);
    },
  );
});

/** SQLite comes with Deno and Bun, and with Node 22. */
function hasSqlite({ name, version }: FoundRuntime): boolean {
  return name !== "node" || Number(version.split(".")[0]) >= 22;
}

/** Calls one agent until it is over; all limits in turn. */
async function hammer(
  agent: Agent,
  isVictim: boolean,
  ledger: Ledger,
  isOver: () => boolean,
): Promise<void> {
  const ids: readonly LimitId[] = isVictim
    ? ["everywhere", "leased"]
    : ["steady", "everywhere", "leased"];
  while (!isOver()) {
    for (const id of ids) {
      const answer = await said(agent, "POST", "/cluster/limits/consume", {
        items: [{ limit: id, amount: 1 }],
        timeoutMs: 100,
      });
      if (answer === undefined) {
        ledger.unanswered[id]++;
        // A dead one refuses at once.
        await new Promise((resolve) => setTimeout(resolve, 20));
      } else if (answer["admitted"] === true) ledger.answered(id, isVictim);
    }
  }
}

/** What a page answers; `undefined` when nothing came back, or not all of it. */
async function said(
  agent: Agent,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown> | undefined> {
  const response = await agent.page(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  try {
    return await response?.json() as Record<string, unknown> | undefined;
  } catch {
    return undefined;
  }
}

async function read(agent: Agent, id: LimitId): Promise<Reading | undefined> {
  const page = await said(agent, "GET", `/cluster/limits/${id}`);
  return page?.["reading"] as Reading | undefined ?? undefined;
}

async function knowsAll(agent: Agent): Promise<void> {
  for (const id of Object.keys(DEFINITIONS) as LimitId[]) {
    await eventually(
      `${agent.nodeId} knows ${id}`,
      async () => (await read(agent, id))?.of === DEFINITIONS[id].limit,
      PATIENCE_MS,
    );
  }
}

/** What all agents say is used, once they say the same twice in a row. */
async function agreement(agents: readonly Agent[]): Promise<Record<LimitId, number>> {
  let last = "";
  return await eventually("all agree", async () => {
    const rows: Record<LimitId, number>[] = [];
    for (const agent of agents) {
      const row = { steady: -1, everywhere: -1, leased: -1 };
      for (const id of Object.keys(row) as LimitId[]) row[id] = (await read(agent, id))?.used ?? -1;
      rows.push(row);
    }
    const [first] = rows;
    const texts = new Set(rows.map((row) => JSON.stringify(row)));
    const [text = ""] = texts;
    const isSame = texts.size === 1 && text === last;
    last = text;
    return isSame && first !== undefined && first.steady >= 0 ? first : undefined;
  }, PATIENCE_MS);
}
