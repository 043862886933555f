/** @module */

/**
 * The form of `ip` that a socket of the given family writes to: an IPv6 socket reaches IPv4 peers by their mapped form.
 * `undefined` when an IPv4 socket is asked for an IPv6 peer.
 */
export function destinationIp(ip: string, isIpv6Socket: boolean): string | undefined {
  if (ip.includes(":")) return isIpv6Socket ? ip : undefined;
  return isIpv6Socket ? `::ffff:${ip}` : ip;
}
