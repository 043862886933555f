/**
 * From the agent's answers to candidates and checks: what is not as it should be is left out.
 *
 * @module
 */

import type { Candidate } from "../../mod.ts";

/** More instances than that are not read. */
const INSTANCES_MAX = 10_000;

/** Our own registration has two. */
const CHECKS_MAX = 16;

/** A DNS name is no longer. */
const HOST_CHARS_MAX = 253;

/** As long as a value of Consul's metadata may be. */
const LABEL_CHARS_MAX = 512;

/** What could be made of an answer. */
export interface Instances {
  readonly candidates: readonly Candidate[];
  /** The ids of the services read. */
  readonly ids: ReadonlySet<string>;
  /** How many entries made no candidate. */
  readonly unusable: number;
}

/** One check of a service. */
export interface OwnCheck {
  readonly name: string;
  readonly isCritical: boolean;
}

/** Reads the body of `/v1/agent/checks`; `undefined` when it is none. */
export function checksOf(body: unknown, id: string): readonly OwnCheck[] | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  return Object.values(body).filter((check) => fieldOf(check, "ServiceID") === id)
    .slice(0, CHECKS_MAX)
    .map((check) => ({
      name: textOf(fieldOf(check, "Name"), LABEL_CHARS_MAX) ?? "without a name",
      isCritical: fieldOf(check, "Status") === "critical",
    }));
}

/** Reads the body of `/v1/health/service/<name>`; `undefined` when it is none. */
export function instancesOf(body: unknown): Instances | undefined {
  if (!Array.isArray(body)) return undefined;
  const candidates: Candidate[] = [];
  const ids = new Set<string>();
  for (const entry of body.slice(0, INSTANCES_MAX)) {
    const service = fieldOf(entry, "Service");
    const id = textOf(fieldOf(service, "ID"), LABEL_CHARS_MAX);
    if (id !== undefined) ids.add(id);
    const candidate = candidateOf(service, fieldOf(entry, "Node"));
    if (candidate !== undefined) candidates.push(candidate);
  }
  return { candidates, ids, unusable: body.length - candidates.length };
}

function candidateOf(service: unknown, node: unknown): Candidate | undefined {
  // An instance without an address of its own is where its agent is.
  const host = hostOf(fieldOf(service, "Address")) ?? hostOf(fieldOf(node, "Address"));
  if (host === undefined) return undefined;
  const meta = fieldOf(service, "Meta");
  const port = portOf(fieldOf(service, "Port"));
  const nodeId = textOf(fieldOf(meta, "node_id"), LABEL_CHARS_MAX);
  const region = textOf(fieldOf(meta, "region"), LABEL_CHARS_MAX);
  const rpcPort = portOf(Number(fieldOf(meta, "rpc_port")));
  return {
    host,
    ...(port === undefined ? {} : { port }),
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(region === undefined ? {} : { region }),
    ...(rpcPort === undefined ? {} : { rpcPort }),
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function textOf(value: unknown, charsMax: number): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= charsMax ? value : undefined;
}

function hostOf(value: unknown): string | undefined {
  const host = textOf(value, HOST_CHARS_MAX);
  return host !== undefined && /^[\w.:%-]+$/.test(host) ? host : undefined;
}

function portOf(value: unknown): number | undefined {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535
    ? Number(value)
    : undefined;
}
