/**
 * An address where connections hang.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { SilentAddress } from "../../src/testing/compliance/mod.ts";
import { ended, firstLine, startModule } from "./child.ts";

/** More than any runtime lets wait for being accepted. */
const QUEUE_MAX = 1_200;
/** On loopback, an answer that takes longer does not come. */
const ANSWER_MS = 250;

/** Fills the queue of a listener that accepts nothing: on Linux, later callers hear nothing at all. */
export async function silentAddress(): Promise<SilentAddress> {
  const child = startModule("silent_listener");
  const port = Number(await firstLine(child));
  const fillers: Socket[] = [];
  while (fillers.length < QUEUE_MAX) {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    fillers.push(socket);
    if (!await answers(socket)) break;
  }
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGKILL");
      await ended(child);
    },
  };
}

function answers(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
