/**
 * What is to be known of writes whose writer waits for the others (`docs/protocol.md`, awaited writes).
 *
 * @module
 */

import type { Version } from "../hlc.ts";

/**
 * How many must have applied a write: only ourselves, everybody of our region, more than half of all members, all of
 * them. Counted against the members that had not left when the write was made, ourselves included.
 */
export type AwaitLevel = "local" | "region" | "majority" | "all";

/** A member, as those who wait for it see it. */
export interface AwaitedMember {
  /** Its node id. */
  readonly node: string;
  /** The label that `region` goes by. */
  readonly region: string;
  /** Alive or suspect; dead ones are reported and not waited for. */
  readonly alive: boolean;
  /** What it says it can do; without `ack:v1` nobody learns what it applied. */
  readonly capabilities: readonly string[];
}

/**
 * `applied`: it holds the write or a later one, in its storage if it has any. `pending`: it has not said so yet.
 * `refused`: it does not take the write at present. `incapable`: too old to say. `gone`: dead, or it has left since.
 */
export type WriteAnswer = "applied" | "pending" | "refused" | "incapable" | "gone";

/** What one member made of a write. */
export interface MemberAnswer {
  /** Its node id. */
  readonly node: string;
  /** Its region. */
  readonly region: string;
  /** What is known of it. */
  readonly answer: WriteAnswer;
  /** Why it refused. */
  readonly reason?: string;
}

/** What became of an awaited write. It stands here whatever the others say. */
export interface WriteOutcome {
  /** As many as asked for have applied it. */
  readonly reached: boolean;
  /** The stamp of the write. */
  readonly version: Version;
  /** Every member not left when the write was made, ourselves included, by node id. */
  readonly answers: readonly MemberAnswer[];
  /** Why it was not reached. */
  readonly because?: string;
}
