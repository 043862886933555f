/**
 * The demo: three gateways on three runtimes form a cluster, share a governance file, lose their leader to SIGKILL,
 * go on without it, and take it back.
 *
 * `deno task demo` ends by itself; `--stay` keeps the cluster running.
 *
 * @module
 */

import { rm } from "node:fs/promises";
import process from "node:process";
import { ensureBuild } from "../build.ts";
import { findRuntimes } from "../runtimes.ts";
import { ensureSetup } from "../setup.ts";
import { Gateway } from "./gateway.ts";
import { planGateways } from "./plan.ts";
import { Screen } from "./screen.ts";
import { Story } from "./story.ts";

const stay = process.argv.includes("--stay");
const screen = new Screen();
screen.line("Althing: three gateways, three runtimes, one cluster. No Redis, no database.");
screen.chapter("Set-up");
await ensureSetup();
const { found, missing } = findRuntimes();
for (const { name, why } of missing) {
  screen.say(`${name} can't be had here, its node runs on another runtime. ${why}`, "warn");
}
if (found.some(({ name }) => name === "node")) await ensureBuild();
const { folder, plans } = await planGateways(found);
const gateways = plans.map((plan) => new Gateway(plan));
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
});
process.once("exit", () => {
  // The last resort: no node outlives the demo.
  for (const { pid } of gateways) if (pid !== undefined) tryKill(pid);
});

let failed: unknown;
try {
  const story = new Story(gateways, screen);
  const told = story.tell().then(() => "told" as const);
  const first = await Promise.race([told, interrupted.then(() => "interrupted" as const)]);
  if (first === "told" && stay) {
    screen.chapter("The cluster stays up: Ctrl-C ends it");
    for (const { plan, url } of gateways) {
      screen.line(
        `  ${plan.name}  ${url}/cluster/members   config ${plan.configPath}   log ${plan.logPath}`,
      );
    }
    await interrupted;
  }
  story.stop();
  told.catch(() => {});
} catch (error) {
  failed = error;
}
screen.chapter("Clean-up");
for (const gateway of gateways) {
  if (gateway.pid === undefined) continue;
  const stopping = gateway.end("SIGTERM");
  const patience = setTimeout(() => void gateway.end("SIGKILL"), 15_000);
  const code = await stopping;
  clearTimeout(patience);
  screen.say(`${gateway.plan.name} drained and ended with ${code}`, code === 0 ? "good" : "warn");
}
if (failed === undefined) {
  await rm(folder, { recursive: true, force: true });
} else {
  screen.say(failed instanceof Error ? failed.message : String(failed), "bad");
  screen.line(`  The nodes' logs are kept in ${folder}`);
  process.exitCode = 1;
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
