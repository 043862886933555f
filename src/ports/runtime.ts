/** @module */

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
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly sealer: Sealer;
  readonly datagrams: Datagrams;
  readonly streams: Streams;
  readonly rpc: Rpc;
  readonly http: Http;
  readonly dns: Dns;
  readonly interfaces: Interfaces;
  readonly files: Files;
  readonly env: Env;
  readonly signals: Signals;
}
