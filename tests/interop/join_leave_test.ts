import assert from "node:assert/strict";
import { describe } from "node:test";
import { GoPeer } from "./go_peer.ts";
import { OurNode } from "./our_node.ts";
import { readState } from "./read_state.ts";
import { bytes, MESH, QUICK, RELEASES, text, withGo } from "./setting.ts";

/** A push/pull row's state after a graceful leave. */
const LEFT = 3;

for (const release of RELEASES) {
  describe(`joining and leaving with memberlist ${release}`, () => {
    withGo("ours joins a Go node, and both tell their metadata and versions", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go", meta: bytes("of go") }, release);
      await using our = await OurNode.start({
        name: "our",
        membership: QUICK,
        meta: bytes("of ours"),
      });
      assert.equal(await our.join(go.address), 1);
      await go.lists(["go", "our"]);
      await our.lists(["go", "our"]);
      const joined = await go.event("join", (event) => event.member?.name === "our");
      assert.equal(text(joined.member?.meta), "of ours");
      assert.equal(joined.member?.addr, our.address);
      assert.deepEqual(joined.member?.vsn, [1, 5, 2, 0, 0, 0]);
      assert.equal(text(our.member("go")?.meta), "of go");
      assert.equal(our.member("go")?.address, go.address);
      assert.deepEqual([...our.member("go")!.vsn], [1, 5, 2, 0, 0, 0]);
    });

    withGo("a Go node joins ours, and both tell their metadata", async () => {
      await using our = await OurNode.start({
        name: "our",
        membership: QUICK,
        meta: bytes("of ours"),
      });
      await using go = await GoPeer.start({ ...QUICK, name: "go", meta: bytes("of go") }, release);
      assert.equal(await go.join(our.address), 1);
      await our.lists(["go", "our"]);
      await go.lists(["go", "our"]);
      const joined = await our.event("joined", (event) => event.member.name === "go");
      assert.equal(text(joined.member.meta), "of go");
      const seen = await go.event("join", (event) => event.member?.name === "our");
      assert.equal(text(seen.member?.meta), "of ours");
    });

    withGo("new metadata of either reaches the other", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go", meta: bytes("1") }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK, meta: bytes("1") });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      const long = new Uint8Array(512).fill(120);
      await our.updateMeta(long);
      const update = await go.event("update", (event) => event.member?.name === "our");
      assert.deepEqual(update.member?.meta, long);
      await go.updateMeta(bytes("2"));
      const updated = await our.event("updated", (event) => event.member.name === "go");
      assert.equal(text(updated.member.meta), "2");
      await our.updateMeta(new Uint8Array());
      await go.event("update", (event) => event.member?.meta.length === 0);
    });

    withGo("Go hears that ours leaves, and takes it for no failure", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await our.leave();
      await go.event("leave", (event) => event.member?.name === "our");
      await go.lists(["go"]);
      assert.ok(!go.events.some((event) => /failed/.test(event.message ?? "")), go.said());
      assert.equal((await readState(go.address)).get("our")?.state, LEFT);
    });

    withGo(
      "ours comes back after its leave, on the same instance and on a new address",
      async () => {
        await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
        await using our = await OurNode.start({ name: "our", membership: QUICK });
        await our.join(go.address);
        await go.lists(["go", "our"]);
        await our.leave();
        await go.lists(["go"]);
        await our.rejoin();
        await go.lists(["go", "our"]);
        await our.leave();
        await go.lists(["go"]);
        await our.kill();
        await using again = await OurNode.start({ name: "our", membership: QUICK });
        await again.join(go.address);
        await go.event("join", (event) => event.member?.addr === again.address);
        await again.lists(["go", "our"]);
      },
    );

    withGo("ours hears that Go leaves, and takes it for no failure", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await go.leave();
      const gone = await our.event("gone", (event) => event.member.name === "go");
      assert.equal(gone.member.state, "left");
      assert.ok(!our.events.some((event) => event.type === "suspected"));
    });

    withGo("states of the application travel both ways in the exchange", async () => {
      await using go = await GoPeer.start(
        { ...QUICK, name: "go", userState: bytes("state of go") },
        release,
      );
      const large = new Uint8Array(300_000).map((_, i) => (i * 31) >>> 3);
      await using our = await OurNode.start({ name: "our", membership: QUICK, userState: large });
      await our.join(go.address);
      const merged = await go.event("mergeState");
      assert.deepEqual(merged.payload, large);
      assert.equal(merged.join, true);
      assert.deepEqual(our.states.map(({ state, join }) => [text(state), join]), [
        ["state of go", true],
      ]);
    });

    withGo("both find each other on the IPv6 loopback", async () => {
      await using go = await GoPeer.start({ ...MESH, name: "go", bind: "::1" }, release);
      await using our = await OurNode.start({ name: "our", membership: MESH, ip: "::1" });
      assert.equal(await our.join(go.address), 1);
      await go.lists(["go", "our"]);
      assert.equal(our.member("go")?.address, go.address);
      await our.ping("go");
      await go.ping("our");
      await using second = await GoPeer.start({ ...MESH, name: "go-2", bind: "::1" }, release);
      assert.equal(await second.join(our.address), 1);
      await second.lists(["go", "go-2", "our"]);
    });
  });
}
