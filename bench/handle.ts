/**
 * Packets through the whole membership machine, without sockets.
 *
 * @module
 */

import { resolveMembership } from "../src/core/membership/config.ts";
import type { MembershipEffect } from "../src/core/membership/contract.ts";
import { Membership } from "../src/core/membership/machine.ts";
import { encodeMessage } from "../src/core/wire/encode.ts";
import { Keyring } from "../src/core/wire/keyring.ts";
import { createPacketCodec } from "../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../src/core/wire/stream_codec.ts";
import type { Runtime } from "../mod.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { benchInput } from "./go_peer.ts";
import { opsPerSecond } from "./measure.ts";

const FROM = "127.0.0.1:7947";

/** A node that only answers; `keyBytes` of 0 means plaintext. */
export function quietNode(
  runtime: Runtime,
  keyBytes: number,
): { readonly machine: Membership; readonly codec: ReturnType<typeof createPacketCodec> } {
  const key = benchInput(keyBytes);
  const keys = keyBytes === 0 ? [] : [key];
  const config = resolveMembership({
    probeIntervalMs: 0,
    gossipIntervalMs: 0,
    pushPullIntervalMs: 0,
  });
  const wire = {
    label: "",
    skipInboundLabelCheck: false,
    keyring: new Keyring((each) => runtime.sealer.aesGcm(each), keys, keys[0]),
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: true,
    protocolVersion: config.protocolVersion,
  };
  const codec = createPacketCodec(wire, runtime.sealer.crc32);
  const machine = new Membership({
    config,
    seed: 1,
    packetCodec: codec,
    streamCodec: createStreamCodec(wire),
    encode: encodeMessage,
    self: { name: "bench", address: "127.0.0.1:7946", meta: new Uint8Array(0) },
  });
  machine.handle({ type: "start" }, 0, []);
  return { machine, codec };
}

/** Pings decoded and answered per second, as `handlePings` of the Go program counts them. */
export async function pingsHandled(keyBytes: number): Promise<number> {
  const { machine, codec } = quietNode(await runtimeUnderTest(), keyBytes);
  const ping = encodeMessage({
    type: "ping",
    seqNo: 123_456,
    node: "bench",
    sourceAddr: Uint8Array.of(127, 0, 0, 1),
    sourcePort: 7947,
    sourceNode: "gateway-1",
  });
  const input = { type: "packet", from: FROM, bytes: codec.seal([ping], false) } as const;
  const out: MembershipEffect[] = [];
  let now = 0;
  // The node's own news rides on the first acks.
  while (machine.queued.members > 0) machine.handle(input, now++, out);
  out.length = 0;
  machine.handle(input, now++, out);
  if (out.length !== 1 || out[0]?.type !== "packet" || out[0].to !== FROM) {
    throw new Error("Cannot measure pings: one was not answered by exactly one packet");
  }
  return opsPerSecond(() => {
    let bytes = 0;
    now += 0.01;
    for (let i = 0; i < 100; i++) {
      out.length = 0;
      machine.handle(input, now, out);
      const [effect] = out;
      bytes += effect?.type === "packet" ? effect.bytes.length : 0;
    }
    return bytes;
  }, 100);
}
