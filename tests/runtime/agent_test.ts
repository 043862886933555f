/**
 * The real command on all three runtimes, mixed in one cluster, as operators run it.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes } from "../../tools/runtimes.ts";
import { AgentCluster } from "./agent_cluster.ts";
import { Agent, althing, type Ended } from "./agent_process.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build/adapters/cli/main.js"));
const skip = missing[0]?.why ??
  (isBuilt ? false : "there is no build for Node: run `deno task build`");

/** A gossip key that no other test uses. */
const GOSSIP_KEY = "c2VjcmV0LWdvc3NpcGtleQ==";
const TOKEN = "secret-token-for-tools";
const ADMIN_TOKEN = "secret-token-for-admins";
const TIMEOUT_MS = 120_000;

describe("agents on three runtimes", { skip }, () => {
  let cluster: AgentCluster;
  before(async () => {
    cluster = await AgentCluster.start({ runtimes: found });
  });
  after(async () => await cluster?.[Symbol.asyncDispose]());

  it("form a cluster from JSON and YAML files and agree on the leader", async () => {
    const leaders = await Promise.all(cluster.agents.map(async (agent) => {
      return await (await agent.page("/cluster/leaders"))!.json() as { cluster: string };
    }));
    const first = [...cluster.nodeIds].sort()[0];
    assert.deepEqual(leaders.map((each) => each.cluster), cluster.agents.map(() => first));
  });

  it("hold what is written at any of them", async () => {
    for (const writer of cluster.agents) {
      const value = { written_at: writer.nodeId, limit: 5 };
      await writer.put("virtual_key", writer.nodeId, value);
      for (const reader of cluster.agents) {
        await reader.holds("virtual_key", writer.nodeId, value);
      }
    }
  });

  it("are shown by `members` and `status`, run on any runtime", async () => {
    for (const [i, { runtime }] of cluster.agents.entries()) {
      const asked = cluster.agents[(i + 1) % cluster.agents.length]!;
      const address = ["--address", asked.statusAddress];
      const members = await althing(runtime, "members", ...address);
      assert.deepEqual([members.code, members.stderr], [0, ""]);
      const [head, ...rows] = members.stdout.trimEnd().split("\n");
      assert.match(head!, /^NODE +STATE +HEALTHY +REGION +GOSSIP +RPC +REASON$/);
      assert.deepEqual(
        rows.map((row) => row.split(/ +/).slice(0, 3).join(" ")).sort(),
        cluster.nodeIds.map((id) => `${id} alive yes`).sort(),
      );
      const status = await althing(runtime, "status", ...address);
      assert.deepEqual([status.code, status.stderr], [0, ""]);
      assert.match(status.stdout, /^cluster +HEALTHY$/m);
      assert.match(status.stdout, /^members +3 of 3 healthy$/m);
      const json = await althing(runtime, "members", ...address, "--json");
      assert.equal((JSON.parse(json.stdout) as unknown[]).length, 3);
    }
  });

  it("drain on SIGTERM, are seen leaving, and catch up when they come back", async () => {
    for (const agent of cluster.agents) {
      const others = cluster.others(agent);
      const { code, stderr } = await agent.end("SIGTERM");
      assert.deepEqual([code, stderr], [0, ""], agent.output);
      assert.match(agent.output, / draining signal=SIGTERM/);
      for (const other of others) await other.shows(agent.nodeId, "left");
      await others[0]!.put("budget", agent.nodeId, { missed_by: agent.nodeId });
      await agent.start();
      await cluster.isWhole();
      await agent.holds("budget", agent.nodeId, { missed_by: agent.nodeId });
      for (const writer of cluster.agents) {
        await agent.holds("virtual_key", writer.nodeId, { written_at: writer.nodeId, limit: 5 });
      }
    }
  });

  it("notice when one is killed, and take it back with what it missed", async () => {
    const [lost, ...others] = cluster.agents;
    await lost!.end("SIGKILL");
    await others[0]!.put("budget", "late", { limit: 7 });
    for (const other of others) {
      await other.shows(lost!.nodeId, "dead");
      for (const said of ["node marked as suspect", "member declared dead"]) {
        assert.ok(
          other.output.includes(`${said} name=${lost!.nodeId}-`),
          `${said}: ${other.output}`,
        );
      }
    }
    await lost!.start();
    await cluster.isWhole();
    await lost!.holds("budget", "late", { limit: 7 });
  });
});

