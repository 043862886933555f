/**
 * Links between two real processes on two different runtimes, both ways.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes, type FoundRuntime, RUNTIME_NAMES } from "../../tools/runtimes.ts";
import { CROSS_MODES } from "./rpc_cross_security.ts";
import { start } from "./rpc_program.ts";

const SERVER = "tests/runtime/rpc_cross_server.ts";
const CLIENT = "tests/runtime/rpc_cross_client.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build", SERVER.replace(/ts$/, "js")));

describe("links between runtimes", () => {
  for (const server of RUNTIME_NAMES) {
    for (const client of RUNTIME_NAMES.filter((name) => name !== server)) {
      const [near, far] = [client, server].map((name) => found.find((one) => one.name === name));
      const skip = whyNot(server) ?? whyNot(client) ?? false;
      it(`carry frames from ${client} to ${server}`, { skip }, async () => {
        for (const mode of CROSS_MODES) await exchange(near!, far!, mode);
      });
    }
  }
});

function whyNot(name: string): string | undefined {
  const lacking = missing.find((one) => one.name === name);
  if (lacking !== undefined) return lacking.why;
  return name === "node" && !isBuilt
    ? "there is no build for Node: run `deno task build`"
    : undefined;
}

async function exchange(near: FoundRuntime, far: FoundRuntime, mode: string): Promise<void> {
  await using server = start(far, SERVER, mode);
  const address = await server.line(/^\S+:\d+$/);
  await using client = start(near, CLIENT, mode, address);
  assert.equal(await client.line(/^acknowledged /), "acknowledged 200", mode);
  assert.equal(await client.death(), "lives", `${mode}: the dialler ends by itself`);
}
