/**
 * Dials the address in the second argument with the security of the first, sends 200 batches of 16 KiB, waits for every
 * acknowledgement, and prints how many came in order.
 *
 * @module
 */

import process from "node:process";
import { connectRpc } from "../../adapters/connect/mod.ts";
import { crossSecurity } from "./rpc_cross_security.ts";

const BATCHES = 200;

const [, , mode, address] = process.argv;
const security = crossSecurity(mode!);
const link = await connectRpc().dial(address!, { security, timeoutMs: 10_000 });
const sending = (async () => {
  const entries = Array.from({ length: 64 }, () => new Uint8Array(256).fill(7));
  for (let sequence = 1; sequence <= BATCHES; sequence++) {
    await link.send({ frame: { case: "batch", value: { sequence, entries, snapshotEnd: false } } });
  }
})();
let inOrder = 0;
for await (const { frame } of link.frames) {
  if (frame.case !== "ack" || frame.value.sequence !== inOrder + 1) break;
  inOrder++;
  if (inOrder === BATCHES) break;
}
await sending;
link.close();
console.log(`acknowledged ${inOrder}`);
