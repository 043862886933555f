/** @module */

import { type AddressSpace, bytesToIp, type InterfaceAddress, ipToBytes } from "../../mod.ts";

/** Longer prefixes have no broadcast address (RFC 3021). */
const PREFIX_MAX = 30;

/** The broadcast addresses of IPv4 networks whose own and broadcast address both lie in `space`, each once. */
export function broadcastIps(
  interfaces: readonly InterfaceAddress[],
  space: AddressSpace,
): string[] {
  const found = new Set<string>();
  for (const { ip, prefix } of interfaces) {
    const own = ipToBytes(ip);
    if (own?.length !== 4 || prefix > PREFIX_MAX || prefix < 1) continue;
    const bytes = own.map((byte, i) => {
      const hostBits = Math.min(Math.max(8 * (i + 1) - prefix, 0), 8);
      return byte | (0xff >> (8 - hostBits));
    });
    const broadcast = bytesToIp(bytes) as string;
    if (space.holds(ip) && space.holds(broadcast)) found.add(broadcast);
  }
  return [...found];
}
