/** @module */

import { type Address, parseAddress } from "../../mod.ts";

/** Where a socket writes to. */
export interface Destination {
  readonly ip: string;
  readonly port: number;
}

/**
 * What a socket of the given family writes to for `to`: an IPv6 socket reaches IPv4 peers by their mapped form.
 * `undefined` when it can't: the wrong family, port 0, not an address.
 */
export function destinationOf(to: Address, isIpv6Socket: boolean): Destination | undefined {
  const peer = parseAddress(to);
  if (peer === undefined || peer.port === 0) return undefined;
  if (peer.ip.includes(":")) return isIpv6Socket ? peer : undefined;
  return isIpv6Socket ? { ip: `::ffff:${peer.ip}`, port: peer.port } : peer;
}
