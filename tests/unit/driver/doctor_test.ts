/**
 * The doctor among real nodes on loopback.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DoctorReport, runDoctor } from "../../../mod.ts";
import { memoryDiscovery } from "../../../src/testing/memory_discovery.ts";
import { eventually } from "../../eventually.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";
import { TestCluster } from "./cluster.ts";

const KEYS = [
  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
  "BgECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
];

/** Verdicts and checks of all lines about `to`, or from it. */
const about = ({ lines }: DoctorReport, name: string): string[] =>
  lines.filter(({ to, from }) => to.includes(name) || from.includes(name))
    .map(({ verdict, check }) => `${verdict} ${check}`);

const whatIsBad = ({ lines }: DoctorReport): string[] =>
  lines.filter(({ verdict }) => verdict === "bad").map(({ check, to, said, cure }) =>
    `${check} to ${to}: ${said}: ${cure}`
  );

async function before(peer: string, more: Record<string, unknown> = {}): Promise<DoctorReport> {
  return await runDoctor(await wakefulRuntime(), {
    cluster_config: {
      enabled: true,
      node_id: "new",
      bind_addr: "127.0.0.1",
      peers: [peer],
      gossip: { port: 0, ...more["gossip"] as object },
      grpc: { port: 0, dial_timeout_seconds: 2 },
      ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "gossip")),
    },
  });
}

describe("the doctor", () => {
  it("of a running node finds nothing wrong with a healthy peer, in both directions", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const b = await cluster.start("b", { peers: [a.address] });
    await eventually(
      "links stand both ways",
      () =>
        [a, b].every(({ node }) =>
          node.status().replication.inboundPeers.length === 1 &&
          node.status().replication.links[0]?.state === "open"
        ),
    );
    const report = await b.node.doctor();
    assert.deepEqual(whatIsBad(report), []);
    assert.deepEqual(about(report, "a "), [
      "ok gossip tcp",
      "ok label and key",
      "ok gossip udp",
      "ok packet size",
      "ok round trip",
      "ok rpc",
      "ok protocol",
      "ok clock",
      "ok gossip udp",
      "ok rpc",
    ]);
    assert.equal(report.ok, true);
    for (const { node } of [a, b]) {
      assert.deepEqual(node.members().map(({ nodeId, state }) => `${nodeId} ${state}`), [
        "a alive",
        "b alive",
      ]);
      await eventually(
        "no link of the doctor's stays",
        () => node.status().replication.inboundPeers.length === 1,
      );
    }
  });

  it("examines before anything runs, leaves no trace, and finds those whom a candidate knows", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a");
    const b = await cluster.start("b", { peers: [a.address] });
    await eventually("they see each other", () => a.node.members().length === 2);
    const report = await before(b.address);
    assert.deepEqual(whatIsBad(report), []);
    assert.ok(about(report, "a ").includes("ok rpc"));
    assert.ok(about(report, "b ").includes("ok clock"));
    assert.equal(a.node.members().length, 2);
  });

  it("names a key that differs", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { gossip_keys: [KEYS[0]] } });
    const report = await before(a.address, { security: { gossip_keys: [KEYS[1]] } });
    const [wrong] = whatIsBad(report);
    assert.match(wrong ?? "", /^label and key .*security\.gossip_keys$/);
    assert.equal(whatIsBad(report).length, 1);
    assert.ok(!JSON.stringify(report).includes(KEYS[0]!.slice(0, 12)), "no key in a report");
  });

  it("names a label that differs, and a missing key", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { gossip: { label: "blue" } });
    assert.match(
      whatIsBad(await before(a.address, { gossip: { label: "green" } }))[0] ?? "",
      /^label and key .*gossip\.label/,
    );
    const b = await cluster.start("b", { security: { gossip_keys: [KEYS[0]] } });
    assert.match(whatIsBad(await before(b.address))[0] ?? "", /^label and key .*gossip_keys$/);
  });

  it("names an RPC secret that differs", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.start("a", { security: { token: "one-long-secret-token" } });
    const report = await before(a.address, { security: { token: "another-secret-token" } });
    const wrong = whatIsBad(report);
    assert.equal(wrong.length, 1, wrong.join("; "));
    assert.match(wrong[0]!, /^rpc .*security\.token/);
    assert.ok(!JSON.stringify(report).includes("secret-token"), "no token in a report");
  });

  it("tells a candidate that does not run", async () => {
    const wrong = whatIsBad(await before("127.0.0.1:1"));
    assert.equal(wrong.length, 1, wrong.join("; "));
    assert.match(wrong[0]!, /^gossip tcp .*start the node there/);
  });

  it("tells what is wrong with discovery, and announces nothing", async () => {
    const place = memoryDiscovery();
    const run = async (): Promise<string[]> =>
      whatIsBad(
        await runDoctor(await wakefulRuntime(), {
          cluster_config: {
            enabled: true,
            node_id: "new",
            bind_addr: "127.0.0.1",
            gossip: { port: 0 },
          },
        }, { discoverySources: [place] }),
      );
    place.turn("failing");
    const wrong = await run();
    assert.match(wrong[0] ?? "", /^discovery to memory: .*it fails/);
    place.turn("well");
    assert.match((await run())[0] ?? "", /it lists nobody else/);
    assert.equal(place.registered.length, 0);
    assert.equal(place.sessions, 0);
  });
});
