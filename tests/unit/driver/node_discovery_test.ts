/**
 * Whole nodes on loopback that know nobody but a discovery source.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ClusterError,
  type ClusterNode,
  createNode,
  type DiscoveryProvider,
  type LogRecord,
  type NodeEvent,
} from "../../../mod.ts";
import { type MemoryDiscovery, memoryDiscovery } from "../../../src/testing/memory_discovery.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

class Cluster implements AsyncDisposable {
  readonly nodes: ClusterNode[] = [];
  readonly log: LogRecord[] = [];

  async start(
    nodeId: string,
    discoverySources: readonly DiscoveryProvider[],
    more: Record<string, unknown> = {},
  ): Promise<ClusterNode> {
    const node = await createNode(await wakefulRuntime(), {
      cluster_config: {
        enabled: true,
        node_id: nodeId,
        bind_addr: "127.0.0.1",
        join_timeout_seconds: 0.3,
        gossip: { port: 0, profile: "local" },
        grpc: { port: 0 },
        ...more,
      },
    }, { discoverySources, log: (record) => this.log.push(record) });
    this.nodes.push(node);
    return node;
  }

  said(text: string): LogRecord | undefined {
    return this.log.find(({ message }) => message.startsWith(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}

const sees = (node: ClusterNode, ...ids: readonly string[]): boolean => {
  const alive = node.members().filter(({ state }) => state === "alive");
  return alive.map(({ nodeId }) => nodeId).sort().join(" ") === ids.join(" ");
};

const reportOf = (node: ClusterNode, source = "memory") =>
  node.status().discovery.find((one) => one.source === source);

async function three(cluster: Cluster, place: MemoryDiscovery): Promise<ClusterNode[]> {
  const nodes = await Promise.all(["a", "b", "c"].map((id) => cluster.start(id, [place])));
  await eventually(
    "all three see each other",
    () => nodes.every((one) => sees(one, "a", "b", "c")),
  );
  return nodes;
}

describe("nodes that know nobody but a discovery source", () => {
  it("find each other, and show how", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const [a] = await three(cluster, place);
    await eventually(
      "the lines of operators",
      () => cluster.said("successfully joined") && cluster.said("discovered "),
    );
    await eventually("a's report is complete", () => reportOf(a!)?.joined === 2);
    const report = reportOf(a!);
    assert.deepEqual(
      { ...report, lastSuccessMs: 0 },
      {
        source: "memory",
        candidates: 2,
        joined: 2,
        skipped: 0,
        unresolved: [],
        lastSuccessMs: 0,
        lastError: undefined,
        failures: 0,
        announced: true,
      },
    );
    assert.ok(report!.lastSuccessMs! > 1_600_000_000_000);
    assert.equal(place.registered.length, 3);
    for (const { rpcPort, region } of place.registered) {
      assert.ok(rpcPort! > 0);
      assert.equal(region, "unknown");
    }
  });

  it("let nobody go whom the source no longer lists, or when it fails", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const nodes = await three(cluster, place);
    place.turn("failing");
    await eventually("the failure shows", () => (reportOf(nodes[0]!)?.failures ?? 0) > 0);
    assert.ok(cluster.said("discovery failed"));
    place.turn("well");
    for (const { nodeId } of nodes) {
      await eventually(`${nodeId} recovered`, () => {
        const node = nodes.find((one) => one.nodeId === nodeId);
        return reportOf(node!)?.failures === 0;
      }, 30_000);
    }
    assert.ok(nodes.every((node) => sees(node, "a", "b", "c")));
  });

  it("are taken out of the source by leaving, and stay in it when they crash", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const [a, b] = await three(cluster, place);
    await a!.leave();
    assert.deepEqual(place.registered.map(({ nodeId }) => nodeId).toSorted(), ["b", "c"]);
    await b!.close();
    assert.deepEqual(place.registered.map(({ nodeId }) => nodeId).toSorted(), ["b", "c"]);
    assert.equal(place.sessions, 2);
  });

  it("tell of themselves again when the source has forgotten them", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const nodes = await three(cluster, place);
    const events: NodeEvent[] = [];
    nodes[0]!.subscribe((event) => void events.push(event));
    place.forget();
    await eventually("all are back", () => place.registered.length === 3);
    const changes = events.flatMap((event) => event.type === "discovery" ? [event.change] : []);
    assert.equal(changes[0], "forgotten");
    await eventually(
      "it was told",
      () => events.some((event) => event.type === "discovery" && event.change === "announced"),
    );
  });

  it("merge two clusters into one as soon as a source lists both, with what both hold", async () => {
    await using cluster = new Cluster();
    const [left, right] = [memoryDiscovery("left"), memoryDiscovery("right")];
    const bridge = memoryDiscovery("bridge");
    const nodes = [
      await cluster.start("a", [left, bridge]),
      await cluster.start("b", [left]),
      await cluster.start("c", [right]),
      await cluster.start("d", [right]),
    ];
    const [a, b, c, d] = nodes as [ClusterNode, ClusterNode, ClusterNode, ClusterNode];
    await eventually(
      "two clusters stand",
      () => sees(a, "a", "b") && sees(b, "a", "b") && sees(c, "c", "d") && sees(d, "c", "d"),
    );
    await eventually("all are ready", () => nodes.every((node) => node.readiness().ready));
    b.entities("team").set("left", 1);
    d.entities("team").set("right", 2);
    bridge.list(right.registered);
    await eventually(
      "one cluster stands",
      () => nodes.every((node) => sees(node, "a", "b", "c", "d")),
      20_000,
    );
    await eventually(
      "everybody has everything",
      () =>
        nodes.every((node) =>
          node.entities("team").get("left") === 1 && node.entities("team").get("right") === 2
        ),
      20_000,
    );
    assert.ok(nodes.every((node) => node.leaders().cluster === "a"));
  });

  it("start without a source that is down, and join when it comes up", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    place.turn("failing");
    const nodes = await Promise.all(["a", "b"].map((id) => cluster.start(id, [place])));
    await eventually(
      "both have failed",
      () => nodes.every((one) => (reportOf(one)?.failures ?? 0) > 0),
    );
    place.turn("well");
    await eventually(
      "they see each other",
      () => nodes.every((one) => sees(one, "a", "b")),
      30_000,
    );
  });

  it("are not ready alone while a majority of the expected nodes is not in view", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const more = { expected_nodes: 3 };
    const a = await cluster.start("a", [place], more);
    await eventually(
      "the join time is over",
      () => a.readiness().reason === "1 of 3 expected nodes are in view, a majority is needed",
    );
    const b = await cluster.start("b", [place], more);
    await eventually("two of three are ready", () => a.readiness().ready && b.readiness().ready);
  });

  it("do not start when a source can't work here, and leave nothing open", async () => {
    await using cluster = new Cluster();
    const place = memoryDiscovery();
    const broken: DiscoveryProvider = {
      name: "broken",
      open: () =>
        Promise.reject(new ClusterError("bad-config", "Cannot read ca.pem: it is missing")),
    };
    await assert.rejects(
      cluster.start("a", [place, broken]),
      (error) => ClusterError.is(error, "bad-config") && error.message.includes("ca.pem"),
    );
    assert.equal(place.sessions, 0);
  });

  it("take the ways of the configuration from who makes them, and filter by its rules", async () => {
    const place = memoryDiscovery();
    place.list([{ host: "192.0.2.1" }]);
    const log: LogRecord[] = [];
    await using node = await createNode(await wakefulRuntime(), {
      cluster_config: {
        enabled: true,
        node_id: "a",
        bind_addr: "127.0.0.1",
        gossip: { port: 0, profile: "local" },
        grpc: { port: 0 },
        discoveries: [{ type: "mdns", bind_port: 7, allowed_address_space: ["10.0.0.0/8"] }],
      },
    }, {
      log: (record) => log.push(record),
      discovery: (config) => config.type === "mdns" ? place : undefined,
    });
    await eventually(
      "the address is skipped",
      () =>
        log.some(({ message, fields }) =>
          message === "not in allowed address space" && fields?.["address"] === "192.0.2.1:7"
        ),
    );
    assert.equal(node.status().discovery[0]?.source, "memory");
    await node.close();
  });
});
