/**
 * What stands in etcd for a node.
 *
 * @module
 */

import { type Candidate, type DiscoverySelf, formatAddress } from "../../mod.ts";
import { splitHostPort } from "./endpoint.ts";

/** Longer values are not ours. */
const ENTRY_BYTES_MAX = 4_096;
const TEXT_LENGTH_MAX = 255;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/** The folder of a service. */
export function prefixOf(serviceName: string): string {
  return `/services/${serviceName}/`;
}

/** The value that others read. */
export function encodeEntry({ ip, port, nodeId, region, rpcPort }: DiscoverySelf): Uint8Array {
  const entry = {
    address: formatAddress(ip, port),
    node_id: nodeId,
    region,
    rpc_port: rpcPort,
  };
  return new TextEncoder().encode(JSON.stringify(entry));
}

/**
 * The node that a value tells of, `undefined` when it tells of none. A plain `ip:port` will do: then the node id is the
 * rest of the key. Never throws.
 */
export function decodeEntry(keyRest: string, value: Uint8Array): Candidate | undefined {
  if (value.length > ENTRY_BYTES_MAX) return undefined;
  const text = new TextDecoder().decode(value).trim();
  const entry = text.startsWith("{") ? parseObject(text) : { address: text };
  const address = typeof entry?.["address"] === "string"
    ? splitHostPort(entry["address"])
    : undefined;
  if (entry === undefined || address === undefined) return undefined;
  const nodeId = textOf(entry["node_id"]) ?? textOf(keyRest);
  const region = textOf(entry["region"]);
  const rpcPort = portOf(entry["rpc_port"]);
  return {
    ...address,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(region === undefined ? {} : { region }),
    ...(rpcPort === undefined ? {} : { rpcPort }),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  const isUsable = typeof value === "string" && value !== "" && value.length <= TEXT_LENGTH_MAX &&
    !CONTROL.test(value);
  return isUsable ? value : undefined;
}

function portOf(value: unknown): number | undefined {
  const port = typeof value === "string" ? Number(value) : value;
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536
    ? port as number
    : undefined;
}
