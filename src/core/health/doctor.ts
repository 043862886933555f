/**
 * From what was tried to what is wrong and what to do: the verdicts of the doctor (spec `cluster.md` 9).
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";

/** What one attempt brought. */
export interface Attempt {
  readonly ok: boolean;
  /** What was seen, for people. */
  readonly detail: string;
  /** Nobody answered, as when packets are dropped; without it, somebody refused. */
  readonly silent?: boolean;
}

/** What was tried with one peer. Absent: it could not be tried, or was of no use any more. */
export interface PeerFindings {
  /** Gossip address. */
  readonly address: Address;
  /** Node id, once known. */
  readonly nodeId?: string;
  /** Connecting to the gossip port by TCP. */
  readonly tcp: Attempt;
  /** Exchanging state over that connection. */
  readonly exchange?: Attempt;
  /** It opened our bytes and we could not open its answer, or the other way round: keys or labels differ. */
  readonly mismatch?: "key" | "label or key";
  /** How many of the small probes by UDP were answered. */
  readonly udp: { readonly sent: number; readonly answered: number; readonly rttMs?: Millis };
  /** Probes as large as the largest packet of gossip. */
  readonly udpLarge?: Attempt;
  /** The peer's own probe of our gossip port. */
  readonly udpBack?: Attempt;
  /** Milliseconds since its last packet reached us; absent: none did, or nobody listened. */
  readonly heardAgoMs?: Millis;
  /** Whether somebody has listened for its packets. */
  readonly listened: boolean;
  /** RPC address, once known. */
  readonly rpcAddress?: Address;
  /** Opening an authenticated link. */
  readonly rpc?: Attempt & { readonly refused?: boolean };
  /** Whether it keeps a link to us. */
  readonly rpcBack?: Attempt;
  /** How far its clock is ahead of ours. */
  readonly skewMs?: Millis;
  /** Protocol versions it speaks, least and greatest. */
  readonly protocols?: readonly [number, number];
  /** A memberlist node that is none of ours. */
  readonly foreign?: boolean;
}

/** What was found of one discovery source. */
export interface SourceFindings {
  readonly source: string;
  readonly candidates: number;
  /** Why it does not answer. */
  readonly failure?: string;
  /** Entries of no use. */
  readonly skipped: number;
  readonly unresolved: readonly string[];
  /** `false`: it should tell others of this node and does not. */
  readonly announced?: boolean;
}

/** All that was found. */
export interface DoctorFindings {
  /** Our gossip address. */
  readonly self: Address;
  readonly profile: "lan" | "wan" | "local";
  readonly peers: readonly PeerFindings[];
  readonly sources: readonly SourceFindings[];
}

/** One line of the table. */
export interface DoctorLine {
  /** What was tried. */
  readonly check:
    | "discovery"
    | "gossip tcp"
    | "label and key"
    | "gossip udp"
    | "packet size"
    | "round trip"
    | "rpc"
    | "protocol"
    | "clock";
  /** Who tried; a node id, an address or a source. */
  readonly from: string;
  /** With whom; likewise. */
  readonly to: string;
  /** `unknown`: what stands above it must be cured first. */
  readonly verdict: "ok" | "bad" | "unknown";
  /** What was seen. */
  readonly said: string;
  /** What to do; empty when nothing is to be done. */
  readonly cure: string;
}

/** A peer heard so recently is sending. */
const HEARD_MS: Millis = 15_000;
/** A larger share of lost probes shows in false suspicions. */
const LOSS_BAD = 0.05;
const SKEW_BAD_MS: Millis = 5_000;
/** Probe timeouts of memberlist's presets; a round trip above a third of them leads to false suspicions. */
const PROBE_TIMEOUT_MS = { lan: 500, wan: 3_000, local: 200 } as const;
const OUR_PROTOCOL = 2;

type Verdict = Omit<DoctorLine, "from" | "to">;

