/** @module */

import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Below the ports that systems give out by themselves, so that no other socket takes one in between. */
const PORT_FIRST = 20_000;
const PORTS = 12_000;

/** A port of loopback that neither TCP nor UDP has in use. */
export async function freePort(): Promise<number> {
  for (let tries = 1;; tries++) {
    const port = PORT_FIRST + randomInt(PORTS);
    try {
      await tcpTakes(port);
      await udpTakes(port);
      return port;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

function tcpTakes(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}

function udpTakes(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, "127.0.0.1", () => socket.close(() => resolve()));
  });
}
