/**
 * Where bugs can be planted in a simulated node, to prove that a checker catches them. A node without plants is the
 * real thing.
 *
 * @module
 */

import type { LeaderCandidate, Leaders } from "../../core/coordination/leaders.ts";
import type { Membership } from "../../core/membership/machine.ts";
import type { EntryCodec } from "../../core/replication/entry.ts";
import type { LinkFrame } from "../../core/replication/frames.ts";
import type { Replication } from "../../core/replication/machine.ts";
import type { PacketCodec, StreamCodec, WireConfig } from "../../core/wire/contract.ts";

/** What the simulator needs of a membership machine. */
export type SimMembership = Pick<
  Membership,
  "handle" | "nextDeadline" | "members" | "member" | "self" | "counters" | "memberCount"
>;

/** Replacements; each is given the real thing and the name of the node it is for. */
export interface Plants {
  /** Replaces the wire configuration. */
  readonly wire?: (config: WireConfig, name: string) => WireConfig;
  /** Wraps the packet codec. */
  readonly packetCodec?: (codec: PacketCodec, name: string) => PacketCodec;
  /** Wraps the stream codec. */
  readonly streamCodec?: (codec: StreamCodec, name: string) => StreamCodec;
  /** Wraps the membership machine. */
  readonly membership?: (machine: Membership, name: string) => SimMembership;
  /** Redialling of lost members; `false` switches it off. */
  readonly rejoin?: boolean;
  /** Wraps the entry codec. */
  readonly entryCodec?: (codec: EntryCodec, nodeId: string) => EntryCodec;
  /** Called after every step of the replication machine. */
  readonly replication?: (machine: Replication, nodeId: string) => void;
  /** Looks at every frame that comes in; answers what the machine is given in its place. */
  readonly frameIn?: (frame: LinkFrame, nodeId: string) => LinkFrame | undefined;
  /** Replaces the rule of leaders. */
  readonly leaders?: (candidates: readonly LeaderCandidate[], nodeId: string) => Leaders;
}
