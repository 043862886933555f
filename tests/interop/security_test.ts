import assert from "node:assert/strict";
import { describe } from "node:test";
import { eventually } from "../eventually.ts";
import { GoPeer } from "./go_peer.ts";
import { OurNode } from "./our_node.ts";
import { bytes, key, QUICK, RELEASES, text, withGo } from "./setting.ts";

/** Both list both, and user messages arrive both ways, by datagram and by stream. */
async function talk(our: OurNode, go: GoPeer): Promise<void> {
  await our.lists([go.name, our.name]);
  await go.lists([go.name, our.name]);
  await our.sendReliable(go.name, bytes("stream of ours"));
  await go.sendReliable(our.name, bytes("stream of go"));
  await go.event("user", (event) => text(event.payload) === "stream of ours");
  await our.event("user", (event) => text(event.payload) === "stream of go");
  await our.sendBestEffort(go.name, bytes("packet of ours"));
  await go.sendBestEffort(our.name, bytes("packet of go"));
  await go.event("user", (event) => text(event.payload) === "packet of ours");
  await our.event("user", (event) => text(event.payload) === "packet of go");
  await our.ping(go.name);
  await go.ping(our.name);
}

for (const release of RELEASES) {
  describe(`encryption with memberlist ${release}`, () => {
    for (const size of [16, 24, 32] as const) {
      withGo(`AES-${size * 8} carries joins and messages both ways`, async () => {
        const keys = [key(size)];
        await using go = await GoPeer.start({ ...QUICK, name: "go", keys }, release);
        await using our = await OurNode.start({ name: "our", membership: QUICK, keys });
        await our.join(go.address);
        await talk(our, go);
      });
    }

    withGo("a Go node joins an encrypted node of ours", async () => {
      const keys = [key(32)];
      await using our = await OurNode.start({ name: "our", membership: QUICK, keys });
      await using go = await GoPeer.start({ ...QUICK, name: "go", keys }, release);
      await go.join(our.address);
      await talk(our, go);
    });

    withGo("another key and no key are refused both ways", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go", keys: [key(16)] }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK, keys: [key(16, 9)] });
      await using plain = await OurNode.start({ name: "plain", membership: QUICK });
      await assert.rejects(our.join(go.address), { code: "join-failed" });
      await assert.rejects(plain.join(go.address), { code: "join-failed" });
      await assert.rejects(go.join(our.address));
      await assert.rejects(go.join(plain.address));
      await go.lists(["go"]);
      await our.lists(["our"]);
      await plain.lists(["plain"]);
    });

    withGo("keys rotate under traffic without a message or a member lost", async () => {
      const [old, next] = [key(16), key(32, 5)];
      await using go = await GoPeer.start({ ...QUICK, name: "go", keys: [old] }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK, keys: [old] });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      const traffic = startTraffic(our, go);
      await traffic.through(10);
      our.keys.add(next);
      await go.addKey(next);
      await traffic.through(10);
      our.keys.use(next);
      await traffic.through(10);
      await go.useKey(next);
      await traffic.through(10);
      await go.removeKey(old);
      our.keys.remove(old);
      await traffic.through(10);
      await traffic.stop();
      assert.deepEqual(traffic.arrivedAtGo(), traffic.sent());
      assert.deepEqual(traffic.arrivedAtOurs(), traffic.sent());
      assert.ok(!go.events.some((event) => event.event === "leave"), go.said());
      assert.ok(!our.events.some(({ type }) => type === "suspected" || type === "gone"));
      assert.ok(!go.events.some((event) => /no installed keys/i.test(event.message ?? "")));
      assert.ok(!our.events.some(({ type }) => type === "dropped"));
    });

    withGo("a plaintext cluster becomes an encrypted one, step by step", async () => {
      const keys = [key(16)];
      const step = (verifyIncoming: boolean, verifyOutgoing: boolean) => ({
        keys,
        verifyIncoming,
        verifyOutgoing,
      });
      const accepts = step(false, false);
      const sends = step(false, true);
      const insists = step(true, true);
      // Neighbouring steps of the migration must understand each other, whichever side is ahead.
      for (
        const [ofOurs, ofGo] of [
          [{}, accepts],
          [accepts, {}],
          [accepts, sends],
          [sends, accepts],
          [sends, insists],
          [insists, sends],
        ]
      ) {
        await using go = await GoPeer.start({ ...QUICK, name: "go", ...ofGo }, release);
        await using our = await OurNode.start({ name: "our", membership: QUICK, ...ofOurs });
        await our.join(go.address);
        await talk(our, go);
        await go.join(our.address);
      }
    });
  });
}

describe("labels with memberlist latest", () => {
  for (const keys of [[], [key(16)]]) {
    const title = keys.length === 0 ? "in plaintext" : "under encryption";

    withGo(`the same label joins and talks ${title}`, async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go", label: "blue", keys });
      await using our = await OurNode.start({
        name: "our",
        membership: QUICK,
        label: "blue",
        keys,
      });
      await our.join(go.address);
      await talk(our, go);
      await go.join(our.address);
    });

    withGo(`another label and none are refused both ways ${title}`, async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go", label: "blue", keys });
      await using red = await OurNode.start({ name: "red", membership: QUICK, label: "red", keys });
      await using bare = await OurNode.start({ name: "bare", membership: QUICK, keys });
      await using bareGo = await GoPeer.start({ ...QUICK, name: "bare-go", keys });
      for (const our of [red, bare]) {
        await assert.rejects(our.join(go.address), { code: "join-failed" });
        await assert.rejects(go.join(our.address));
        await our.lists([our.name]);
      }
      await assert.rejects(red.join(bareGo.address), { code: "join-failed" });
      await assert.rejects(bareGo.join(red.address));
      await go.lists(["go"]);
      await bareGo.lists(["bare-go"]);
    });
  }
});

/** Numbered messages both ways, by stream, one after the other. */
function startTraffic(our: OurNode, go: GoPeer): {
  through(count: number): Promise<void>;
  stop(): Promise<void>;
  sent(): string[];
  arrivedAtGo(): string[];
  arrivedAtOurs(): string[];
} {
  let sent = 0;
  let running = true;
  const loop = (async () => {
    while (running) {
      const payload = bytes(`message ${sent}`);
      await Promise.all([our.sendReliable("go", payload), go.sendReliable("our", payload)]);
      sent++;
    }
  })();
  const at = (payloads: (Uint8Array | undefined)[]) =>
    payloads.map(text).filter((each) => each.startsWith("message ")).sort();
  const arrivedAtGo = () =>
    at(go.events.filter((event) => event.event === "user").map((event) => event.payload));
  const arrivedAtOurs = () =>
    at(our.events.flatMap((event) => event.type === "user" ? [event.payload] : []));
  return {
    async through(count) {
      const until = sent + count;
      await eventually(`${count} more messages were sent`, () => sent >= until, 20_000);
    },
    async stop() {
      running = false;
      await loop;
      await eventually(
        "the last messages arrive",
        () => arrivedAtGo().length === sent && arrivedAtOurs().length === sent,
      );
    },
    sent: () => Array.from({ length: sent }, (_, i) => `message ${i}`).sort(),
    arrivedAtGo,
    arrivedAtOurs,
  };
}
