import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe } from "node:test";
import { detectRuntime } from "../../adapters/cli/detect_runtime.ts";
import { type ClusterNode, createNode, type NodeEvent } from "../../mod.ts";
import { eventually } from "../eventually.ts";
import { GoPeer } from "./go_peer.ts";
import { bytes, key, QUICK, RELEASES, text, withGo } from "./setting.ts";

/** A node as `createNode` makes it, on loopback and system-chosen ports, with what it told. */
async function wholeNode(
  peers: readonly string[],
  keys: readonly Uint8Array[] = [],
): Promise<{ readonly node: ClusterNode; readonly events: NodeEvent[] }> {
  const node = await createNode(await detectRuntime(), {
    cluster_config: {
      enabled: true,
      node_id: "gateway",
      region: "north",
      bind_addr: "127.0.0.1",
      peers,
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
      status: { port: 0 },
      ...(keys.length === 0
        ? {}
        : { security: { gossip_keys: keys.map((each) => Buffer.from(each).toString("base64")) } }),
    },
  });
  const events: NodeEvent[] = [];
  node.subscribe((event) => events.push(event));
  return { node, events };
}

for (const release of RELEASES) {
  describe(`a whole node with memberlist ${release}`, () => {
    withGo("meets a Go member through its configured peers and never lets it lead", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "a-go-node" }, release);
      const { node } = await wholeNode([go.address]);
      await using gateway = node;
      const name = gateway.status().memberName;
      await go.lists([go.name, name]);
      const members = await eventually(
        "the gateway lists both",
        () => gateway.members().length === 2 && gateway.members(),
      );
      assert.deepEqual(
        members.map((member) => [member.name, member.foreign, member.self, member.state]),
        [[go.name, true, false, "alive"], [name, false, true, "alive"]],
      );
      assert.equal(gateway.leaders().cluster, "gateway");
      const joined = await go.event("join", (event) => event.member?.name === name);
      assert.equal(joined.member?.addr, gateway.status().gossip);
      assert.ok(joined.member!.meta.length > 0);
    });

    withGo("talks to a Go member and leaves it politely", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      const { node, events } = await wholeNode([go.address]);
      await using gateway = node;
      const name = gateway.status().memberName;
      await go.lists([go.name, name]);
      await gateway.send("go", bytes("by packet"));
      await gateway.send("go", bytes("by stream"), { reliable: true });
      await gateway.broadcast(bytes("by gossip"));
      for (const way of ["by packet", "by stream", "by gossip"]) {
        await go.event("user", (event) => text(event.payload) === way);
      }
      await go.sendReliable(name, bytes("from go"));
      await eventually(
        "the gateway hears Go",
        () => events.some((event) => event.type === "user" && text(event.payload) === "from go"),
      );
      await gateway.leave();
      await go.event("leave", (event) => event.member?.name === name);
      assert.ok(!go.events.some((event) => /failed/.test(event.message ?? "")), go.said());
    });

    withGo("rotates its keys beside a Go member", async () => {
      const [old, next] = [key(16), key(32, 3)];
      await using go = await GoPeer.start({ ...QUICK, name: "go", keys: [old] }, release);
      const { node, events } = await wholeNode([go.address], [old]);
      await using gateway = node;
      const name = gateway.status().memberName;
      await go.lists([go.name, name]);
      await gateway.keys.add(next);
      await go.addKey(next);
      await gateway.keys.use(next);
      await go.useKey(next);
      await gateway.keys.remove(old);
      await go.removeKey(old);
      await gateway.send("go", bytes("under the new key"), { reliable: true });
      await go.event("user", (event) => text(event.payload) === "under the new key");
      await go.ping(name);
      assert.ok(!events.some((event) => event.type === "suspected" || event.type === "gone"));
    });

    withGo("finds a Go member again that crashed and came back", async () => {
      const config = { ...QUICK, name: "go" };
      await using first = await GoPeer.start(config, release);
      const { node, events } = await wholeNode([first.address]);
      await using gateway = node;
      const name = gateway.status().memberName;
      await first.lists([first.name, name]);
      await first.process.kill();
      await eventually(
        "the gateway declares it dead",
        () => events.some((event) => event.type === "gone" && event.member.name === "go"),
        20_000,
      );
      const port = Number(first.address.split(":").at(-1));
      await using second = await GoPeer.start({ ...config, port }, release);
      // Nobody tells the newcomer where to go: the gateway redials its configured peer.
      await second.lists([second.name, name], 30_000);
      await eventually(
        "the gateway takes it back",
        () => gateway.members().some((member) => member.name === "go" && member.state === "alive"),
      );
    });
  });
}
