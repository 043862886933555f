/**
 * What one known member costs in memory.
 *
 * @module
 */

import { encodeMessage } from "../src/core/wire/encode.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { quietNode } from "./handle.ts";
import { settledBytes } from "./settled_bytes.ts";

const MEMBERS = 10_000;
/** About what a node tells of itself: ids, RPC port, region, capabilities, version. */
const META_BYTES = 100;

/** Bytes per member of a machine that knows 10,000 and has told of all of them, views for people included. */
export async function bytesPerMember(): Promise<number> {
  const runtime = await runtimeUnderTest();
  // Compiled code and tables that are made once must not count.
  const warm = quietNode(runtime, 0);
  meet(warm, 200);
  const before = await settledBytes();
  const node = quietNode(runtime, 0);
  meet(node, MEMBERS);
  const members = node.machine.members();
  const held = await settledBytes() - before;
  if (members.length !== MEMBERS + 1) {
    throw new Error(`Cannot measure: the node knows ${members.length} members`);
  }
  // Asked last, so that the node lives until here.
  return held / (node.machine.memberCount - 1);
}

type QuietNode = ReturnType<typeof quietNode>;

/** Tells a node of so many members, and has it pass on all the news. */
function meet({ machine, codec }: QuietNode, count: number): void {
  for (let i = 0; i < count; i++) {
    const meta = new Uint8Array(META_BYTES);
    const alive = encodeMessage({
      type: "alive",
      node: `gateway-${i}-10101`,
      incarnation: 1,
      addr: Uint8Array.of(10, i >> 16, (i >> 8) & 255, i & 255),
      port: 10_101,
      meta: meta.map((_, at) => (i + at) & 255),
      vsn: Uint8Array.of(1, 5, 2, 0, 0, 0),
    });
    machine.handle({ type: "packet", from: SENDER, bytes: codec.seal([alive], false) }, i, []);
  }
  // Nobody's acks are counted as told, so pings of a stranger drain the queue.
  const ping = codec.seal([encodeMessage({ type: "ping", seqNo: 1, node: "bench" })], false);
  for (let i = 0; machine.queued.members > 0; i++) {
    machine.handle({ type: "packet", from: SENDER, bytes: ping }, count + i, []);
  }
}

const SENDER = "192.0.2.1:10101";
