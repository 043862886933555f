/**
 * The runtime of Node 20.15 and later. Serving HTTP needs the package `@hono/node-server`.
 *
 * ```ts
 * import { nodeRuntime } from "@althing/cluster/node";
 *
 * const runtime = nodeRuntime(); // for `createNode`; nothing happens yet
 * console.log(runtime.name, runtime.version);
 * ```
 *
 * @module
 */

import process from "node:process";
import type { Runtime } from "../../mod.ts";
import { intlCalendar } from "../_node_compat/calendar.ts";
import { nodeClock } from "../_node_compat/clock.ts";
import { nodeDatagrams } from "../_node_compat/datagrams.ts";
import { nodeDns } from "../_node_compat/dns.ts";
import { nodeEntropy } from "../_node_compat/entropy.ts";
import { nodeEnv } from "../_node_compat/env.ts";
import { nodeFiles } from "../_node_compat/files.ts";
import { nodeHttp } from "../_node_compat/http.ts";
import { nodeInterfaces } from "../_node_compat/interfaces.ts";
import { nodeSealer } from "../_node_compat/sealer.ts";
import { nodeSignals } from "../_node_compat/signals.ts";
import { nodeStreams } from "../_node_compat/streams.ts";
import { connectRpc } from "../connect/mod.ts";

/** Tuning of {@linkcode nodeRuntime}. */
export interface NodeRuntimeOptions {
  /**
   * Wanted size of the system's UDP receive buffer, in bytes; the system may grant less.
   *
   * @default {2_097_152}
   */
  readonly receiveBufferBytes?: number;
}

/** Binds the ports to Node. */
export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const { receiveBufferBytes = 2_097_152 } = options;
  const clock = nodeClock();
  return Object.freeze({
    name: "node",
    version: process.versions.node,
    clock,
    calendar: intlCalendar(),
    entropy: nodeEntropy(),
    sealer: nodeSealer({ keyObjects: true }),
    datagrams: nodeDatagrams({ clock, receiveBufferBytes, oneAtATime: false }),
    streams: nodeStreams(),
    rpc: connectRpc(),
    http: nodeHttp(),
    dns: nodeDns(),
    interfaces: nodeInterfaces(),
    files: nodeFiles(),
    env: nodeEnv(),
    signals: nodeSignals(),
  });
}
