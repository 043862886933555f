/** @module */

import type { WallMillis } from "../core/machine.ts";

/** How one way to find peers is doing; a snapshot for status pages. */
export interface DiscoveryReport {
  /** Such as `"dns"`, with a number behind it when there are several; `"peers"` for the configured ones. */
  readonly source: string;
  /** Addresses that it lists, ourselves left out. */
  readonly candidates: number;
  /** How many of them are alive members. */
  readonly joined: number;
  /** Entries of its last answer that are of no use: no addresses, or outside of the allowed address space. */
  readonly skipped: number;
  /** Names that do not resolve now; the addresses they had are kept. */
  readonly unresolved: readonly string[];
  /** When it last answered, by our wall clock; `undefined`: never. */
  readonly lastSuccessMs: WallMillis | undefined;
  /** Its last failure, also when it has recovered since. */
  readonly lastError: { readonly atMs: WallMillis; readonly message: string } | undefined;
  /** Failed questions since the last answer; 0 is well. */
  readonly failures: number;
  /** Whether it tells others of this node; `undefined`: it tells of nobody. */
  readonly announced: boolean | undefined;
}

/** What has changed at a source, for events. */
export type DiscoveryChange =
  /** It lists somebody new. */
  | "found"
  /** It does not answer, after it did or at the start. */
  | "failed"
  /** It answers again. */
  | "recovered"
  /** It tells others of this node. */
  | "announced"
  /** It has lost this node's entry, which is made anew. */
  | "forgotten"
  /** It tells of this node no more, as that one leaves. */
  | "withdrawn";
