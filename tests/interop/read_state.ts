/**
 * Asks a node for everything it knows: an empty push/pull is answered with the full state (memberlist.md 2.4).
 *
 * @module
 */

import { detectRuntime } from "../../adapters/cli/detect_runtime.ts";
import type { Address } from "../../src/core/machine.ts";
import { Keyring } from "../../src/core/wire/keyring.ts";
import type { PushPullNode } from "../../src/core/wire/messages.ts";
import { createStreamCodec } from "../../src/core/wire/stream_codec.ts";

/** The rows of an unencrypted node's member table, by name; Go's listing shows neither state nor incarnation. */
export async function readState(address: Address): Promise<ReadonlyMap<string, PushPullNode>> {
  const { sealer, streams } = await detectRuntime();
  const codec = createStreamCodec({
    label: "",
    skipInboundLabelCheck: false,
    keyring: new Keyring((key) => sealer.aesGcm(key)),
    verifyIncoming: false,
    verifyOutgoing: false,
    compression: false,
    protocolVersion: 2,
  });
  const stream = await streams.dial(address, { timeoutMs: 5_000 });
  try {
    await stream.write(
      codec.request({ type: "pushPull", join: false, nodes: [], userState: new Uint8Array() }),
    );
    const reader = codec.replyReader();
    for await (const chunk of stream.chunks) {
      const progress = reader.push(chunk);
      if (progress.type === "more") continue;
      if (progress.type === "message" && progress.message.type === "pushPull") {
        return new Map(progress.message.nodes.map((node) => [node.name, node]));
      }
      throw new Error(`Read the state of ${address}: ${JSON.stringify(progress)}`);
    }
    throw new Error(`Read the state of ${address}: the stream ended before the reply`);
  } finally {
    stream.destroy();
  }
}
