/**
 * The real command whose output nobody reads any more.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "./agent_cluster.ts";
import { AlthingProcess } from "./agent_process.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build/adapters/cli/main.js"));
const skip = missing[0]?.why ??
  (isBuilt ? false : "there is no build for Node: run `deno task build`");

/** Something that the agent logs. */
async function sendNonsense(port: number): Promise<void> {
  const socket = net.connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.end(new Uint8Array(64).fill(0xff));
  await new Promise((resolve) => socket.once("close", resolve).resume());
}

describe("an agent whose output nobody reads any more", { skip }, () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "althing-output-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const runtime of found) {
    it(`goes on, says so once, and drains on SIGTERM, on ${runtime.name}`, async () => {
      const port = await freePort();
      const path = join(folder, `${runtime.name}.json`);
      const loopback = { bind_addr: "127.0.0.1", port: 0 };
      await writeFile(
        path,
        JSON.stringify({
          cluster_config: {
            enabled: true,
            node_id: "x",
            bind_addr: "127.0.0.1",
            peers: ["127.0.0.1:1"],
            gossip: { port },
            grpc: { port: 0 },
            status: loopback,
          },
        }),
      );
      await using agent = new AlthingProcess(runtime, ["agent", "--config", path]);
      const [, status] = await agent.line(/status at http:\/\/(\S+)\/cluster\/status/);
      agent.closeOutput();
      const page = async (): Promise<number> => {
        const response = await fetch(`http://${status}/cluster/node`, {
          signal: AbortSignal.timeout(5_000),
        });
        const { membership } = await response.json() as {
          readonly membership: { readonly dropped: Record<string, number> };
        };
        return Object.values(membership.dropped).reduce((sum, count) => sum + count, 0);
      };
      for (let logged = 1; logged <= 3; logged++) {
        await sendNonsense(port);
        await eventually("the nonsense is logged", async () => await page() >= logged);
      }
      const { code, stderr } = await agent.end("SIGTERM");
      assert.deepEqual(
        [code, stderr],
        [
          0,
          "althing: cannot write to standard output: nobody reads it, the agent goes on without its log\n",
        ],
      );
    });
  }
});
