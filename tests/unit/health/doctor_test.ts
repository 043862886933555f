import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type DoctorFindings,
  doctorLines,
  type PeerFindings,
} from "../../../src/core/health/doctor.ts";

const SELF = "10.0.0.1:10101";
const OK = { ok: true, detail: "it works" };
const SILENT = { ok: false, detail: "no answer", silent: true };

/** A peer with which all is well. */
const WELL: PeerFindings = {
  address: "10.0.0.2:10101",
  nodeId: "b",
  tcp: OK,
  exchange: OK,
  udp: { sent: 20, answered: 20, rttMs: 1 },
  udpLarge: OK,
  udpBack: OK,
  heardAgoMs: 500,
  listened: true,
  rpcAddress: "10.0.0.2:10102",
  rpc: OK,
  rpcBack: OK,
  skewMs: 12,
  protocols: [1, 5],
};

function bad(
  change: Partial<PeerFindings>,
  more: Partial<DoctorFindings> = {},
  base = WELL,
): string[] {
  const findings: DoctorFindings = {
    self: SELF,
    profile: "lan",
    sources: [],
    peers: [{ ...base, ...change }],
    ...more,
  };
  return doctorLines(findings)
    .filter(({ verdict }) => verdict === "bad")
    .map(({ check, said, cure }) => `${check}: ${said}: ${cure}`);
}

/** A peer that answers nothing at all. */
const LOST: PeerFindings = {
  address: "10.0.0.2:10101",
  tcp: SILENT,
  udp: { sent: 20, answered: 0 },
  listened: true,
};

const source = { source: "dns", candidates: 2, skipped: 0, unresolved: [] };

describe("the verdicts of the doctor", () => {
  it("are all good, one for every check, when all is well", () => {
    const lines = doctorLines({ self: SELF, profile: "lan", sources: [source], peers: [WELL] });
    assert.deepEqual([...new Set(lines.map(({ verdict }) => verdict))], ["ok"]);
    assert.deepEqual(lines.map(({ check }) => check), [
      "discovery",
      "gossip tcp",
      "label and key",
      "gossip udp",
      "packet size",
      "round trip",
      "rpc",
      "protocol",
      "clock",
      "gossip udp",
      "rpc",
    ]);
    assert.ok(lines.every(({ cure }) => cure === ""));
  });

  it("name a blocked RPC port while gossip works", () => {
    assert.deepEqual(bad({ rpc: SILENT }), [
      "rpc: no answer, while gossip works: allow TCP port 10102",
    ]);
  });

  it("name UDP that is blocked while TCP passes, and TCP while UDP passes", () => {
    const udp = { sent: 20, answered: 0 };
    assert.match(
      bad({ udp, heardAgoMs: 60_000 })[0]!,
      /while TCP passes: allow UDP port 10101 in both directions$/,
    );
    assert.match(bad({ udp })[0]!, /allow UDP port 10101 from here to it, or its answers back$/);
    const { exchange: _, ...noExchange } = WELL;
    assert.match(
      bad({ tcp: SILENT }, {}, noExchange)[0]!,
      /while UDP passes: allow TCP port 10101$/,
    );
  });

  it("tell a block of one way from one of both by the packets that still come", () => {
    assert.match(bad({ heardAgoMs: 900 }, {}, LOST)[0]!, /only that way is blocked$/);
    assert.match(bad({}, {}, LOST)[0]!, /nothing of it reaches us$/);
    assert.match(bad({ listened: false }, {}, LOST)[0]!, /in both directions between 10\.0\.0\.1/);
  });

  it("tell a node that does not run from packets that vanish", () => {
    const tcp = { ok: false, detail: "refused" };
    assert.match(bad({ tcp }, {}, LOST)[0]!, /start the node there, or correct its address/);
  });

  it("name keys and labels that differ, and draw no conclusion from silence by UDP then", () => {
    const sealed = { exchange: { ok: false, detail: "closed" }, udp: { sent: 20, answered: 0 } };
    assert.match(bad({ ...sealed, mismatch: "key" })[0]!, /security\.gossip_keys$/);
    const lines = bad({ ...sealed, mismatch: "label or key" });
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /gossip\.label/);
  });

  it("name loss, slow links, small packets, clocks, versions, and links that are missing", () => {
    const one = (change: Partial<PeerFindings>, pattern: RegExp): void => {
      const lines = bad(change);
      assert.equal(lines.length, 1, lines.join("; "));
      assert.match(lines[0]!, pattern);
    };
    one({ udp: { sent: 20, answered: 15, rttMs: 1 } }, /15 of 20 .* packets are lost/);
    one({ udp: { sent: 20, answered: 20, rttMs: 400 } }, /set gossip\.profile to "wan"/);
    assert.deepEqual(bad({ udp: { sent: 20, answered: 20, rttMs: 400 } }, { profile: "wan" }), []);
    one({ udpLarge: SILENT }, /packet size.*MTU/);
    one({ skewMs: -90_000 }, /90000 ms behind: set both clocks by NTP/);
    one({ protocols: [3, 5] }, /update it: this node speaks 2/);
    one({ rpcBack: SILENT }, /allow our RPC port from there to here/);
    one({ udpBack: SILENT }, /allow UDP port 10101 from there to here/);
    one({ rpc: { ok: false, detail: "no", refused: true } }, /security\.token/);
  });

  it("tell what is wrong with discovery", () => {
    const of = (change: object): string[] => bad({}, { sources: [{ ...source, ...change }] });
    assert.match(of({ failure: "pods is forbidden" })[0]!, /discovery: pods is forbidden/);
    assert.match(of({ unresolved: ["gw.example"] })[0]!, /gw\.example/);
    assert.match(of({ announced: false })[0]!, /does not tell others/);
    assert.match(of({ candidates: 0, skipped: 3 })[0]!, /widen allowed_address_space/);
    assert.match(of({ candidates: 0 })[0]!, /unless this node is the first/);
  });

  it("say when nobody is known", () => {
    assert.match(bad({}, { peers: [] })[0]!, /no peer is known/);
  });
});
