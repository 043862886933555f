/**
 * Benchmarks of what is done to bytes.
 *
 * @module
 */

import { LzwDecoder } from "../src/core/wire/lzw_decoder.ts";
import { lzwBytesMax, LzwEncoder } from "../src/core/wire/lzw_encoder.ts";
import { crc32 } from "../src/core/wire/crc32.ts";
import { runtimeUnderTest } from "../tests/runtime_under_test.ts";
import { benchInput } from "./go_peer.ts";
import { opsPerSecond } from "./measure.ts";

/** Payload of the packets. */
const PACKET_BYTES = 1_400;
const NO_BYTES = new Uint8Array(0);

/** Bytes per second through the CRC-32 of the core, a packet at a time. */
export function crc32Portable(): number {
  const packet = benchInput(PACKET_BYTES);
  return opsPerSecond(() => crc32(packet), packet.length);
}

/** The same through the runtime's own, which nodes use. */
export async function crc32OfRuntime(): Promise<number> {
  const { sealer } = await runtimeUnderTest();
  const packet = benchInput(PACKET_BYTES);
  return opsPerSecond(() => sealer.crc32(packet), packet.length);
}

/** Uncompressed bytes per second. */
export function lzwCompress(size: number): number {
  const input = benchInput(size);
  const out = new Uint8Array(lzwBytesMax(size));
  const encoder = new LzwEncoder();
  return opsPerSecond(() => encoder.encode(input, out, 0, out.length), size);
}

/** Uncompressed bytes per second. */
export function lzwDecompress(size: number): number {
  const input = benchInput(size);
  const out = new Uint8Array(lzwBytesMax(size));
  const packed = out.slice(0, new LzwEncoder().encode(input, out, 0, out.length));
  const decoder = new LzwDecoder();
  return opsPerSecond(() => {
    const plain = decoder.decode(packed, size);
    if (typeof plain === "string" || plain.length !== size) {
      throw new Error(`Cannot measure: decompression answered ${plain}`);
    }
    return plain[size - 1] as number;
  }, size);
}

/** Packets per second encrypted by the runtime's cipher, nonces included. */
export async function aesSeal(keyBits: number): Promise<number> {
  const cipher = (await runtimeUnderTest()).sealer.aesGcm(benchInput(keyBits / 8));
  const packet = benchInput(PACKET_BYTES);
  return opsPerSecond(() => cipher.seal(packet, NO_BYTES)[20] as number, 1);
}

/** Packets per second decrypted. */
export async function aesOpen(keyBits: number): Promise<number> {
  const cipher = (await runtimeUnderTest()).sealer.aesGcm(benchInput(keyBits / 8));
  const sealed = cipher.seal(benchInput(PACKET_BYTES), NO_BYTES);
  return opsPerSecond(() => {
    const plain = cipher.open(sealed, NO_BYTES);
    if (plain === undefined) throw new Error("Cannot measure: a packet did not open");
    return plain[20] as number;
  }, 1);
}
