/**
 * `host:port` as people write it in configuration files.
 *
 * @module
 */

import { ipToBytes } from "../core/address.ts";

/** A place to reach, not resolved yet. */
export interface HostPort {
  /** An IPv4 or IPv6 address (without brackets) or a host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Reads `10.0.0.4:10101`, `[2001:db8::1]:10101` or `gw-1.example:10101`; `undefined` for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  if (match[1] !== undefined) {
    const ip = match[1];
    return ip.includes(":") && ipToBytes(ip) !== undefined ? { host: ip, port } : undefined;
  }
  const host = match[2] as string;
  return isHost(host) ? { host, port } : undefined;
}

/** Whether `text` is an IPv4 address or a host name (underscores pass, as in SRV names); IPv6 is not a host here. */
export function isHost(text: string): boolean {
  if (text.length > 253) return false;
  const labels = (text.endsWith(".") ? text.slice(0, -1) : text).split(".");
  // A name that ends in a number is an address or a mistake (RFC 3696, 2).
  if (/^\d+$/.test(labels.at(-1) ?? "")) return ipToBytes(text) !== undefined;
  return labels.every((label) => /^[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9_])?$/.test(label));
}
