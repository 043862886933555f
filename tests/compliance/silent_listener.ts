/**
 * Listens with the shortest queue there is, tells the port, and then never accepts anything.
 *
 * @module
 */

import { type AddressInfo, createServer } from "node:net";
import process from "node:process";

const server = createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`, () => {
    // Held for as long as the test needs it; the parent ends this process.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
});
