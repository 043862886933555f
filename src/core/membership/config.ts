/**
 * Tuning of the membership machine: optional outside, complete and checked inside.
 *
 * Label, keys, verification and compression belong to `WireConfig`; bind address, advertise address and name
 * resolution to the driver.
 *
 * @module
 */

import { type Cidr, parseCidr } from "../cidr.ts";
import type { Millis } from "../machine.ts";
import { checkMembership } from "./config_checks.ts";
import { type MembershipProfile, PROFILES } from "./profiles.ts";

/** The application's own protocol versions, as a Serf or Consul cluster demands them (memberlist.md 0.1). */
export interface DelegateProtocol {
  /** Lowest version understood, 0 to 255. */
  readonly min: number;
  /** Highest version understood. */
  readonly max: number;
  /** Version spoken; between the two. */
  readonly current: number;
}

/** What may be tuned. Defaults are those of the LAN profile; `profile` picks another base. */
export interface MembershipOptions {
  /**
   * The base that all other fields overlay: memberlist's presets LAN, WAN and Local.
   *
   * @default {"lan"}
   */
  readonly profile?: MembershipProfile;
  /**
   * The memberlist protocol version spoken, 2 to 5. Features depend on what a peer understands, not on this.
   *
   * @default {2}
   */
  readonly protocolVersion?: number;
  /**
   * Permits `protocolVersion` 1, which carries no ports: every member must then use the same one.
   *
   * @default {false}
   */
  readonly allowProtocolVersion1?: boolean;
  /**
   * The application's versions.
   *
   * @default {{ min: 0, max: 0, current: 0 }}
   */
  readonly delegateProtocol?: DelegateProtocol;
  /**
   * How often one member is probed, in ms; 0 turns probing off.
   *
   * @default {1000}
   */
  readonly probeIntervalMs?: Millis;
  /**
   * How long a direct ping may stay unanswered before others are asked, in ms. About the p99 round trip; must be
   * below `probeIntervalMs`.
   *
   * @default {500}
   */
  readonly probeTimeoutMs?: Millis;
  /**
   * How many members are asked to probe on our behalf.
   *
   * @default {3}
   */
  readonly indirectChecks?: number;
  /**
   * Turns off the fallback ping over TCP.
   *
   * @default {false}
   */
  readonly disableTcpPings?: boolean;
  /**
   * Names of members that are never pinged over TCP.
   *
   * @default {[]}
   */
  readonly disableTcpPingsFor?: readonly string[];
  /**
   * Longest time for a stream to connect, and again to be answered, in ms.
   *
   * @default {10000}
   */
  readonly tcpTimeoutMs?: Millis;
  /**
   * Shortest suspicion = this × log10 of the members × `probeIntervalMs`; minus 2: how many must agree for it.
   *
   * @default {4}
   */
  readonly suspicionMult?: number;
  /**
   * Longest suspicion as a multiple of the shortest.
   *
   * @default {6}
   */
  readonly suspicionMaxTimeoutMult?: number;
  /**
   * Number of health scores: an ill node waits up to this many probe intervals for an answer.
   *
   * @default {8}
   */
  readonly awarenessMaxMultiplier?: number;
  /**
   * Every broadcast is sent this × ⌈log10(members + 1)⌉ times.
   *
   * @default {4}
   */
  readonly retransmitMult?: number;
  /**
   * How often queued broadcasts are sent, in ms; 0 leaves them to probes alone.
   *
   * @default {200}
   */
  readonly gossipIntervalMs?: Millis;
  /**
   * To how many members each time; 0 turns gossip off.
   *
   * @default {3}
   */
  readonly gossipNodes?: number;
  /**
   * For how long the dead are kept and gossiped to, so that they may refute, in ms.
   *
   * @default {30000}
   */
  readonly gossipToTheDeadMs?: Millis;
  /**
   * How often the full state is exchanged with one member, in ms; stretched above 32 members; 0 turns it off.
   *
   * @default {30000}
   */
  readonly pushPullIntervalMs?: Millis;
  /**
   * For how long the name of a dead member is bound to its old address, in ms; 0: until it is forgotten, as in Go.
   *
   * @default {10000}
   */
  readonly deadNodeReclaimMs?: Millis;
  /**
   * No packet is larger than this, all layers included, in bytes (Go: UDPBufferSize).
   *
   * @default {1400}
   */
  readonly packetBytesMax?: number;
  /**
   * Largest metadata of our own.
   *
   * @default {512}
   */
  readonly metaBytesMax?: number;
  /**
   * Largest metadata accepted from others.
   *
   * @default {4096}
   */
  readonly remoteMetaBytesMax?: number;
  /**
   * Refuse to answer or join addresses whose node name is not known (memberlist.md 3.12).
   *
   * @default {false}
   */
  readonly requireNodeNames?: boolean;
  /**
   * Networks that members may live in, such as `10.0.0.0/8`; empty: all.
   *
   * @default {[]}
   */
  readonly cidrsAllowed?: readonly string[];
  /**
   * Application broadcasts that may wait; the most sent ones go first.
   *
   * @default {1024}
   */
  readonly userBroadcastsMax?: number;
  /**
   * Share of every gossip packet that application broadcasts get when both kinds wait, 0 to 1.
   *
   * @default {0.25}
   */
  readonly userShare?: number;
  /**
   * Members known at once; more are refused and counted.
   *
   * @default {100000}
   */
  readonly membersMax?: number;
  /**
   * For how long a forgotten member's incarnation is remembered, in ms, so that a stale peer does not revive it.
   *
   * @default {86400000}
   */
  readonly tombstoneMs?: Millis;
  /**
   * How many forgotten members are remembered.
   *
   * @default {8192}
   */
  readonly tombstonesMax?: number;
  /**
   * Accepted streams open at once, those still being answered among them.
   *
   * @default {128}
   */
  readonly acceptedStreamsMax?: number;
  /**
   * State exchanges of ours in progress at once; the periodic one waits for a free place.
   *
   * @default {128}
   */
  readonly pushPullsMax?: number;
  /**
   * Bytes held of accepted streams whose message is not complete, together.
   *
   * @default {134217728}
   */
  readonly streamBufferBytesMax?: number;
  /**
   * Indirect probes served for others at once.
   *
   * @default {1024}
   */
  readonly relaysMax?: number;
  /**
   * Packets a second toward addresses that belong to no member: answers to foreign Source fields, indirect probes
   * of strangers, accusations told to those they concern. Twice as many in a burst.
   *
   * @default {128}
   */
  readonly unsolicitedPerSecondMax?: number;
  /**
   * State exchanges that one join runs at the same time.
   *
   * @default {8}
   */
  readonly joinParallelism?: number;
  /**
   * To how many members a leave is told directly.
   *
   * @default {3}
   */
  readonly leaveFanout?: number;
}

/** {@linkcode MembershipOptions} after defaults and checks; the only form the machine accepts. */
export interface MembershipConfig extends Required<Omit<MembershipOptions, "cidrsAllowed">> {
  /** Parsed networks; empty: all. */
  readonly cidrsAllowed: readonly Cidr[];
}

/** Overlays `options` on its profile; throws `RangeError` for what cannot work. */
export function resolveMembership(options: MembershipOptions = {}): MembershipConfig {
  const { cidrsAllowed = [], ...rest } = options;
  const cidrs = cidrsAllowed.map((text) => {
    const cidr = parseCidr(text);
    if (cidr === undefined) {
      throw new RangeError(
        `Cannot configure membership as cidrsAllowed must hold networks such as "10.0.0.0/8": ` +
          `current value is "${text}"`,
      );
    }
    return cidr;
  });
  const config: MembershipConfig = Object.freeze({
    ...PROFILES[rest.profile ?? "lan"],
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    cidrsAllowed: cidrs,
  });
  checkMembership(config);
  return config;
}
