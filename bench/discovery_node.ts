/**
 * A node that knows its peers by discovery alone: `arguments[0]` is its name and `arguments[1]` the `discovery` object of
 * its configuration, in JSON. It says "joined" as soon as it lists somebody else.
 *
 * @module
 */

import process from "node:process";
import { openDiscovery } from "../adapters/cli/open_discovery.ts";
import { type ClusterNode, createNode } from "../mod.ts";
import { isMain } from "../tools/project.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { wallMs } from "./wall.ts";

/** Starts it on loopback, at ports of its own. */
export async function startDiscovering(nodeId: string, discovery: unknown): Promise<ClusterNode> {
  return await createNode(await runtimeUnderTest(), {
    cluster_config: {
      enabled: true,
      node_id: nodeId,
      bind_addr: "127.0.0.1",
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
      discovery,
    },
  }, { discovery: openDiscovery });
}

if (isMain(import.meta.url)) {
  const [, , nodeId = "", discovery = ""] = process.argv;
  const node = await startDiscovering(nodeId, JSON.parse(discovery));
  const say = (said: string): void => console.log(JSON.stringify({ said, atMs: wallMs() }));
  const isJoined = (): boolean =>
    node.members().some(({ self, state }) => !self && state === "alive");
  say("started");
  let isTold = false;
  const look = (): void => {
    if (!isTold && (isTold = isJoined())) say("joined");
  };
  node.subscribe(look);
  look();
}
