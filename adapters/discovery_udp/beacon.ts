/**
 * The bytes of beacons, see `docs/protocol.md`, "Beacons".
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { bytesToIp, ipToBytes, type Millis, type WallMillis } from "../../mod.ts";

/** What a datagram is for. */
export type BeaconKind =
  /** To everybody: the sender is there, or asks who is. */
  | "beacon"
  /** To the sender of a beacon. */
  | "answer"
  /** To everybody: the sender is leaving. */
  | "goodbye";

/** One datagram, read. */
export interface Beacon {
  readonly kind: BeaconKind;
  /** Whether the sender wants to be listed; not while it only looks. */
  readonly isMember: boolean;
  /** Whether the sender wants answers. */
  readonly wantsAnswers: boolean;
  /** 16 bytes: fresh in a beacon, in an answer those of the beacon. */
  readonly nonce: Uint8Array;
  /** By the sender's wall clock. */
  readonly sentAt: WallMillis;
  /** Grows with everything that a boot of the sender sends. */
  readonly count: number;
  /** When the sender's next beacon is due. */
  readonly everyMs: Millis;
  readonly ip: string;
  readonly port: number;
  readonly rpcPort: number;
  readonly serviceName: string;
  readonly nodeId: string;
  readonly bootId: string;
  readonly region: string;
}

/** Why a datagram is no beacon for us. */
export type BeaconFault =
  /** Not of the format. */
  | "malformed"
  /** Of a version that this release does not know. */
  | "version"
  /** Without a proof, while we have keys. */
  | "unsealed"
  /** With a proof of none of our keys. */
  | "forged";

/** Nothing longer is read or written. */
export const BEACON_BYTES_MAX = 1_024;
/** Bytes of a nonce. */
export const NONCE_BYTES = 16;

const MAGIC = [0x41, 0x4c, 0x54, 0x42] as const;
const VERSION = 1;
const KINDS: readonly BeaconKind[] = ["beacon", "answer", "goodbye"];
const MEMBER = 1;
const WANTS_ANSWERS = 2;
const SEALED = 4;
const SEAL_BYTES = 32;
const FIXED_BYTES = 43;
const TEXT_BYTES_MAX = { serviceName: 62, nodeId: 128, bootId: 64, region: 64 } as const;

/** Writes a beacon, sealed with the key if there is one. Throws `RangeError` for texts that are too long. */
export function encodeBeacon(beacon: Beacon, key: Uint8Array | undefined): Uint8Array {
  const head = new Uint8Array(FIXED_BYTES);
  const view = new DataView(head.buffer);
  head.set(MAGIC);
  head[4] = VERSION;
  head[5] = KINDS.indexOf(beacon.kind) + 1;
  head[6] = (beacon.isMember ? MEMBER : 0) | (beacon.wantsAnswers ? WANTS_ANSWERS : 0) |
    (key === undefined ? 0 : SEALED);
  head.set(beacon.nonce, 7);
  view.setBigUint64(23, BigInt(Math.max(0, Math.floor(beacon.sentAt))));
  view.setUint32(31, beacon.count);
  view.setUint32(35, beacon.everyMs);
  view.setUint16(39, beacon.port);
  view.setUint16(41, beacon.rpcPort);
  const parts = [head, withLength(ipToBytes(beacon.ip) ?? new Uint8Array(4))];
  for (const [name, bytesMax] of Object.entries(TEXT_BYTES_MAX)) {
    const bytes = new TextEncoder().encode(beacon[name as keyof typeof TEXT_BYTES_MAX]);
    if (bytes.length > bytesMax) {
      throw new RangeError(
        `Cannot make a beacon: ${name} has ${bytes.length} bytes, of ${bytesMax}`,
      );
    }
    parts.push(withLength(bytes));
  }
  const body = joined(parts);
  return key === undefined ? body : joined([body, seal(key, body)]);
}

/** Reads a beacon; with keys only one that is sealed with one of them. Never throws. */
export function decodeBeacon(
  bytes: Uint8Array,
  keys: readonly Uint8Array[],
): Beacon | BeaconFault {
  if (bytes.length < FIXED_BYTES || bytes.length > BEACON_BYTES_MAX) return "malformed";
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return "malformed";
  if (bytes[4] !== VERSION) return "version";
  const flags = bytes[6] as number;
  const isSealed = (flags & SEALED) !== 0;
  if (keys.length > 0 && !isSealed) return "unsealed";
  const end = bytes.length - (isSealed ? SEAL_BYTES : 0);
  if (keys.length > 0 && !isSealedWithOneOf(keys, bytes, end)) return "forged";
  // A node without keys could not join one that has some.
  if (keys.length === 0 && isSealed) return "forged";
  return readBody(bytes.subarray(0, end), flags) ?? "malformed";
}

function readBody(bytes: Uint8Array, flags: number): Beacon | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = KINDS[(bytes[5] as number) - 1];
  let at = FIXED_BYTES;
  const field = (): Uint8Array | undefined => {
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) return undefined;
    at += 1 + length;
    return bytes.subarray(at - length, at);
  };
  const ipBytes = field();
  const ip = ipBytes === undefined ? undefined : bytesToIp(ipBytes);
  const [serviceName, nodeId, bootId, region] = Object.values(TEXT_BYTES_MAX).map((bytesMax) =>
    textOf(field(), bytesMax)
  );
  const sentAt = Number(view.getBigUint64(23));
  const port = view.getUint16(39);
  if (
    kind === undefined || ip === undefined || region === undefined || port === 0 ||
    !Number.isSafeInteger(sentAt) || !serviceName || !nodeId || !bootId
  ) return undefined;
  return {
    kind,
    isMember: (flags & MEMBER) !== 0,
    wantsAnswers: (flags & WANTS_ANSWERS) !== 0,
    nonce: bytes.slice(7, 7 + NONCE_BYTES),
    sentAt,
    count: view.getUint32(31),
    everyMs: view.getUint32(35),
    ip,
    port,
    rpcPort: view.getUint16(41),
    serviceName,
    nodeId,
    bootId,
    region,
  };
}

function isSealedWithOneOf(keys: readonly Uint8Array[], bytes: Uint8Array, end: number): boolean {
  const given = bytes.subarray(end);
  const body = bytes.subarray(0, end);
  return given.length === SEAL_BYTES && keys.some((key) => timingSafeEqual(seal(key, body), given));
}

function seal(key: Uint8Array, body: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(body).digest();
}

function textOf(bytes: Uint8Array | undefined, bytesMax: number): string | undefined {
  if (bytes === undefined || bytes.length > bytesMax) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function withLength(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(bytes.length, ...bytes);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
