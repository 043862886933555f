/**
 * `althing doctor` as a command, against running agents and before a node starts.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { AgentCluster } from "./agent_cluster.ts";
import { althing } from "./agent_process.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build/adapters/cli/main.js"));
const skip = missing[0]?.why ??
  (isBuilt ? false : "there is no build for Node: run `deno task build`");
const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

describe("the command doctor", { skip }, () => {
  it("finds nothing wrong among healthy agents, and names a key that a newcomer lacks", {
    timeout: 180_000,
  }, async () => {
    await using cluster = await AgentCluster.start({ runtimes: found });
    const [agent] = cluster.agents;
    for (const runtime of found) {
      const ended = await eventually(`${runtime.name} finds nothing wrong`, async () => {
        const words = ["doctor", "--address", agent!.statusAddress];
        const one = await althing(runtime, ...words);
        return one.code === 0 ? one : undefined;
      }, 60_000);
      assert.match(ended.stdout, /^VERDICT +CHECK +FROM +TO +SEEN +WHAT TO DO\n/);
      for (const { nodeId } of cluster.agents.slice(1)) {
        assert.match(ended.stdout, new RegExp(`ok +rpc +\\S+ +${nodeId} `));
        assert.match(ended.stdout, new RegExp(`ok +gossip udp +${nodeId} `));
      }
      assert.doesNotMatch(ended.stdout, /BAD|unknown/);
    }
    const page = await agent!.page("/cluster/members");
    const rows = await page!.json() as { readonly address: string }[];
    const folder = await mkdtemp(join(tmpdir(), "althing-doctor-"));
    try {
      const path = join(folder, "config.json");
      const config = {
        enabled: true,
        node_id: "newcomer",
        bind_addr: "127.0.0.1",
        peers: [rows[0]!.address],
        gossip: { port: 0 },
        grpc: { port: 0 },
        security: { gossip_keys: [KEY] },
      };
      await writeFile(path, JSON.stringify({ cluster_config: config }));
      for (const runtime of found) {
        const ended = await althing(runtime, "doctor", "--config", path);
        assert.equal(ended.code, 1, ended.stdout + ended.stderr);
        assert.match(ended.stdout, /BAD +label and key .*security\.gossip_keys/);
        assert.ok(!ended.stdout.includes(KEY));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
