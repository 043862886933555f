/**
 * Builds the servers that the interop tests run, so that no test waits for a compiler: from nothing that takes minutes.
 *
 * @module
 */

import { buildConsul } from "./consul_server.ts";
import type { GoBinary } from "./go_build.ts";
import { buildKubeApiserver } from "./kube_apiserver.ts";

const SERVERS: Readonly<Record<string, () => Promise<GoBinary>>> = {
  "consul": buildConsul,
  "kube-apiserver": buildKubeApiserver,
};

for (const [name, build] of Object.entries(SERVERS)) {
  const { buildMs } = await build();
  const how = buildMs === 0 ? "was there" : `built in ${(buildMs / 60_000).toFixed(1)} min`;
  console.log(`${name}: ${how}`);
}
