/**
 * Packets: the layers around messages on UDP (memberlist.md 1.1).
 *
 * @module
 */

import { Blocks } from "./blocks.ts";
import type { Cipher, Crc32 } from "./cipher.ts";
import { encodeCompound } from "./compound.ts";
import { compressIfSmaller } from "./compress.ts";
import { NO_BYTES } from "./copy_bytes.ts";
import type { DropReason, PacketCodec, PacketSink, WireConfig } from "./contract.ts";
import { encryptionOverhead, encryptionVersion, openPayload, sealPayload } from "./encryption.ts";
import { checkLabel, labelBytes, labelHeader } from "./label.ts";
import { MessageType } from "./messages.ts";
import { u32 } from "./msgpack_scanner.ts";
import { deliver, PacketDispatch } from "./packet_dispatch.ts";
import { plainBytes } from "./plain_bytes.ts";

const CRC_HEADER_BYTES = 5;

/** Makes the codec of one node. Throws `RangeError` for a label above 255 bytes. */
export function createPacketCodec(config: WireConfig, crc32: Crc32): PacketCodec {
  return new LayeredPacketCodec(config, crc32);
}

class LayeredPacketCodec implements PacketCodec {
  readonly #config: WireConfig;
  readonly #crc32: Crc32;
  readonly #label: Uint8Array;
  readonly #labelHeader: Uint8Array;
  readonly #blocks: Blocks = new Blocks();

  constructor(config: WireConfig, crc32: Crc32) {
    this.#config = config;
    this.#crc32 = crc32;
    this.#label = labelBytes(config.label);
    this.#labelHeader = labelHeader(this.#label);
  }

  open(packet: Uint8Array, sink: PacketSink): void {
    let bytes = plainBytes(packet);
    if (bytes.length === 0) return sink.dropped("empty");
    const skip = this.#config.skipInboundLabelCheck;
    const behindLabel = checkLabel(bytes, bytes.length, this.#label, skip);
    if (behindLabel < 0) return sink.dropped("label");
    if (behindLabel > 0) bytes = bytes.subarray(behindLabel);
    const ciphers = this.#config.keyring.ciphers();
    if (ciphers.length > 0) {
      const plain = openPayload(ciphers, bytes, this.#label);
      if (plain !== undefined) bytes = plainBytes(plain);
      else if (this.#config.verifyIncoming) return sink.dropped(locked(bytes));
    }
    if (bytes[0] === MessageType.hasCrc && bytes.length >= CRC_HEADER_BYTES) {
      const expected = u32(bytes, 1);
      bytes = bytes.subarray(CRC_HEADER_BYTES);
      if (this.#crc32(bytes) !== expected) return sink.dropped("crc");
    }
    const type = bytes[0];
    if (type === MessageType.compound || type === MessageType.compress) {
      new PacketDispatch(sink).dispatch(bytes, 0, bytes.length);
    } else {
      deliver(bytes, 0, bytes.length, sink);
    }
  }

  /** May answer `parts[0]` itself when no layer is on. Throws `RangeError` for parts no compound can hold. */
  seal(parts: readonly Uint8Array[], crc: boolean): Uint8Array {
    let message = parts.length === 1 ? parts[0] as Uint8Array : encodeCompound(parts, this.#blocks);
    if (this.#config.compression) message = compressIfSmaller(message) ?? message;
    const cipher = this.#outgoingCipher();
    if (cipher === undefined) return this.#withHeaders(this.#labelHeader, message, crc);
    const plain = crc ? this.#withHeaders(NO_BYTES, message, true) : message;
    const version = encryptionVersion(this.#config.protocolVersion);
    return sealPayload(cipher, version, plain, this.#label, this.#labelHeader);
  }

  overhead(): number {
    const version = encryptionVersion(this.#config.protocolVersion);
    const encryption = this.#outgoingCipher() === undefined ? 0 : encryptionOverhead(version);
    return this.#labelHeader.length + encryption + CRC_HEADER_BYTES;
  }

  #outgoingCipher(): Cipher | undefined {
    return this.#config.verifyOutgoing ? this.#config.keyring.ciphers()[0] : undefined;
  }

  #withHeaders(label: Uint8Array, message: Uint8Array, crc: boolean): Uint8Array {
    const crcBytes = crc ? CRC_HEADER_BYTES : 0;
    if (label.length + crcBytes === 0) return message;
    const out = this.#blocks.take(label.length + crcBytes + message.length);
    out.set(label);
    out.set(message, label.length + crcBytes);
    if (!crc) return out;
    const sum = this.#crc32(message);
    let at = label.length;
    out[at++] = MessageType.hasCrc;
    for (let shift = 24; shift >= 0; shift -= 8) out[at++] = (sum >>> shift) & 255;
    return out;
  }
}

/** Why a packet that no key opens is refused: whether it looks encrypted at all tells people what to repair. */
function locked(bytes: Uint8Array): DropReason {
  const type = bytes[0];
  return type !== undefined && type > 1 && type <= MessageType.err ? "plaintext" : "decrypt";
}
