import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, createNode } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster, type TestNode } from "./cluster.ts";

const KEY_A = "AAECAwQFBgcICQoLDA0ODw==";
const KEY_B = "EBESExQVFhcYGRobHB0eHw==";

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

async function pair(
  cluster: TestCluster,
  config: Record<string, unknown> = {},
): Promise<[TestNode, TestNode]> {
  const a = await cluster.start("a", config);
  const b = await cluster.start("b", config);
  await b.node.join([a.address]);
  for (const { node } of [a, b]) {
    await eventually(
      `${node.nodeId} sees both healthy and is ready`,
      () => node.members().filter(({ healthy }) => healthy).length === 2 && node.readiness().ready,
    );
  }
  return [a, b];
}

function said({ log }: TestNode, message: string): boolean {
  return log.some((record) => record.message.includes(message));
}

describe("a node", () => {
  it("finds a peer, shares entities both ways and computes the same leader", async () => {
    await using cluster = new TestCluster();
    const [a, b] = await pair(cluster);
    a.node.entities("virtual_key").set("k1", { limit: 5 });
    b.node.entities("virtual_key").set("k2", { limit: 6 });
    await eventually(
      "both hold both",
      () => [a, b].every(({ node }) => node.entities("virtual_key").size === 2),
    );
    assert.deepEqual(b.node.entities("virtual_key").get("k1"), { limit: 5 });
    a.node.entities("virtual_key").delete("k2");
    await eventually(
      "the delete arrives",
      () => b.node.entities("virtual_key").get("k2") === undefined,
    );
    for (const { node } of [a, b]) {
      assert.equal(node.leaders().cluster, "a");
      assert.deepEqual([...node.leaders().regions], [["unknown", "a"]]);
    }
    assert.ok(said(b, "successfully joined 1 peers on startup") || said(b, "member joined"));
    await eventually("health is logged", () => said(a, "cluster health: HEALTHY"));
  });

  it("tells its events in order: joined, entity, suspected, gone, leader", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const b = await cluster.start("b");
    const events: string[] = [];
    b.node.subscribe((event) =>
      events.push(event.type === "leader" ? `leader ${event.change.to}` : event.type)
    );
    await b.node.join([a.address]);
    await eventually("b follows a", () => b.node.leaders().cluster === "a");
    await eventually("b is ready", () => b.node.readiness().ready);
    a.node.entities("team").set("t", 1);
    await eventually("the entity arrives", () => b.node.entities("team").get("t") === 1);
    await a.node.close();
    await eventually("b leads alone", () => b.node.leaders().cluster === "b", 20_000);
    const order = ["joined", "leader a", "entity", "suspected", "gone", "leader b"];
    let at = -1;
    for (const name of order) {
      const next = events.indexOf(name, at + 1);
      assert.ok(
        next > at,
        `${name} after ${order[order.indexOf(name) - 1]} in ${events.join(", ")}`,
      );
      at = next;
    }
    assert.ok(said(b, "node marked as suspect"));
  });

  it("leaves politely: readiness off, shown as left, what was written last has arrived", async () => {
    await using cluster = new TestCluster();
    const [a, b] = await pair(cluster);
    a.node.entities("provider").set("p", "last words");
    await a.node.leave();
    assert.equal(a.node.readiness().ready, false);
    await eventually(
      "b sees it left",
      () => b.node.members().some(({ nodeId, state }) => nodeId === "a" && state === "left"),
    );
    assert.equal(b.node.entities("provider").get("p"), "last words");
    assert.equal(b.node.leaders().cluster, "b");
  });

  it("gives a newcomer everything before it calls itself ready", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    await eventually("a is ready", () => a.node.readiness().ready);
    for (let i = 0; i < 500; i++) a.node.entities("virtual_key").set(`k${i}`, { i });
    const b = await cluster.start("b", { join_timeout_seconds: 30 });
    await b.node.join([a.address]);
    await eventually("b is ready", () => b.node.readiness().ready);
    assert.equal(b.node.entities("virtual_key").size, 500);
    assert.equal(b.node.readiness().reason, "first sync done (snapshot)");
  });

  it("does not meet a cluster with another gossip key, and says so on both sides", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { gossip_keys: [KEY_A] } });
    const b = await cluster.start("b", { security: { gossip_keys: [KEY_B] } });
    await assert.rejects(
      b.node.join([a.address]),
      (error) => ClusterError.is(error, "join-failed"),
    );
    assert.equal(a.node.members().length, 1);
    assert.equal(b.node.members().length, 1);
    await eventually(
      "the refusal is counted",
      () => (a.node.status().membership?.dropped.decrypt ?? 0) > 0,
    );
  });

  it("does not meet a cluster with another label", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { gossip: { label: "blue" } });
    const b = await cluster.start("b", { gossip: { label: "green" } });
    await assert.rejects(
      b.node.join([a.address]),
      (error) => ClusterError.is(error, "join-failed"),
    );
    await eventually(
      "the refusal is counted",
      () => (a.node.status().membership?.dropped.label ?? 0) > 0,
    );
  });

  it("rotates gossip keys under RPC traffic and loses nothing", async () => {
    await using cluster = new TestCluster();
    const [a, b] = await pair(cluster, { security: { gossip_keys: [KEY_A] } });
    let written = 0;
    const write = (): void => void a.node.entities("kv_store").set(`k${written}`, written++);
    const step = async (change: (at: TestNode) => Promise<void>): Promise<void> => {
      for (const at of [a, b]) {
        for (let i = 0; i < 50; i++) write();
        await change(at);
        for (let i = 0; i < 50; i++) write();
      }
    };
    await step(({ node }) => node.keys.add(bytes(KEY_B)));
    await step(({ node }) => node.keys.use(bytes(KEY_B)));
    await step(({ node }) => node.keys.remove(bytes(KEY_A)));
    await eventually("everything arrives", () => b.node.entities("kv_store").size === written);
    assert.equal(a.node.keys.size, 1);
    const c = await cluster.start("c", { security: { gossip_keys: [KEY_B] } });
    await c.node.join([a.address]);
    await eventually(
      "the newcomer with the new key has it all",
      () => c.node.entities("kv_store").size === written,
    );
    for (const { node } of [a, b, c]) {
      assert.equal(node.status().rpcRefused, 0);
      assert.ok(node.members().every(({ state }) => state === "alive"));
    }
  });

  it("shows a peer whose gossip works while its RPC does not as unhealthy, with the reason", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { token: "one-secret-token" } });
    const b = await cluster.start("b", { security: { token: "another-secret-token" } });
    await b.node.join([a.address]);
    await eventually("gossip stands", () => a.node.members().length === 2);
    const reason = await eventually(
      "the reason shows",
      () => a.node.members().find(({ nodeId }) => nodeId === "b")?.reason,
    );
    await eventually(
      "the reason names RPC",
      () => a.node.members().find(({ nodeId }) => nodeId === "b")?.reason?.startsWith("rpc: "),
      15_000,
    );
    assert.ok(!reason.includes("secret"), "no secret in a status answer");
    assert.ok(!JSON.stringify([a.log, b.log, a.node.status()]).includes("secret-token"));
    await eventually("the log says it", () => said(a, "cluster health: NOT HEALTHY"));
  });

  it("counts RPC callers without the token, and gives a member that lacks it nothing", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { token: "one-secret-token" } });
    const b = await cluster.start("b");
    await b.node.join([a.address]);
    await eventually("the refusals are counted", () => a.node.status().rpcRefused > 0);
    await eventually(
      "a refuses b as well",
      () => a.node.members().find(({ nodeId }) => nodeId === "b")?.reason?.startsWith("rpc: "),
      15_000,
    );
    a.node.entities("team").set("t", 1);
    assert.equal(b.node.entities("team").get("t"), undefined);
  });

  it("shares entities with a peer that has the same token and no gossip key", async () => {
    await using cluster = new TestCluster();
    const [a, b] = await pair(cluster, { security: { token: "one-secret-token" } });
    a.node.entities("team").set("t", 1);
    await eventually("b has it", () => b.node.entities("team").get("t") === 1);
  });

  for (
    const [what, security, warning] of [
      ["nothing", {}, "RPC is open"],
      ["a token", { token: "a-long-enough-token" }, "RPC is authenticated but not encrypted"],
      ["gossip keys", { gossip_keys: [KEY_A] }, "RPC is authenticated but not encrypted"],
    ] as const
  ) {
    it(`warns once how far RPC is protected by ${what}`, async () => {
      await using cluster = new TestCluster();
      const { log } = await cluster.start("a", { security });
      const warnings = log.filter(({ level, message }) =>
        level === "warn" && message.startsWith("RPC is ")
      );
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0]!.message.startsWith(warning));
    });
  }

  it("is not ready while a member is in view that it can't reach: it may have what we lack", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { token: "one-secret-token" } });
    await eventually("a is ready", () => a.node.readiness().ready);
    const started = performance.now();
    const b = await cluster.start("b", {
      security: { token: "another-secret-token" },
      join_timeout_seconds: 1,
    });
    await b.node.join([a.address]);
    await eventually("the join time is over", () => performance.now() - started > 1_500);
    assert.equal(b.node.readiness().ready, false);
    assert.match(b.node.readiness().reason, /"a" is in view without a link/);
    await a.node.close();
    await eventually("b is alone and ready", () => b.node.readiness().ready, 20_000);
  });

  it("says that it failed to join, and goes on trying", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    await eventually(
      "it has said so twice",
      () => a.log.filter(({ message }) => message === "failed to join cluster").length >= 2,
      20_000,
    );
  });

  it("says which peer names do not resolve", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { peers: ["no-such-host.invalid:10101"] });
    await eventually(
      "the log names it",
      () =>
        a.log.some(({ message, fields }) =>
          message === "dns lookup error" && fields?.["names"] === "no-such-host.invalid:10101"
        ),
      20_000,
    );
    await assert.rejects(
      a.node.join(["no-such-host.invalid:1"]),
      (error) =>
        ClusterError.is(error, "join-failed") && error.message.includes("no-such-host.invalid"),
    );
  });

  it("lets a listener write, and answers with the version at once", async () => {
    await using cluster = new TestCluster();
    const { node } = await cluster.start("a");
    const versions: unknown[] = [];
    node.subscribe((event) => {
      if (event.type === "readiness" && event.readiness.ready) {
        versions.push(node.entities("team").set("from-readiness", 1));
      }
      if (event.type === "entity" && event.change.key === "from-readiness") {
        versions.push(node.entities("team").set("from-entity", 2));
      }
    });
    await eventually("both were written", () => versions.length === 2);
    assert.deepEqual(node.entities("team").list().map(({ version }) => version), versions);
  });

  it("names the port that is taken, and leaves nothing open", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const port = Number(a.address.split(":")[1]);
    const taken = cluster.start("b", { gossip: { port } });
    await assert.rejects(
      taken,
      (error) => ClusterError.is(error, "bind-failed") && error.message.includes(String(port)),
    );
  });

  it("works alone when clustering is off", async () => {
    const runtime = await wakefulRuntime();
    await using node = await createNode(runtime, {
      cluster_config: { enabled: false, node_id: "solo" },
    });
    await eventually("it is ready", () => node.readiness().ready);
    node.entities("team").set("t", { name: "x" });
    assert.deepEqual(node.entities("team").get("t"), { name: "x" });
    assert.deepEqual(
      node.members().map(({ nodeId, healthy, self }) => ({ nodeId, healthy, self })),
      [
        { nodeId: "solo", healthy: true, self: true },
      ],
    );
    assert.equal(node.leaders().cluster, "solo");
  });

  for (
    const [what, config, words] of [
      [
        "discovery that nobody makes",
        { discovery: { enabled: true, type: "dns", dns_names: ["x.example"] } },
        'discovery of type "dns"',
      ],
      ["broker mode", { type: "broker", broker: { address: "b.example:50051" } }, "broker"],
    ] as const
  ) {
    it(`says in one sentence that ${what} can't be had`, async () => {
      const runtime = await wakefulRuntime();
      await assert.rejects(
        createNode(runtime, { cluster_config: { enabled: true, node_id: "x", ...config } }),
        (error) => ClusterError.is(error, "unsupported") && error.message.includes(words),
      );
    });
  }

  it("sends application bytes to one member and to all", async () => {
    await using cluster = new TestCluster();
    const [a, b] = await pair(cluster);
    const heard: string[] = [];
    b.node.subscribe((event) =>
      event.type === "user" && heard.push(new TextDecoder().decode(event.payload))
    );
    const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
    await a.node.send("b", encode("packet"));
    await a.node.send("b", encode("stream".repeat(10_000)), { reliable: true });
    await a.node.broadcast(encode("gossip"));
    await eventually("all three arrive", () => heard.length >= 3);
    assert.ok(
      heard.includes("packet") && heard.includes("gossip") &&
        heard.some((text) => text.length === 60_000),
    );
    await assert.rejects(
      a.node.send("nobody", encode("x")),
      (error) => ClusterError.is(error, "unknown-member"),
    );
    await assert.rejects(
      a.node.broadcast(new Uint8Array(2_000)),
      (error) => ClusterError.is(error, "too-large"),
    );
  });
});
