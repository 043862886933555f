/**
 * Which addresses can be a peer's.
 *
 * @module
 */

import { ipToBytes, unmapped } from "../../mod.ts";

/**
 * Why nobody can be reached at an address that was told by multicast; `undefined` when somebody can. Loopback addresses,
 * `*.0` and `*.255` are parity (spec `cluster.md` 11), the others could only be dialled in vain.
 */
export function whyInvalidHost(ip: string): string | undefined {
  const bytes = ipToBytes(ip);
  if (bytes === undefined) return "it is no IP address";
  const short = unmapped(bytes);
  return short.length === 4 ? whyInvalidIpv4(short) : whyInvalidIpv6(short);
}

function whyInvalidIpv4(bytes: Uint8Array): string | undefined {
  const [first = 0, , , last = 0] = bytes;
  if (first === 127) return "it is a loopback address";
  if (first === 0) return "it is no host's address";
  if (first >= 224) return "it is a multicast or reserved address";
  if (last === 0) return "it ends in .0";
  return last === 255 ? "it ends in .255" : undefined;
}

function whyInvalidIpv6(bytes: Uint8Array): string | undefined {
  const [first = 0, second = 0] = bytes;
  if (bytes.slice(0, 15).every((byte) => byte === 0)) {
    return bytes[15] === 1 ? "it is a loopback address" : "it is no host's address";
  }
  if (first === 0xff) return "it is a multicast or reserved address";
  // Which link it is on is not in it, and no gossip address says so.
  return first === 0xfe && (second & 0xc0) === 0x80 ? "it holds on one link only" : undefined;
}
