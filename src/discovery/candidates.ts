/**
 * Which of a source's candidates can be dialled at all.
 *
 * @module
 */

import { canonicalIp } from "../core/address.ts";
import type { Candidate } from "../ports/discovery.ts";

/** How many candidates of one answer are looked at. */
export const CANDIDATES_MAX = 4_096;

/** How many host names of one answer are resolved. */
export const NAMES_MAX = 256;

/** How much of a bad host is shown in a log. */
const SHOWN_LENGTH_MAX = 100;

/** A place to dial: an IP in its canonical form, or a name to resolve. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly isIp: boolean;
}

/** What one answer is good for. */
export interface Sifted {
  /** In the order of the answer, none twice. */
  readonly places: readonly Place[];
  /** What can't be dialled: the host, cut, and why. */
  readonly invalid: readonly { readonly host: string; readonly why: string }[];
  /** How many candidates above {@linkcode CANDIDATES_MAX} or {@linkcode NAMES_MAX} were not looked at. */
  readonly left: number;
}

/** Sifts an answer; takes whatever a provider gives without throwing. `defaultPort` is for hosts that carry none. */
export function siftCandidates(candidates: readonly Candidate[], defaultPort: number): Sifted {
  const places = new Map<string, Place>();
  const invalid: { host: string; why: string }[] = [];
  let names = 0;
  let left = Math.max(0, candidates.length - CANDIDATES_MAX);
  for (const candidate of candidates.slice(0, CANDIDATES_MAX)) {
    const host = typeof candidate?.host === "string" ? candidate.host : "";
    const port = candidate?.port ?? defaultPort;
    const place = placeOf(host, port);
    if (typeof place === "string") {
      invalid.push({ host: host.slice(0, SHOWN_LENGTH_MAX), why: place });
      continue;
    }
    const key = `${place.host} ${port}`;
    if (places.has(key)) continue;
    if (!place.isIp && ++names > NAMES_MAX) left++;
    else places.set(key, place);
  }
  return { places: [...places.values()], invalid, left };
}

/** The place, or why there is none. */
function placeOf(host: string, port: number): Place | string {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return `its port is ${String(port)}`;
  const ip = canonicalIp(host);
  if (ip === undefined) {
    return isName(host) ? { host, port, isIp: false } : "it is neither an IP nor a host name";
  }
  const why = whyNobodys(ip);
  return why ?? { host: ip, port, isIp: true };
}

function isName(host: string): boolean {
  if (host.length > 253) return false;
  const labels = host.replace(/\.$/, "").split(".");
  if (/^\d+$/.test(labels.at(-1) ?? "")) return false;
  return labels.every((label) => /^[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9_])?$/.test(label));
}

/** Why an IP is not that of one host; `undefined` when it may be. */
function whyNobodys(ip: string): string | undefined {
  if (ip === "0.0.0.0" || ip === "::") return "it means every address";
  if (ip === "255.255.255.255") return "it is a broadcast address";
  const isMulticast = ip.includes(":")
    ? ip.startsWith("ff")
    : Number(ip.split(".", 1)[0]) >= 224 && Number(ip.split(".", 1)[0]) < 240;
  if (isMulticast) return "it is a multicast address";
  return /^fe[89ab]/.test(ip) ? "it is an IPv6 address of one link only" : undefined;
}
