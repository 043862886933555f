/**
 * IP addresses as text and as the 4 or 16 bytes of the wire.
 *
 * @module
 */

import type { Address } from "./machine.ts";

/** Splits `ip:port`; `undefined` when it is not an IP literal with a port of 1 to 65535 (0 is accepted too). */
export function parseAddress(address: Address): { ip: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  if (match === null) return undefined;
  const ip = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  return port <= 65535 && ipToBytes(ip) !== undefined ? { ip, port } : undefined;
}

/** Joins an IP and a port; IPv6 gets its brackets, v4-mapped IPv6 becomes plain IPv4. */
export function formatAddress(ip: string, port: number): Address {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  const plain = mapped?.[1] ?? ip;
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** 4 bytes for IPv4 text, 16 for IPv6 (a zone is ignored); `undefined` when it is neither. */
export function ipToBytes(ip: string): Uint8Array | undefined {
  return ip.includes(":") ? ipv6ToBytes(ip) : ipv4ToBytes(ip);
}

/** Text of 4 or 16 bytes; a v4-mapped address reads as IPv4. `undefined` for any other length. */
export function bytesToIp(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return undefined;
  const short = unmapped(bytes);
  return short.length === 4 ? short.join(".") : ipv6Text(bytes);
}

/** The one way to write an IP, v4-mapped addresses as IPv4; `undefined` for what is none. */
export function canonicalIp(ip: string): string | undefined {
  const bytes = ipToBytes(ip);
  return bytes === undefined ? undefined : bytesToIp(bytes);
}

/** The same address in its shortest form: v4-mapped IPv6 becomes 4 bytes, all else is returned as it is. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return bytes;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return bytes;
  return bytes.subarray(12);
}

/** Whether two raw addresses mean the same host, v4-mapped or not. */
export function sameIp(a: Uint8Array, b: Uint8Array): boolean {
  const x = unmapped(a);
  const y = unmapped(b);
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

function ipv4ToBytes(ip: string): Uint8Array | undefined {
  const parts = ip.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i] as string;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function ipv6ToBytes(text: string): Uint8Array | undefined {
  let ip = text.split("%", 1)[0] as string;
  const tail = /:(\d+\.\d+\.\d+\.\d+)$/.exec(ip);
  if (tail !== null) {
    const v4 = ipv4ToBytes(tail[1] as string);
    if (v4 === undefined) return undefined;
    const [a, b, c, d] = v4 as unknown as [number, number, number, number];
    ip = `${ip.slice(0, tail.index)}:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = ip.split("::");
  if (halves.length > 2) return undefined;
  const groupsOf = (s: string | undefined): string[] =>
    s === undefined || s === "" ? [] : s.split(":");
  const head = groupsOf(halves[0]);
  const rest = groupsOf(halves[1]);
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill("0"), ...rest];
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 8; i++) {
    const group = groups[i] as string;
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  }
  return bytes;
}

/** RFC 5952: lower case, the longest run of two or more zero groups shortened, the first one on a tie. */
function ipv6Text(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
    if (j > i) i = j;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best < 0) return hex.join(":");
  return `${hex.slice(0, best).join(":")}::${hex.slice(best + bestLength).join(":")}`;
}
