/**
 * Serves links secured as the first argument says, acknowledges every batch, prints its address, and runs until killed.
 *
 * @module
 */

import process from "node:process";
import { connectRpc } from "../../adapters/connect/mod.ts";
import { crossSecurity } from "./rpc_cross_security.ts";

const server = await connectRpc().serve({
  ip: "127.0.0.1",
  port: 0,
  security: crossSecurity(process.argv[2]!),
  health: () => "serving",
  onLink: async (link) => {
    for await (const { frame } of link.frames) {
      if (frame.case !== "batch") continue;
      const { sequence } = frame.value;
      await link.send({ frame: { case: "ack", value: { sequence, refused: [] } } });
    }
  },
});
console.log(server.local);
