import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goSkipReason } from "./go_build.ts";
import { GoPeer } from "./go_peer.ts";
import { buildGoPeer, GoProcess } from "./go_process.ts";

const skip = goSkipReason();
if (skip === false) await Promise.all([buildGoPeer("latest"), buildGoPeer("v0.2.2")]);

const QUICK = { probeIntervalMs: 200, probeTimeoutMs: 100, gossipIntervalMs: 50 };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);

describe("the Go peers among themselves", () => {
  it("are built against the releases they claim", { skip, timeout: 60_000 }, async () => {
    await using latest = await GoProcess.start("latest");
    await using old = await GoProcess.start("v0.2.2");
    assert.match(latest.versions, /go-msgpack\/v2@v2\.\S+ .*memberlist@v0\.7\.0/);
    assert.match(old.versions, /go-msgpack@v0\.5\.5 .*memberlist@v0\.2\.2/);
  });

  it("join, tell their metadata, change it and leave", { skip, timeout: 60_000 }, async () => {
    await using a = await GoPeer.start({ ...QUICK, name: "a", meta: bytes("one") });
    await using b = await GoPeer.start(
      { ...QUICK, name: "b", meta: bytes("two"), userState: bytes("state of b") },
      "v0.2.2",
    );
    assert.equal(await b.join(a.address), 1);
    await Promise.all([a.lists(["a", "b"]), b.lists(["a", "b"])]);
    const joined = await a.event("join", (event) => event.member?.name === "b");
    assert.equal(text(joined.member?.meta), "two");
    assert.deepEqual(joined.member?.vsn, [1, 5, 2, 0, 0, 0]);
    assert.equal(text((await a.event("mergeState")).payload), "state of b");
    await a.updateMeta(bytes("three"));
    const updated = await b.event("update", (event) => event.member?.name === "a");
    assert.equal(text(updated.member?.meta), "three");
    await b.sendReliable("a", bytes("by stream"));
    await a.event("user", (event) => text(event.payload) === "by stream");
    await b.leave();
    await a.event("leave", (event) => event.member?.name === "b");
    await a.lists(["a"]);
  });

  it("detect one that was killed", { skip, timeout: 60_000 }, async () => {
    await using a = await GoPeer.start({ ...QUICK, name: "a" });
    await using b = await GoPeer.start({ ...QUICK, name: "b" }, "v0.2.2");
    await b.join(a.address);
    await a.lists(["a", "b"]);
    await b.process.kill();
    await a.event("leave", (event) => event.member?.name === "b");
    await assert.rejects(b.members(), /its process has ended/);
  });

  it(
    "survive blocked datagrams by probing over streams",
    { skip, timeout: 60_000 },
    async () => {
      await using a = await GoPeer.start({ ...QUICK, name: "a" });
      await using b = await GoPeer.start({ ...QUICK, name: "b", suspicionMult: 4 });
      await b.join(a.address);
      await b.udp({ blockIn: true, blockOut: true });
      await a.logged(/UDP/);
      assert.deepEqual((await a.members()).length, 2);
      assert.ok((await b.stats()).packetsDropped > 0);
    },
  );

  it("notice one that is paused and take it back", { skip, timeout: 60_000 }, async () => {
    await using a = await GoPeer.start({ ...QUICK, name: "a" });
    await using b = await GoPeer.start({ ...QUICK, name: "b" });
    await b.join(a.address);
    await a.lists(["a", "b"]);
    b.process.pause();
    await a.logged(/Suspect b has failed/);
    b.process.resume();
    await b.logged(/Refuting a (suspect|dead) message/);
  });

  it("live many in one process and agree", { skip, timeout: 60_000 }, async () => {
    await using many = await GoProcess.start();
    const names = Array.from({ length: 8 }, (_, i) => `n${i}`);
    // Simultaneous joins overflow two transmissions a message; the state exchange repairs what gossip lost.
    const nodes = await Promise.all(
      names.map((name) => GoPeer.startIn(many, { ...QUICK, name, pushPullIntervalMs: 500 })),
    );
    await Promise.all(nodes.slice(1).map((node) => node.join(nodes[0]!.address)));
    await Promise.all(nodes.map((node) => node.lists(names)));
  });
});
