/**
 * Where a node looks for its peers, and where it tells that it is there itself.
 *
 * @module
 */

import type { LogLevel } from "../core/log.ts";
import type { Millis } from "../core/machine.ts";
import type { Runtime } from "./runtime.ts";

/** Somebody who may be a peer: nothing about it was tried yet. */
export interface Candidate {
  /** An IP, or a host name to resolve; IPv6 without brackets. */
  readonly host: string;
  /** The gossip port; absent: `discovery.bind_port`, else our own. */
  readonly port?: number;
  /** Its node id, where the source knows it. */
  readonly nodeId?: string;
  /** Its region, where the source knows it. */
  readonly region?: string;
  /** Its RPC port, where the source knows it. */
  readonly rpcPort?: number;
}

/** One whole answer of a source. */
export interface DiscoveryAnswer {
  /**
   * Everybody whom the source lists now, ourselves perhaps among them, in any order. Whoever is missing loses nothing:
   * discovery adds, only membership removes.
   */
  readonly candidates: readonly Candidate[];
  /** How long to wait until the next question; absent: ask at once, `next` itself waits for news. */
  readonly againMs?: Millis;
}

/** What a source tells others of this node. */
export interface DiscoverySelf {
  /** What people call this node. */
  readonly nodeId: string;
  /** Differs after every restart. */
  readonly bootId: string;
  /** A free label, `unknown` when it has none. */
  readonly region: string;
  /** The advertised IP. */
  readonly ip: string;
  /** The gossip port that was bound, TCP and UDP. */
  readonly port: number;
  /** The RPC port that was bound. */
  readonly rpcPort: number;
  /** What the node can do, such as `ack:v1`. */
  readonly capabilities: readonly string[];
  /** The package's version. */
  readonly version: string;
}

/** What a session is given. */
export interface DiscoveryContext {
  /** Ports to the world; a session uses these where they do, so that it can be tested without a network. */
  readonly runtime: Runtime;
  /** This node. */
  readonly self: DiscoverySelf;
  /** The gossip keys as they are now, the primary one first; empty: gossip is not encrypted. */
  readonly gossipKeys: () => readonly Uint8Array[];
  /** Writes to the log; the session's name is added. Never throws. */
  readonly say: (
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ) => void;
  /** The source forgot us (an expired lease, a restarted agent): `announce` is called again, with backoff. */
  readonly forgotten: (reason: string) => void;
}

/**
 * One source under way. Calls come one at a time: `announce` and `next` each wait for their own predecessor, but `next`
 * may be pending while `announce` or `withdraw` runs. What goes wrong rejects with a `ClusterError` (`unreachable`,
 * `refused`, `timeout`, `bad-data`) whose message says what was tried, what is and what to do; the caller logs it, counts
 * it, waits with jittered backoff and asks again, for as long as the node lives. No rejection ends a session.
 *
 * Disposal closes everything and makes a pending call reject; it says goodbye to nobody, as a crash would not.
 */
export interface DiscoverySession extends AsyncDisposable {
  /**
   * The next whole answer. The first call asks at once. Later calls wait until there may be news where the source can
   * tell (a watch, a blocking query), or the answer says in `againMs` when to ask. After a rejection the next call begins
   * anew, with a whole list. MUST reject soon after `signal` aborts, and MUST NOT resolve in a tight loop.
   */
  next(signal: AbortSignal): Promise<DiscoveryAnswer>;
  /** Registers this node and keeps it registered; absent where there is nothing to register. Harmless twice. */
  announce?(signal: AbortSignal): Promise<void>;
  /** Takes the registration back, within `signal`; absent where there is none. Harmless twice. */
  withdraw?(signal: AbortSignal): Promise<void>;
}

/** A way to find peers, not yet under way; making one has no side effect (H11). */
export interface DiscoveryProvider {
  /** Such as `"dns"`: for logs and status pages. */
  readonly name: string;
  /**
   * Prepares a session; asks nobody yet. Rejects with `ClusterError` `bad-config` for options that can't work on this
   * machine (a file that is not there), with nothing left open.
   */
  open(context: DiscoveryContext): Promise<DiscoverySession>;
}
