import assert from "node:assert/strict";
import { describe } from "node:test";
import { eventually } from "../eventually.ts";
import { GoPeer } from "./go_peer.ts";
import { OurNode } from "./our_node.ts";
import { MESH, QUICK, RELEASES, withGo } from "./setting.ts";

/** Suspicions that outlast the test's own steps. */
const PATIENT = { ...QUICK, suspicionMult: 12 };

/** Long rounds: on a busy machine too, the fallback answers before a round ends. */
const ROOMY = { ...MESH, probeIntervalMs: 800 };

for (const release of RELEASES) {
  describe(`failures among ours and memberlist ${release}`, () => {
    withGo("ours declares a killed Go node dead and keeps the reason", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await go.process.kill();
      const gone = await our.event("gone", (event) => event.member.name === "go");
      assert.equal(gone.member.state, "dead");
      assert.equal(gone.member.evidence?.accuser, "our");
      await our.lists(["our"]);
    });

    withGo("Go declares ours dead when it falls silent", async () => {
      await using go = await GoPeer.start({ ...QUICK, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await our.kill();
      await go.logged(/Suspect our has failed/);
      await go.event("leave", (event) => event.member?.name === "our");
      await go.lists(["go"]);
    });

    withGo("a paused Go node is suspected, hears of it, and is cleared by its answer", async () => {
      await using go = await GoPeer.start({ ...PATIENT, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: PATIENT });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      go.process.pause();
      const suspected = await our.event("suspected", (event) => event.member.name === "go");
      assert.equal(suspected.member.evidence?.accuser, "our");
      go.process.resume();
      await go.logged(/Refuting a suspect message \(from: our\)/);
      const cleared = await our.event("cleared", (event) => event.member.name === "go");
      assert.ok(cleared.member.incarnation > suspected.member.incarnation);
      assert.ok(!our.events.some((event) => event.type === "gone"));
    });

    withGo("ours refutes the accusation of a Go node that can't hear it", async () => {
      await using go = await GoPeer.start(
        { ...PATIENT, name: "go", disableTcpPings: true },
        release,
      );
      await using our = await OurNode.start({ name: "our", membership: PATIENT });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await go.udp({ blockIn: true });
      const refuted = await our.event("refuted");
      assert.equal(refuted.accuser, "go");
      assert.ok(refuted.incarnation >= 2);
      await go.udp({});
      // Believed when the next suspicion-free probe rounds pass without a death.
      const { pings } = await go.stats();
      await eventually(
        "go has probed ours again",
        async () => (await go.stats()).pings > pings + 3,
      );
      assert.ok(!go.events.some((event) => event.event === "leave"), go.said());
      await go.lists(["go", "our"]);
    });

    withGo("with UDP blocked at the Go node, probes over TCP keep both alive", async () => {
      await using go = await GoPeer.start({ ...ROOMY, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: ROOMY });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      const since = our.mark();
      await go.udp({ blockIn: true, blockOut: true });
      await our.event("udpBlocked", (event) => event.member.name === "go", { since });
      await go.logged(/Was able to connect to our/);
      const { probes } = our;
      await eventually("ours has probed on", () => our.probes > probes + 4, 20_000);
      await stillTogether(our, go, since);
    });

    withGo("with UDP blocked at ours, probes over TCP keep both alive", async () => {
      await using go = await GoPeer.start({ ...ROOMY, name: "go" }, release);
      await using our = await OurNode.start({ name: "our", membership: ROOMY });
      await go.join(our.address);
      await our.lists(["go", "our"]);
      const since = our.mark();
      our.udp({ blockIn: true, blockOut: true });
      await our.event("udpBlocked", (event) => event.member.name === "go", { since });
      const { probes } = our;
      await eventually("ours has probed on", () => our.probes > probes + 4, 20_000);
      await stillTogether(our, go, since);
    });

    withGo("nodes that never had UDP join, meet and send by streams alone", async () => {
      const udp = { blockIn: true, blockOut: true };
      await using go = await GoPeer.start({ ...QUICK, name: "go", udp }, release);
      await using our = await OurNode.start({ name: "our", membership: QUICK, udp });
      await our.join(go.address);
      await go.lists(["go", "our"]);
      await our.event("udpBlocked");
      await our.sendReliable("go", new Uint8Array(70_000));
      await go.event("user", (event) => event.payload?.length === 70_000);
      await go.sendReliable("our", new Uint8Array(70_000));
      await our.event("user", (event) => event.payload.length === 70_000);
    });

    withGo("through a Go helper, ours keeps a node alive that it can't reach itself", async () => {
      const settings = { ...ROOMY, indirectChecks: 3 };
      await using far = await GoPeer.start({ ...settings, name: "far" }, release);
      await using helper = await GoPeer.start({ ...settings, name: "helper" }, release);
      await using our = await OurNode.start({
        name: "our",
        membership: { ...settings, disableTcpPings: true },
      });
      await our.join(far.address, helper.address);
      await helper.join(far.address);
      await far.lists(["far", "helper", "our"]);
      const since = our.mark();
      our.udp({ blockPeers: [far.address] });
      await far.udp({ blockPeers: [our.address] });
      const { probes } = our;
      await eventually("ours has probed on", () => our.probes > probes + 5, 20_000);
      assert.deepEqual(
        our.events.slice(since).filter((event) => ["suspected", "gone"].includes(event.type)),
        [],
      );
    });

    withGo("through ours, Go keeps a node alive that it can't reach itself", async () => {
      const settings = { ...ROOMY, indirectChecks: 3 };
      await using far = await GoPeer.start(
        { ...settings, name: "far", disableTcpPings: true },
        release,
      );
      await using asking = await GoPeer.start(
        { ...settings, name: "asking", disableTcpPings: true },
        release,
      );
      await using our = await OurNode.start({ name: "our", membership: settings });
      await our.join(far.address, asking.address);
      await asking.join(far.address);
      await asking.lists(["asking", "far", "our"]);
      await far.udp({ blockPeers: [asking.address] });
      await asking.udp({ blockPeers: [far.address] });
      const { packetsDropped } = await asking.stats();
      await eventually(
        "asking has pinged far in vain",
        async () => (await asking.stats()).packetsDropped > packetsDropped + 3,
        20_000,
      );
      assert.ok(
        !asking.events.some((event) => /Suspect far has failed/.test(event.message ?? "")),
        asking.said(),
      );
    });
  });
}

async function stillTogether(our: OurNode, go: GoPeer, since: number): Promise<void> {
  await our.lists(["go", "our"]);
  await go.lists(["go", "our"]);
  const grave = our.events.slice(since).filter((event) =>
    event.type === "suspected" || event.type === "gone"
  );
  assert.deepEqual(grave, []);
  assert.ok(!go.events.some((event) => event.event === "leave"), go.said());
}
