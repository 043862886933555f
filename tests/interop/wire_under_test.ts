/**
 * Codecs as the vectors need them.
 *
 * @module
 */

import type { Cipher } from "../../src/core/wire/cipher.ts";
import type { DropReason, WireConfig } from "../../src/core/wire/contract.ts";
import { crc32 } from "../../src/core/wire/crc32.ts";
import type { PacketMessage } from "../../src/core/wire/messages.ts";
import { createPacketCodec } from "../../src/core/wire/packet_codec.ts";

/** A configuration: no label, no key, no compression, protocol version 2, unless said otherwise. */
export function wireConfig(
  options: Partial<Omit<WireConfig, "keyring">> & { readonly ciphers?: readonly Cipher[] },
): WireConfig {
  const { ciphers = [], ...rest } = options;
  return {
    label: "",
    skipInboundLabelCheck: false,
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: false,
    protocolVersion: 2,
    ...rest,
    keyring: { ciphers: () => ciphers },
  };
}

/** What a packet holds, collected. */
export interface Opened {
  readonly messages: PacketMessage[];
  readonly encoded: Uint8Array[];
  readonly dropped: DropReason[];
}

/** Opens one packet. */
export function openAll(config: WireConfig, packet: Uint8Array): Opened {
  const opened: Opened = { messages: [], encoded: [], dropped: [] };
  createPacketCodec(config, crc32).open(packet, {
    message(message, bytes) {
      opened.messages.push(message);
      opened.encoded.push(bytes.slice());
    },
    dropped(reason) {
      opened.dropped.push(reason);
    },
  });
  return opened;
}
