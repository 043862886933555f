/**
 * Two nodes in one process share virtual keys: what one revokes is revoked on the other.
 *
 * Run it: `deno run -A examples/shared_state.ts`
 *
 * @module
 */

import { createNode } from "@althing/cluster";
import { denoRuntime } from "@althing/cluster/deno";

interface VirtualKey {
  readonly owner: string;
  readonly active: boolean;
}

const runtime = denoRuntime();

function start(nodeId: string, gossip: number, peer: number) {
  return createNode(runtime, {
    cluster_config: {
      enabled: true,
      node_id: nodeId,
      bind_addr: "127.0.0.1",
      expected_nodes: 2,
      peers: [`127.0.0.1:${peer}`],
      gossip: { port: gossip },
      grpc: { port: 0 },
    },
  });
}

await using a = await start("a", 17901, 17902);
await using b = await start("b", 17902, 17901);
const revoked = new Promise<void>((resolve) => {
  b.subscribe((event) => {
    if (event.type !== "entity") return;
    const { key, value } = event.change;
    console.log(`b applies ${key}: ${JSON.stringify(value)}`);
    if ((value as VirtualKey | undefined)?.active === false) resolve();
  });
});

const keys = a.entities<VirtualKey>("virtual_key");
keys.set("vk-42", { owner: "data team", active: true });
keys.set("vk-42", { owner: "data team", active: false });
await revoked;
console.log("revoked everywhere; leader:", b.leaders().cluster);
