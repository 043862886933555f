/**
 * What a message must be to be looked at (memberlist.md 8.1): the guard in front of the transitions.
 *
 * @module
 */

import { ipToBytes, parseAddress, unmapped } from "../address.ts";
import { cidrContains } from "../cidr.ts";
import type { Address } from "../machine.ts";
import type { Alive } from "../wire/messages.ts";
import { utf8Length } from "../wire/utf8.ts";
import type { MembershipConfig } from "./config.ts";

/** Longest member name, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 255;

/** Where incarnations end: they saturate instead of wrapping to 0 (memberlist.md 8.3, 5). */
export const INCARNATION_MAX = 0xffff_ffff;

/**
 * Highest incarnation believed of an accusation. Only a forged one comes near the end, and a member accused there
 * could never refute; what lies above is its room to answer.
 */
export const ACCUSED_INCARNATION_MAX = 0xffff_0000;

/** Whether an accused incarnation can be believed, given the one that is known. */
export function plausibleAccusation(incarnation: number, known: number): boolean {
  return incarnation <= ACCUSED_INCARNATION_MAX || incarnation === known;
}

/** Not empty and not longer than {@linkcode NAME_BYTES_MAX}. */
export function acceptableName(name: string): boolean {
  if (name.length === 0 || name.length > NAME_BYTES_MAX) return false;
  // Three bytes a unit at most, so short names need no counting.
  return name.length * 3 <= NAME_BYTES_MAX || utf8Length(name) <= NAME_BYTES_MAX;
}

/** Six bytes that name a range of protocol versions. */
export function acceptableVsn(vsn: Uint8Array | null): vsn is Uint8Array {
  if (vsn === null || vsn.length < 6) return false;
  const min = vsn[0] as number;
  const max = vsn[1] as number;
  return min !== 0 && max !== 0 && min <= max;
}

/** A unicast address of 4 or 16 bytes that can be sent to. */
export function acceptableAddress(addr: Uint8Array): boolean {
  if (addr.length !== 4 && addr.length !== 16) return false;
  const bytes = unmapped(addr);
  const first = bytes[0] as number;
  // 224.0.0.0/4 is multicast, 240.0.0.0/4 reserved and broadcast, ff00::/8 multicast.
  if (bytes.length === 4 ? first >= 224 : first === 0xff) return false;
  for (const byte of bytes) if (byte !== 0) return true;
  return false;
}

/** Whether a raw address lies in one of the allowed networks; no networks allow all. */
export function allowedAddress(addr: Uint8Array, config: MembershipConfig): boolean {
  const networks = config.cidrsAllowed;
  return networks.length === 0 || networks.some((network) => cidrContains(network, addr));
}

/** The same for the sender of a packet. */
export function allowedSender(from: Address, config: MembershipConfig): boolean {
  if (config.cidrsAllowed.length === 0) return true;
  const addr = ipToBytes(parseAddress(from)?.ip ?? "");
  return addr !== undefined && allowedAddress(addr, config);
}

/** Why an alive message is refused before anything else is asked; `undefined` when it may pass. */
export function refuseAliveForm(alive: Alive, config: MembershipConfig): string | undefined {
  if (!acceptableName(alive.node)) return "name is empty or too long";
  if (!acceptableVsn(alive.vsn)) return "versions are missing or make no range";
  if (!acceptableAddress(alive.addr)) return "address is not a usable IP";
  if (alive.meta !== null && alive.meta.length > config.remoteMetaBytesMax) {
    return "metadata is too large";
  }
  if (!allowedAddress(alive.addr, config)) return "address is not in an allowed network";
  return undefined;
}
