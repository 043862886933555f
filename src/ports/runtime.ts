/** @module */

import type { Calendar } from "./calendar.ts";
import type { Clock } from "./clock.ts";
import type { Datagrams } from "./datagrams.ts";
import type { Dns } from "./dns.ts";
import type { Entropy } from "./entropy.ts";
import type { Env, Files, Signals } from "./host.ts";
import type { Http } from "./http.ts";
import type { Interfaces } from "./interfaces.ts";
import type { Rpc } from "./rpc.ts";
import type { Sealer } from "./sealer.ts";
import type { Streams } from "./streams.ts";

/** Everything a node needs of the platform: a value, passed to `createNode`. Making one has no side effect (H11). */
export interface Runtime {
  /** For logs and status pages; nothing branches on it. */
  readonly name: string;
  /** The platform's version, for people. */
  readonly version: string;
  /** Time and alarms. */
  readonly clock: Clock;
  /** Windows that begin with the day, week, month or year of a time zone. */
  readonly calendar: Calendar;
  /** Randomness. */
  readonly entropy: Entropy;
  /** Encryption and checksums of the gossip wire. */
  readonly sealer: Sealer;
  /** UDP. */
  readonly datagrams: Datagrams;
  /** TCP. */
  readonly streams: Streams;
  /** gRPC between nodes. */
  readonly rpc: Rpc;
  /** The status server. */
  readonly http: Http;
  /** Name resolution. */
  readonly dns: Dns;
  /** The machine's addresses. */
  readonly interfaces: Interfaces;
  /** The file system. */
  readonly files: Files;
  /** Environment variables. */
  readonly env: Env;
  /** Requests to stop. */
  readonly signals: Signals;
}
