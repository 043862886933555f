/**
 * Bad company on loopback.
 *
 * @module
 */

import * as net from "node:net";
import { formatAddress, parseAddress } from "../../mod.ts";
import type { MuteAddress } from "../../src/testing/compliance/rpc.ts";

/** Connects and writes `chunks`; resolves when the other side closed, or when nothing moved for `ms`. */
export async function poke(
  to: string,
  chunks: Iterable<Uint8Array>,
  ms: number,
): Promise<void> {
  const { ip, port } = parseAddress(to)!;
  const socket = net.connect({ host: ip, port });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const timer = setTimeout(() => socket.destroy(), ms);
  socket.on("error", () => {});
  socket.resume();
  for (const chunk of chunks) {
    const taken = new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    await Promise.race([taken, closed]);
    if (socket.destroyed) break;
    timer.refresh();
  }
  await closed;
  clearTimeout(timer);
}

/** A listener that takes connections, reads, and never says a word. */
export async function mute(): Promise<MuteAddress> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    address: formatAddress("127.0.0.1", port),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
