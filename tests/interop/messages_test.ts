import assert from "node:assert/strict";
import { describe } from "node:test";
import { eventually } from "../eventually.ts";
import { GoPeer } from "./go_peer.ts";
import { OurNode } from "./our_node.ts";
import { bytes, MESH, QUICK, RELEASES, text, withGo } from "./setting.ts";

for (const release of RELEASES) {
  describe(`messages and versions with memberlist ${release}`, () => {
    for (const [ofOurs, ofGo] of [[true, true], [true, false], [false, true], [false, false]]) {
      const on = (value: boolean | undefined) => value === true ? "on" : "off";
      withGo(
        `compression ${on(ofOurs)} at ours and ${on(ofGo)} at Go understand each other`,
        async () => {
          const meta = bytes("compress me ".repeat(40));
          await using go = await GoPeer.start(
            { ...QUICK, name: "go", compression: ofGo!, meta, userState: meta },
            release,
          );
          await using our = await OurNode.start({
            name: "our",
            membership: QUICK,
            compression: ofOurs!,
            meta,
            userState: meta,
          });
          await our.join(go.address);
          await go.lists(["go", "our"]);
          assert.deepEqual(our.member("go")?.meta, meta);
          assert.deepEqual(our.states[0]?.state, meta);
          assert.deepEqual((await go.event("mergeState")).payload, meta);
          const payload = bytes("again and again ".repeat(70));
          await our.sendBestEffort("go", payload);
          await go.sendBestEffort("our", payload);
          await go.event("user", (event) => text(event.payload) === text(payload));
          await our.event(
            "user",
            (event) => !event.reliable && text(event.payload) === text(payload),
          );
        },
      );
    }

    withGo("reliable messages of any size arrive whole", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      for (const size of [1, 127, 128, 65_535, 65_536, 2_000_000]) {
        const payload = new Uint8Array(size).map((_, i) => (i * 2_654_435_761) >>> 24);
        await our.sendReliable("go", payload);
        await go.sendReliable("our", payload);
        const atGo = await go.event("user", (event) => event.payload?.length === size);
        assert.deepEqual(atGo.payload, payload);
        const atOurs = await our.event("user", (event) => event.payload.length === size);
        assert.ok(atOurs.reliable);
        assert.deepEqual(atOurs.payload, payload);
      }
    });

    withGo("application broadcasts are gossiped both ways", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      for (let i = 0; i < 50; i++) {
        await our.broadcast(bytes(`ours ${i}`));
        await go.broadcast(bytes(`go ${i}`));
      }
      const heard = (texts: string[], prefix: string) =>
        new Set(texts.filter((each) => each.startsWith(prefix))).size === 50;
      await eventually(
        "Go has heard all fifty",
        () =>
          heard(go.events.filter((e) => e.event === "user").map((e) => text(e.payload)), "ours"),
      );
      await eventually(
        "ours has heard all fifty",
        () => heard(our.events.flatMap((e) => e.type === "user" ? [text(e.payload)] : []), "go"),
      );
    });

    withGo("bytes ride on acknowledgements both ways", async () => {
      await using go = await GoPeer.start(
        { ...QUICK, name: "go", ackPayload: bytes("ack of go") },
        release,
      );
      await using our = await OurNode.start({
        name: "our",
        membership: QUICK,
        ackPayload: bytes("ack of ours"),
      });
      await our.join(go.address);
      await go.event("ping", (event) => text(event.payload) === "ack of ours");
      await eventually(
        "ours hears the ack's bytes",
        () => our.ackPayloads.some((payload) => text(payload) === "ack of go"),
      );
    });

    for (const version of [2, 3, 4, 5]) {
      withGo(`protocol version ${version} at ours joins versions 2 and 5 at Go`, async () => {
        await using two = await GoPeer.start(
          { ...MESH, name: "two", protocolVersion: 2 },
          release,
        );
        await using five = await GoPeer.start(
          { ...MESH, name: "five", protocolVersion: 5 },
          release,
        );
        await using our = await OurNode.start({
          name: "our",
          membership: { ...MESH, protocolVersion: version },
        });
        assert.equal(await our.join(two.address, five.address), 2);
        await Promise.all([two, five, our].map((node) => node.lists(["five", "our", "two"])));
        const joined = await two.event("join", (event) => event.member?.name === "our");
        assert.equal(joined.member?.vsn[2], version);
      });
    }

    withGo("a Serf-like cluster is joined with its delegate versions", async () => {
      const serf = { ...QUICK, delegateVersions: [2, 5, 5] as const };
      await using go = await GoPeer.start({ ...serf, name: "go" }, release);
      await using our = await OurNode.start({
        name: "our",
        membership: { ...QUICK, delegateProtocol: { min: 2, max: 5, current: 5 } },
      });
      assert.equal(await our.join(go.address), 1);
      await go.lists(["go", "our"]);
      assert.equal(await go.join(our.address), 1);
      const joined = await go.event("join", (event) => event.member?.name === "our");
      assert.deepEqual(joined.member?.vsn, [1, 5, 2, 2, 5, 5]);
    });

    withGo("without its delegate versions a Serf-like cluster is left alone", async () => {
      const serf = { ...QUICK, delegateVersions: [2, 5, 5] as const };
      await using go = await GoPeer.start({ ...serf, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await assert.rejects(our.join(go.address), { code: "join-failed" });
      await assert.rejects(go.join(our.address));
      await our.event("mergeRefused");
      await our.lists(["our"]);
      await go.lists(["go"]);
    });
  });
}
