/**
 * Which interface leads where, as Linux shows it in files that every runtime can read.
 *
 * @module
 */

import { ipToBytes, unmapped } from "../core/address.ts";
import type { Files } from "../ports/host.ts";

/** The routes of this machine. */
export interface Routes {
  /** The name of the interface through which packets to `ip` leave; `undefined`: no route is known. */
  interfaceTo(ip: string): string | undefined;
}

interface Route {
  readonly bytes: Uint8Array;
  readonly bits: number;
  readonly metric: number;
  readonly name: string;
}

const UP = 1;
const REJECT = 0x200;

/** Reads the main tables; `undefined` where there are none to read, as on other systems than Linux. */
export async function readRoutes(files: Files): Promise<Routes | undefined> {
  const read = (path: string): Promise<string> => files.readText(path).catch(() => "");
  const [four, six] = await Promise.all([read("/proc/net/route"), read("/proc/net/ipv6_route")]);
  const routes = [...four.split("\n").flatMap(ipv4Route), ...six.split("\n").flatMap(ipv6Route)];
  if (routes.length === 0) return undefined;
  routes.sort((a, b) => b.bits - a.bits || a.metric - b.metric);
  return {
    interfaceTo(ip) {
      const bytes = unmapped(ipToBytes(ip) ?? new Uint8Array());
      return routes.find((route) => leadsTo(bytes, route))?.name;
    },
  };
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask ...`, addresses in hexadecimal, lowest byte first. */
function ipv4Route(line: string): Route[] {
  const [name = "", destination, , flags, , , metric, mask] = line.trim().split(/\s+/);
  const bytes = bytesOf(destination, 4)?.reverse();
  const ones = bytesOf(mask, 4);
  if (bytes === undefined || ones === undefined || !isUsable(flags)) return [];
  return [{ bytes, bits: countOnes(ones), metric: Number(metric), name }];
}

/** `destination length source length gateway metric refcnt use flags Iface`, all but the name in hexadecimal. */
function ipv6Route(line: string): Route[] {
  const parts = line.trim().split(/\s+/);
  const bytes = bytesOf(parts[0], 16);
  if (bytes === undefined || !isUsable(parts[8])) return [];
  const [bits, metric] = [parseInt(parts[1] ?? "", 16), parseInt(parts[5] ?? "", 16)];
  return [{ bytes, bits, metric, name: parts[9] ?? "" }];
}

function isUsable(flags = ""): boolean {
  const bits = parseInt(flags, 16);
  return (bits & UP) !== 0 && (bits & REJECT) === 0;
}

function bytesOf(hex = "", length: number): Uint8Array | undefined {
  if (!/^[0-9A-Fa-f]+$/.test(hex) || hex.length !== length * 2) return undefined;
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function countOnes(bytes: Uint8Array): number {
  let ones = 0;
  for (const byte of bytes) for (let bits = byte; bits > 0; bits >>= 1) ones += bits & 1;
  return ones;
}

function leadsTo(ip: Uint8Array, { bytes, bits }: Route): boolean {
  if (ip.length !== bytes.length) return false;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    const at = bit >> 3;
    if (((ip[at] as number) & mask) !== ((bytes[at] as number) & mask)) return false;
  }
  return true;
}
