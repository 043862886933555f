/**
 * The runtime of Deno 2.9 and later. Needs `--allow-net`, and `--allow-read`, `--allow-env` and `--allow-sys` for what
 * the configuration reads; with `--unstable-net` UDP is twice as fast.
 *
 * ```ts
 * import { denoRuntime } from "@althing/cluster/deno";
 *
 * const runtime = denoRuntime(); // for `createNode`; nothing happens yet
 * console.log(runtime.name, runtime.version);
 * ```
 *
 * @module
 */

import type { Runtime } from "../../mod.ts";
import { intlCalendar } from "../_node_compat/calendar.ts";
import { nodeClock } from "../_node_compat/clock.ts";
import { nodeDns } from "../_node_compat/dns.ts";
import { nodeEntropy } from "../_node_compat/entropy.ts";
import { nodeEnv } from "../_node_compat/env.ts";
import { nodeFiles } from "../_node_compat/files.ts";
import { nodeInterfaces } from "../_node_compat/interfaces.ts";
import { nodeSignals } from "../_node_compat/signals.ts";
import { nodeStreams } from "../_node_compat/streams.ts";
import { connectRpc } from "../connect/mod.ts";
import { denoDatagrams } from "./datagrams.ts";
import { denoGlobal } from "./globals.ts";
import { denoHttp } from "./http.ts";
import { denoSealer } from "./sealer.ts";

/** Binds the ports to Deno. Throws `ClusterError` `unsupported` on another runtime. */
export function denoRuntime(): Runtime {
  const deno = denoGlobal();
  const clock = nodeClock();
  return Object.freeze({
    name: "deno",
    version: deno.version.deno,
    clock,
    calendar: intlCalendar(),
    entropy: nodeEntropy(),
    sealer: denoSealer(),
    datagrams: denoDatagrams(deno, clock),
    streams: nodeStreams(),
    // Deno 2.9.4 to 2.9.6 abort on a GOAWAY frame (denoland/deno#36788).
    rpc: connectRpc({ goawayGuard: true }),
    http: denoHttp(deno),
    dns: nodeDns(),
    interfaces: nodeInterfaces(),
    files: nodeFiles(),
    env: nodeEnv(),
    signals: nodeSignals(),
  });
}
