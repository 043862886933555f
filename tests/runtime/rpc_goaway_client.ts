/**
 * Makes 500 health checks at once at the address in the second argument, with the GOAWAY guard `on` or `off` (first
 * argument), and prints `ready`. When that connection is closed, makes as many at the address in the third argument and
 * ends with code 0: the crash does not always come with the GOAWAY itself.
 *
 * @module
 */

import * as net from "node:net";
import process from "node:process";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { GoawayGuard } from "../../adapters/_http2/goaway_guard.ts";
import { Health } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { eventually } from "../eventually.ts";

const [, , guard, first, second] = process.argv;

async function callMany(address: string): Promise<Http2SessionManager> {
  const { hostname, port } = new URL(`http://${address}`);
  const guarded = {
    createConnection: () =>
      new GoawayGuard(net.connect({ host: hostname, port: Number(port) }), { preface: false }),
  };
  const sessionManager = new Http2SessionManager(
    `http://${address}`,
    {},
    guard === "on" ? guarded : {},
  );
  const transport = createGrpcTransport({
    baseUrl: `http://${address}`,
    acceptCompression: [],
    sessionManager,
  });
  const client = createClient(Health, transport);
  await Promise.all(Array.from({ length: 500 }, () => client.check({})));
  return sessionManager;
}

const session = await callMany(first!);
console.log("ready");
await eventually("the connection is closed", () => session.state() !== "idle", 60_000);
await callMany(second!);
process.exit(0);