/** The table: discovery first, then peer by peer, in the order given. */
export function doctorLines(findings: DoctorFindings): readonly DoctorLine[] {
  const { self, sources, peers } = findings;
  const lines: DoctorLine[] = sources.map((source) => ({
    from: self,
    to: source.source,
    ...sourceVerdict(source),
  }));
  if (peers.length === 0) {
    lines.push({
      check: "gossip tcp",
      from: self,
      to: "nobody",
      verdict: "bad",
      said: "no peer is known",
      cure: "list one in cluster_config.peers, or cure discovery",
    });
  }
  for (const peer of peers) {
    const to = peer.nodeId === undefined ? peer.address : `${peer.nodeId} ${peer.address}`;
    for (const line of peerVerdicts(peer, findings)) lines.push({ from: self, to, ...line });
    if (peer.udpBack !== undefined) {
      lines.push({ from: to, to: self, ...udpBackVerdict(peer.udpBack, self) });
    }
    if (peer.rpcBack !== undefined) {
      lines.push({ from: to, to: self, ...rpcBackVerdict(peer.rpcBack) });
    }
  }
  return lines;
}

function good(check: DoctorLine["check"], said: string): Verdict {
  return { check, verdict: "ok", said, cure: "" };
}

function bad(check: DoctorLine["check"], said: string, cure: string): Verdict {
  return { check, verdict: "bad", said, cure };
}

function sourceVerdict(source: SourceFindings): Verdict {
  const { candidates, failure, skipped, unresolved, announced } = source;
  if (failure !== undefined) {
    return bad("discovery", failure, "cure what it says; members already found stay");
  }
  if (unresolved.length > 0) {
    return bad(
      "discovery",
      `does not resolve: ${unresolved.slice(0, 8).join(", ")}`,
      "check the names and the DNS server",
    );
  }
  if (announced === false) {
    return bad("discovery", "it does not tell others of this node", "see its log lines");
  }
  if (candidates === 0) {
    const cure = skipped > 0
      ? "widen allowed_address_space, or correct what the source lists"
      : "check selector, service name or names, unless this node is the first";
    return bad("discovery", `it lists nobody else, ${skipped} entries are of no use`, cure);
  }
  return good("discovery", `it lists ${candidates} others, ${skipped} entries are of no use`);
}

function peerVerdicts(peer: PeerFindings, { self, profile }: DoctorFindings): readonly Verdict[] {
  const lines: Verdict[] = [tcpVerdict(peer, self)];
  const reachable = peer.tcp.ok || peer.udp.answered > 0;
  if (peer.tcp.ok) lines.push(exchangeVerdict(peer));
  const sealed = peer.mismatch !== undefined || peer.exchange?.ok === false;
  if (reachable) lines.push(udpVerdict(peer, sealed));
  if (peer.udpLarge !== undefined && peer.udp.answered > 0) lines.push(sizeVerdict(peer.udpLarge));
  const rtt = roundTripVerdict(peer, profile);
  if (rtt !== undefined) lines.push(rtt);
  if (peer.rpc !== undefined) lines.push(rpcVerdict(peer));
  if (peer.protocols !== undefined) lines.push(protocolVerdict(peer.protocols));
  if (peer.skewMs !== undefined) lines.push(clockVerdict(peer.skewMs));
  return lines;
}

function portOf(address: Address): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

/** Which way packets are lost, as far as the peer's own packets tell. */
function direction({ heardAgoMs, listened }: PeerFindings, self: Address): string {
  if (!listened) return `in both directions between ${self} and it`;
  return heardAgoMs !== undefined && heardAgoMs <= HEARD_MS
    ? "from here to it: its packets reach us, so only that way is blocked"
    : "in both directions: nothing of it reaches us";
}

function tcpVerdict(peer: PeerFindings, self: Address): Verdict {
  const { tcp, udp, address } = peer;
  const port = portOf(address);
  if (tcp.ok) return good("gossip tcp", tcp.detail);
  if (tcp.silent !== true) {
    return bad(
      "gossip tcp",
      tcp.detail,
      `start the node there, or correct its address: nobody listens on TCP port ${port}`,
    );
  }
  if (udp.answered > 0) {
    return bad("gossip tcp", `${tcp.detail}, while UDP passes`, `allow TCP port ${port}`);
  }
  return bad("gossip tcp", tcp.detail, `allow TCP and UDP port ${port} ${direction(peer, self)}`);
}

