/**
 * The runtime of Bun 1.4 and later.
 *
 * ```ts
 * import { bunRuntime } from "@althing/cluster/bun";
 *
 * const runtime = bunRuntime(); // for `createNode`; nothing happens yet
 * console.log(runtime.name, runtime.version);
 * ```
 *
 * @module
 */

import type { Runtime } from "../../mod.ts";
import { intlCalendar } from "../_node_compat/calendar.ts";
import { nodeClock } from "../_node_compat/clock.ts";
import { nodeDatagrams } from "../_node_compat/datagrams.ts";
import { nodeDns } from "../_node_compat/dns.ts";
import { nodeEntropy } from "../_node_compat/entropy.ts";
import { nodeEnv } from "../_node_compat/env.ts";
import { nodeFiles } from "../_node_compat/files.ts";
import { nodeInterfaces } from "../_node_compat/interfaces.ts";
import { nodeSealer } from "../_node_compat/sealer.ts";
import { nodeSignals } from "../_node_compat/signals.ts";
import { nodeStreams } from "../_node_compat/streams.ts";
import { connectRpc } from "../connect/mod.ts";
import { bunGlobal } from "./globals.ts";
import { bunHttp } from "./http.ts";

/** Tuning of {@linkcode bunRuntime}. */
export interface BunRuntimeOptions {
  /**
   * Wanted size of the system's UDP receive buffer, in bytes; the system may grant less.
   *
   * @default {2_097_152}
   */
  readonly receiveBufferBytes?: number;
}

/** Binds the ports to Bun. Throws `ClusterError` `unsupported` on another runtime. */
export function bunRuntime(options: BunRuntimeOptions = {}): Runtime {
  const { receiveBufferBytes = 2_097_152 } = options;
  const bun = bunGlobal();
  const clock = nodeClock();
  return Object.freeze({
    name: "bun",
    version: bun.version,
    clock,
    calendar: intlCalendar(),
    entropy: nodeEntropy(),
    sealer: nodeSealer({ keyObjects: true }),
    datagrams: nodeDatagrams({ clock, receiveBufferBytes, oneAtATime: false }),
    streams: nodeStreams(),
    rpc: connectRpc(),
    http: bunHttp(bun),
    dns: nodeDns(),
    interfaces: nodeInterfaces(),
    files: nodeFiles(),
    env: nodeEnv(),
    signals: nodeSignals(),
  });
}
