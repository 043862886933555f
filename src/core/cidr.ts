/**
 * Ranges of IP addresses.
 *
 * @module
 */

import { ipToBytes, unmapped } from "./address.ts";

/** A network: all addresses whose first `prefix` bits are those of `bytes`. */
export interface Cidr {
  /** 4 or 16 bytes; a v4-mapped network is kept as IPv4. */
  readonly bytes: Uint8Array;
  /** 0 to 32 or 0 to 128. */
  readonly prefix: number;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `undefined` when it is none of them. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  const full = match === null ? undefined : ipToBytes(match[1] as string);
  if (match === null || full === undefined) return undefined;
  const prefix = match[2] === undefined ? full.length * 8 : Number(match[2]);
  if (prefix > full.length * 8) return undefined;
  const bytes = unmapped(full);
  if (bytes.length === full.length) return { bytes, prefix };
  return prefix < 96 ? { bytes: full, prefix } : { bytes, prefix: prefix - 96 };
}

/** Whether a raw address of 4 or 16 bytes lies inside; v4-mapped addresses count as IPv4, families never mix. */
export function cidrContains(cidr: Cidr, address: Uint8Array): boolean {
  const bytes = unmapped(address);
  if (bytes.length !== cidr.bytes.length) return false;
  const whole = cidr.prefix >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== cidr.bytes[i]) return false;
  const rest = cidr.prefix & 7;
  if (rest === 0) return true;
  const mask = 0xff << (8 - rest);
  return ((bytes[whole] as number) & mask) === ((cidr.bytes[whole] as number) & mask);
}
