/**
 * Serves RPC with the GOAWAY guard `on` or `off` (first argument), prints its address, and runs until it is killed.
 *
 * @module
 */

import process from "node:process";
import { connectRpc } from "../../adapters/connect/mod.ts";

const rpc = connectRpc({ goawayGuard: process.argv[2] === "on" });
const server = await rpc.serve({
  ip: "127.0.0.1",
  port: 0,
  security: { linkKeys: () => [] },
  health: () => "serving",
  onLink: () => Promise.resolve(),
});
console.log(server.local);