describe("a secured cluster on three runtimes", { skip }, () => {
  const tls = (name: string): string => join(ROOT, "tests/fixtures/tls", name);
  const env = { ALTHING_TEST_KEY: GOSSIP_KEY, ALTHING_TEST_TOKEN: TOKEN };
  const modes = {
    "by mutual TLS and gossip keys": {
      gossip_keys: ["env.ALTHING_TEST_KEY"],
      tls: {
        cert_file: tls("node.pem"),
        key_file: tls("node.key.pem"),
        ca_file: tls("cluster_ca.pem"),
        client_auth: true,
      },
    },
    "by a token": { token: "env.ALTHING_TEST_TOKEN" },
  };
  for (const [how, security] of Object.entries(modes)) {
    it(`${how} shares entities and tells no secret`, { timeout: TIMEOUT_MS }, async () => {
      await using cluster = await AgentCluster.start({
        runtimes: found,
        config: { security },
        env,
        adminToken: ADMIN_TOKEN,
      });
      const [writer, ...readers] = cluster.agents;
      await writer!.put("provider", "p", { name: how });
      for (const reader of readers) await reader.holds("provider", "p", { name: how });
      for (const agent of cluster.agents) await tellsNoSecret(agent);
    });
  }
});

async function tellsNoSecret(agent: Agent): Promise<void> {
  const unasked = await fetch(`http://${agent.statusAddress}/cluster/entities/provider/p`);
  assert.equal(unasked.status, 401);
  await unasked.body?.cancel();
  const pages = ["/cluster/status", "/cluster/node", "/cluster/members", "/cluster/leaders"];
  const texts = await Promise.all(
    pages.map(async (path) => await (await agent.page(path))!.text()),
  );
  const said = [agent.output, ...texts].join("\n");
  for (const secret of [GOSSIP_KEY, atob(GOSSIP_KEY), TOKEN, ADMIN_TOKEN, "PRIVATE KEY"]) {
    assert.ok(!said.includes(secret), `${agent.nodeId} tells ${JSON.stringify(secret)}`);
  }
}

describe("an agent that can't start", { skip }, () => {
  let folder = "";
  let taken: Server;
  let takenPort = 0;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "althing-agent-"));
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    takenPort = (taken.address() as { readonly port: number }).port;
  });
  after(async () => {
    await new Promise((resolve) => taken.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs the agent with that text as its file. */
  async function agent(i: number, name: string, text: string): Promise<Ended> {
    const path = join(folder, `${i}-${name}`);
    await writeFile(path, text);
    return await althing(found[i]!, "agent", "--config", path);
  }

  const config = (fields: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({
      cluster_config: {
        enabled: true,
        node_id: "x",
        bind_addr: "127.0.0.1",
        peers: ["127.0.0.1:1"],
        gossip: { port: 0 },
        grpc: { port: 0 },
        status: { port: 0 },
        ...fields,
      },
    });

  for (const [i, { name }] of found.entries()) {
    it(`for its config ends with 2 and one sentence that names the path, on ${name}`, async () => {
      const wrong = await agent(i, "wrong.json", config({ gossip: { port: 70_000 } }));
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /^althing: [^\n]*cluster_config\.gossip\.port[^\n]*\n$/);
      const unknown = await agent(i, "unknown.yaml", "cluster_config:\n  enabld: true\n");
      assert.equal(unknown.code, 2);
      assert.match(
        unknown.stderr,
        /^althing: [^\n]*cluster_config\.enabld[^\n]*"?enabled"?[^\n]*\n$/,
      );
      const broken = await agent(i, "broken.json", '{\n  "cluster_config": {,}\n}');
      assert.equal(broken.code, 2);
      assert.match(broken.stderr, /^althing: [^\n]*broken\.json[^\n]*line 2[^\n]*\n$/);
    });

    it(`for a taken port ends with 1 and one sentence that names it, on ${name}`, async () => {
      for (const plane of ["gossip", "grpc", "status"]) {
        const text = config({ [plane]: { port: takenPort } });
        const { code, stderr } = await agent(i, `${plane}.json`, text);
        assert.equal(code, 1, `${plane}: ${stderr}`);
        const sentence =
          `^althing: [^\\n]*127\\.0\\.0\\.1:${takenPort}\\b[^\\n]*choose another[^\\n]*\\n$`;
        assert.match(stderr, new RegExp(sentence));
      }
    });
  }
});
