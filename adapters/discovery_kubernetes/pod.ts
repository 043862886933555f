/**
 * From a pod as the API server tells it to what discovery wants to know of it.
 *
 * @module
 */

import { ipToBytes } from "../../mod.ts";

/** What is kept of a pod. */
export interface Pod {
  /** Differs for every pod there ever was. */
  readonly uid: string;
  /** Its name. */
  readonly name: string;
  /** Its addresses, the primary one first; empty until it has one. */
  readonly ips: readonly string[];
  /** The first thing given as an address that is none. */
  readonly invalidIp?: string;
  /** The container port of the gossip port's name. */
  readonly port?: number;
  /** The container port of the RPC port's name. */
  readonly rpcPort?: number;
  /** Whether its containers run and nobody has asked it to stop. */
  readonly isRunning: boolean;
  /** Whether it passes its readiness checks. */
  readonly isReady: boolean;
}

/** Which container ports are which. */
export interface PortNames {
  /** Of the gossip port. */
  readonly gossipPortName: string;
  /** Of the RPC port. */
  readonly rpcPortName: string;
}

/** A longer one is no pod's. */
const NAME_CHARS_MAX = 253;

/** Addresses of one pod that are looked at: it has one of each family. */
const IPS_MAX = 4;

/** Container ports of one pod that are looked at. */
const PORTS_MAX = 1_000;

/** What is kept of a pod; `undefined` when it is no pod. */
export function podOf(value: unknown, names: PortNames): Pod | undefined {
  const metadata = part(value, "metadata");
  const [uid, name] = [nameOf(part(metadata, "uid")), nameOf(part(metadata, "name"))];
  if (uid === undefined || name === undefined) return undefined;
  const status = part(value, "status");
  const given = ipsOf(status);
  const invalidIp = given.find((ip) => ipToBytes(ip) === undefined);
  const ports = portsOf(part(value, "spec"));
  const port = ports.get(names.gossipPortName);
  const rpcPort = ports.get(names.rpcPortName);
  return {
    uid,
    name,
    ips: given.filter((ip) => ipToBytes(ip) !== undefined),
    ...(invalidIp === undefined ? {} : { invalidIp }),
    ...(port === undefined ? {} : { port }),
    ...(rpcPort === undefined ? {} : { rpcPort }),
    isRunning: part(status, "phase") === "Running" &&
      part(metadata, "deletionTimestamp") === undefined,
    isReady: listOf(part(status, "conditions"), PORTS_MAX).some((condition) =>
      part(condition, "type") === "Ready" && part(condition, "status") === "True"
    ),
  };
}

/** The resource version of a list, a pod or a bookmark. */
export function versionOf(value: unknown): string | undefined {
  return nameOf(part(part(value, "metadata"), "resourceVersion"));
}

/** A field of what may be an object. */
export function part(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/** The first entries of what may be a list. */
export function listOf(value: unknown, max: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, max) : [];
}

function nameOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "" || value.length > NAME_CHARS_MAX) return undefined;
  return value;
}

function ipsOf(status: unknown): readonly string[] {
  const all = listOf(part(status, "podIPs"), IPS_MAX).map((entry) => part(entry, "ip"));
  const given = [part(status, "podIP"), ...all].map(nameOf).filter((ip) => ip !== undefined);
  return [...new Set(given)];
}

/** Containers that go on beside the others are listed as first steps, so that their ports count as well. */
function portsOf(spec: unknown): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const key of ["containers", "initContainers"]) {
    for (const container of listOf(part(spec, key), PORTS_MAX)) {
      for (const entry of listOf(part(container, "ports"), PORTS_MAX)) {
        const [name, port] = [part(entry, "name"), part(entry, "containerPort")];
        if (typeof name !== "string" || ports.has(name) || !isPort(port)) continue;
        ports.set(name, port);
      }
    }
  }
  return ports;
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;
}
