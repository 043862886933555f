/**
 * The bytes of the link handshake, see `docs/protocol.md`, "RPC authentication".
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";

/** Metadata of a call that carries a `cluster.v1.LinkProof`. */
export const PROOF_HEADER = "althing-proof-bin";

/** Keys beyond these are not tried, so that an unauthenticated caller costs a bounded number of HMACs. */
export const LINK_KEYS_MAX = 16;

/** Nonces have 16 to 64 bytes. */
export const NONCE_BYTES_MIN = 16;

/** See {@linkcode NONCE_BYTES_MIN}. */
export const NONCE_BYTES_MAX = 64;

/** Longest audience: an IPv6 address with a zone and a port fits well. */
export const AUDIENCE_LENGTH_MAX = 128;

/** What both ends prove to know the key over. */
export interface LinkTranscript {
  /** The proving side; keeps a proof from being played back the other way. */
  readonly role: "dialler" | "acceptor";
  readonly diallerNonce: Uint8Array;
  readonly acceptorNonce: Uint8Array;
  /** The address that was dialled. */
  readonly audience: string;
}

const CONTEXT = "althing-link-auth-v1";
const METHOD = "/cluster.v1.LinkService/Exchange";

/** HMAC-SHA256 over the fields, each behind its length as 4 bytes, big-endian. */
export function proveLink(key: Uint8Array, transcript: LinkTranscript): Uint8Array {
  const hmac = createHmac("sha256", key);
  const { role, diallerNonce, acceptorNonce, audience } = transcript;
  for (const field of [CONTEXT, role, METHOD, diallerNonce, acceptorNonce, audience]) {
    const bytes = typeof field === "string" ? Buffer.from(field, "utf8") : field;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hmac.update(length).update(bytes);
  }
  return hmac.digest();
}

/** Compares in a time that depends on nothing secret, whatever the lengths. */
export function sameSecret(a: Uint8Array | string, b: Uint8Array | string): boolean {
  const hash = (value: Uint8Array | string): Buffer => createHash("sha256").update(value).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** Whether a nonce from the network has a length we accept. */
export function isNonce(bytes: Uint8Array): boolean {
  return bytes.length >= NONCE_BYTES_MIN && bytes.length <= NONCE_BYTES_MAX;
}
