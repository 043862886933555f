/**
 * Chooses the address that other nodes are told.
 *
 * @module
 */

import { ipToBytes } from "../core/address.ts";
import type { InterfaceAddress } from "../ports/interfaces.ts";

/** An IP and why it was chosen, for the one log line. */
export interface AdvertiseChoice {
  readonly ip: string;
  readonly why: string;
}

/**
 * In this order: what is configured; the address bound to, when it is a concrete one; loopback when all peers are
 * loopback; a private address, IPv4 first; a public one; loopback as the last resort.
 */
export function chooseAdvertise(options: {
  readonly configured?: string | undefined;
  readonly bound: string;
  readonly peers: readonly string[];
  readonly interfaces: readonly InterfaceAddress[];
}): AdvertiseChoice {
  const { configured, bound, peers, interfaces } = options;
  if (configured !== undefined) return { ip: configured, why: "configured" };
  if (bound !== "0.0.0.0" && bound !== "::") return { ip: bound, why: "the bound address" };
  const sixOnly = bound === "::";
  if (peers.length > 0 && peers.every(isLoopback)) {
    const six = peers.every((ip) => ip.includes(":"));
    return { ip: six ? "::1" : "127.0.0.1", why: "all peers are on loopback" };
  }
  const usable = interfaces
    .filter(({ ip, internal }) => !internal && !isLinkLocal(ip))
    .sort((a, b) => Number(a.ip.includes(":")) - Number(b.ip.includes(":")));
  const privateOne = usable.find(({ ip }) => isPrivate(ip));
  if (privateOne !== undefined) {
    return { ip: privateOne.ip, why: `a private address of interface ${privateOne.name}` };
  }
  const first = usable[0];
  if (first !== undefined) return { ip: first.ip, why: `the address of interface ${first.name}` };
  return {
    ip: sixOnly ? "::1" : "127.0.0.1",
    why: "this machine has no other address than loopback",
  };
}

/** Whether an IP is in 127.0.0.0/8 or is ::1. */
export function isLoopback(ip: string): boolean {
  return ip === "::1" || /^127\./.test(ip);
}

function isLinkLocal(ip: string): boolean {
  return /^169\.254\./.test(ip) || /^fe[89ab]/i.test(ip);
}

/** RFC 1918, RFC 6598 (shared) and RFC 4193 (unique local). */
function isPrivate(ip: string): boolean {
  const bytes = ipToBytes(ip);
  if (bytes === undefined) return false;
  const [a = 0, b = 0] = bytes;
  if (bytes.length === 16) return (a & 0xfe) === 0xfc;
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b < 128);
}
