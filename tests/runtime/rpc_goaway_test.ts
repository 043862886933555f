/**
 * Deno 2.9.4 to 2.9.6 abort when an HTTP/2 GOAWAY arrives on a session that carried about a hundred streams. Shown here
 * on real processes: without the guard they die, with it they do not. When a later Deno is cured, the halves without
 * the guard say so and pass.
 */

import assert from "node:assert/strict";
import * as http2 from "node:http2";
import * as net from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { RpcServer } from "../../mod.ts";
import { connectRpc } from "../../adapters/connect/mod.ts";
import { GoawayGuard } from "../../adapters/_http2/goaway_guard.ts";
import { findRuntime, type FoundRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { callMany, checkHealth, watchHealth } from "./rpc_goaway_calls.ts";
import { type Outcome, start } from "./rpc_program.ts";

/** A crash comes in more than half of the runs: twenty in a row without one are no accident. */
const UNGUARDED_RUNS_MAX = 20;
const GUARDED_RUNS = 5;

const deno = findRuntime("deno");
const skip = deno === undefined ? "there is no Deno on this machine" : false;

describe("a GOAWAY after many streams", { skip }, () => {
  it("kills a Deno server without the guard", async (t) => {
    await diesOnce(t, "server", () => serverRun(deno!, "off"));
  });

  it("does nothing to a Deno server with the guard", async () => {
    for (let run = 0; run < GUARDED_RUNS; run++) {
      assert.equal(await serverRun(deno!, "on"), "lives");
    }
  });

  it("kills a Deno client without the guard", async (t) => {
    await diesOnce(t, "client", () => clientRun(deno!, "off"));
  });

  it("does nothing to a Deno client with the guard", async () => {
    for (let run = 0; run < GUARDED_RUNS; run++) {
      assert.equal(await clientRun(deno!, "on"), "lives");
    }
  });
});

async function diesOnce(t: TestContext, side: string, run: () => Promise<Outcome>): Promise<void> {
  for (let tried = 1; tried <= UNGUARDED_RUNS_MAX; tried++) {
    if (await run() === "dies") return t.diagnostic?.(`the ${side} died in run ${tried}`);
  }
  console.log(
    `Deno ${deno?.version}: no crash of the ${side} in ${UNGUARDED_RUNS_MAX} runs without the GOAWAY guard; ` +
      `this version seems cured, and the guard may become unnecessary`,
  );
}

/** A Deno server; the caller makes 150 calls, cancels five open ones and says GOAWAY. */
async function serverRun(runtime: FoundRuntime, guard: "on" | "off"): Promise<Outcome> {
  await using child = start(runtime, "tests/runtime/rpc_goaway_server.ts", guard);
  const address = await child.line(/^\S+:\d+$/);
  const session = guardedSession(address);
  await callMany(session, 150);
  const open = await Promise.all(Array.from({ length: 5 }, () => watchHealth(session)));
  for (const stream of open) stream.close(http2.constants.NGHTTP2_CANCEL);
  session.close();
  await eventually("the session is closed", () => session.destroyed);
  return await answers(address) ? "lives" : await child.death();
}

/** A Deno client that made 500 calls; the server says GOAWAY. */
async function clientRun(runtime: FoundRuntime, guard: "on" | "off"): Promise<Outcome> {
  await using leaving = await serve();
  await using staying = await serve();
  const file = "tests/runtime/rpc_goaway_client.ts";
  await using child = start(runtime, file, guard, leaving.local, staying.local);
  await child.line(/^ready$/);
  await leaving[Symbol.asyncDispose]();
  return await child.death();
}

function serve(): Promise<RpcServer> {
  return connectRpc().serve({
    ip: "127.0.0.1",
    port: 0,
    security: { linkKeys: () => [] },
    health: () => "serving",
    onLink: () => Promise.resolve(),
  });
}

/** The test may itself run on Deno, where it needs the guard too. */
function guardedSession(address: string): http2.ClientHttp2Session {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = net.connect({ host: hostname, port: Number(port) });
  const session = http2.connect(`http://${address}`, {
    createConnection: () =>
      "Deno" in globalThis ? new GoawayGuard(socket, { preface: false }) : socket,
  });
  session.on("error", () => {});
  return session;
}

async function answers(address: string): Promise<boolean> {
  const session = guardedSession(address);
  try {
    await Promise.race([
      checkHealth(session),
      new Promise((_, reject) => session.once("close", () => reject(new Error("closed")))),
    ]);
    return true;
  } catch {
    return false;
  } finally {
    session.destroy();
  }
}