function exchangeVerdict({ exchange, mismatch }: PeerFindings): Verdict {
  const check = "label and key";
  if (mismatch === "key") {
    return bad(check, exchange?.detail ?? "", "give both the same security.gossip_keys");
  }
  if (mismatch === "label or key") {
    return bad(
      check,
      exchange?.detail ?? "",
      "give both the same gossip.label and the same security.gossip_keys",
    );
  }
  if (exchange === undefined) return { check, verdict: "unknown", said: "not tried", cure: "" };
  return exchange.ok
    ? good(check, exchange.detail)
    : bad(check, exchange.detail, "see what the peer logs about this node");
}

function udpVerdict(peer: PeerFindings, sealed: boolean): Verdict {
  const { udp, address, heardAgoMs, listened } = peer;
  const seen = `${udp.answered} of ${udp.sent} probes answered`;
  if (udp.answered === 0) {
    if (sealed) {
      return {
        check: "gossip udp",
        verdict: "unknown",
        said: seen,
        cure: "cure label and key first",
      };
    }
    const where = listened && heardAgoMs !== undefined && heardAgoMs <= HEARD_MS
      ? "from here to it, or its answers back"
      : "in both directions";
    return bad(
      "gossip udp",
      `${seen}, while TCP passes`,
      `allow UDP port ${portOf(address)} ${where}`,
    );
  }
  const lost = 1 - udp.answered / udp.sent;
  if (lost > LOSS_BAD) {
    return bad(
      "gossip udp",
      `${seen}: packets are lost`,
      "look for an overloaded link, a full queue or a bad cable",
    );
  }
  return good("gossip udp", seen);
}

function sizeVerdict(large: Attempt): Verdict {
  return large.ok ? good("packet size", large.detail) : bad(
    "packet size",
    `${large.detail}, while small ones pass`,
    "let fragments and ICMP pass, or raise the MTU of the tunnel to 1500",
  );
}

function roundTripVerdict(
  { udp: { rttMs } }: PeerFindings,
  profile: DoctorFindings["profile"],
): Verdict | undefined {
  if (rttMs === undefined) return undefined;
  const said = `${Math.round(rttMs * 10) / 10} ms`;
  if (rttMs <= PROBE_TIMEOUT_MS[profile] / 3) return good("round trip", said);
  const cure = profile === "wan"
    ? "false suspicions are to be expected over such a link"
    : `set gossip.profile to "wan" on every node: "${profile}" waits ${
      PROBE_TIMEOUT_MS[profile]
    } ms`;
  return bad("round trip", said, cure);
}

function rpcVerdict({ rpc, rpcAddress = "", tcp, udp }: PeerFindings): Verdict {
  if (rpc === undefined || rpc.ok) return good("rpc", rpc?.detail ?? "");
  if (rpc.refused === true) {
    return bad(
      "rpc",
      rpc.detail,
      "give both the same security.token or gossip_keys, and certificates of one CA",
    );
  }
  const gossips = tcp.ok || udp.answered > 0;
  return bad(
    "rpc",
    gossips ? `${rpc.detail}, while gossip works` : rpc.detail,
    rpc.silent === true
      ? `allow TCP port ${portOf(rpcAddress)}`
      : `nobody listens on TCP port ${portOf(rpcAddress)}: check what is in between`,
  );
}

function udpBackVerdict(back: Attempt, self: Address): Verdict {
  return back.ok
    ? good("gossip udp", back.detail)
    : bad("gossip udp", back.detail, `allow UDP port ${portOf(self)} from there to here`);
}

function rpcBackVerdict(back: Attempt): Verdict {
  return back.ok
    ? good("rpc", back.detail)
    : bad("rpc", back.detail, "allow our RPC port from there to here; ask the doctor there too");
}

function protocolVerdict([least, greatest]: readonly [number, number]): Verdict {
  const said = `it speaks memberlist ${least} to ${greatest}`;
  return least <= OUR_PROTOCOL && greatest >= OUR_PROTOCOL
    ? good("protocol", said)
    : bad("protocol", said, `update it: this node speaks ${OUR_PROTOCOL}`);
}

function clockVerdict(skewMs: Millis): Verdict {
  const ahead = skewMs >= 0 ? "ahead" : "behind";
  const said = `its clock is ${Math.abs(Math.round(skewMs))} ms ${ahead}`;
  return Math.abs(skewMs) <= SKEW_BAD_MS
    ? good("clock", said)
    : bad("clock", said, "set both clocks by NTP: writes stamped 60 s ahead are refused");
}
