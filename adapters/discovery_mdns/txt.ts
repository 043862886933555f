/**
 * What a node tells of itself in its TXT record: `key=value` strings (RFC 6763 6).
 *
 * @module
 */

import type { DiscoverySelf } from "../../mod.ts";

/** What a peer's TXT record tells; whatever is missing or makes no sense is left out. */
export interface PeerText {
  readonly nodeId?: string;
  readonly bootId?: string;
  readonly region?: string;
  readonly rpcPort?: number;
}

/** No string of a TXT record is longer. */
const STRING_BYTES_MAX = 255;
/** Strings looked at: a peer has four. */
const STRINGS_MAX = 64;

/** The strings that tell of this node. */
export function textOf(self: DiscoverySelf): readonly Uint8Array[] {
  const pairs: readonly (readonly [string, string | number])[] = [
    ["node_id", self.nodeId],
    ["region", self.region],
    ["rpc_port", self.rpcPort],
    ["boot_id", self.bootId],
  ];
  return pairs
    .map(([key, value]) => new TextEncoder().encode(`${key}=${value}`))
    .filter((bytes) => bytes.length <= STRING_BYTES_MAX);
}

/** Reads a peer's strings. Of a key that is there twice the first counts; keys have no case. */
export function readText(strings: readonly Uint8Array[]): PeerText {
  const values = new Map<string, string>();
  for (const bytes of strings.slice(0, STRINGS_MAX)) {
    const text = new TextDecoder().decode(bytes);
    const end = text.indexOf("=");
    const key = text.slice(0, end).toLowerCase();
    if (end > 0 && !values.has(key)) values.set(key, text.slice(end + 1));
  }
  const [nodeId, bootId, region] = ["node_id", "boot_id", "region"].map((key) => {
    const value = values.get(key);
    return value === undefined || !isName(value) ? undefined : value;
  });
  const rpcPort = Number(values.get("rpc_port") ?? Number.NaN);
  return {
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(region === undefined ? {} : { region }),
    ...(isPort(rpcPort) ? { rpcPort } : {}),
  };
}

/** Whether it can be the port of something that listens. */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65_535;
}

/** Names go to logs and status pages: no control characters, nothing that was no UTF-8. */
function isName(value: string): boolean {
  return value !== "" && !/[\p{Cc}\p{Cs}\uFFFD]/u.test(value);
}
