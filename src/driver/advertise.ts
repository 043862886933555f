/**
 * Chooses the address that other nodes are told (docs/adr/0030-advertise-address.md).
 *
 * @module
 */

import { canonicalIp, ipToBytes } from "../core/address.ts";
import { AddressSpace } from "../core/address_space.ts";
import type { InterfaceAddress } from "../ports/interfaces.ts";
import type { Routes } from "./routes.ts";

/** An IP and why it was chosen, for the one log line. */
export interface AdvertiseChoice {
  readonly ip: string;
  readonly why: string;
}

/** What the choice is made from. */
export interface AdvertiseFacts {
  readonly configured?: string | undefined;
  readonly bound: string;
  /** IPs of configured peers. */
  readonly peers: readonly string[];
  readonly interfaces: readonly InterfaceAddress[];
  /** What the platform says are this pod's addresses. */
  readonly podIps?: readonly string[];
  /** CIDR blocks in which discovery looks. */
  readonly allowed?: readonly string[];
  /** Whether more peers may come from discovery. */
  readonly discovers?: boolean;
  /** IPs of the servers that discovery asks. */
  readonly servers?: readonly string[];
  /** The system's routes, where they can be read. */
  readonly routes?: Routes;
}

/** Interfaces that lead to containers and virtual machines of this host alone. */
const HOST_ONLY = /^(docker|br-|virbr|veth|cni|flannel|cali|lxc|lxd|podman|vmnet|vboxnet)/;

/**
 * In this order: what is configured; the address bound to, when it is a concrete one; the pod's own; loopback when all
 * peers are loopback and no others can come; the address of the interface that leads to a peer; one in the address
 * space of discovery; that of the interface that leads to a discovery server; a private address, IPv4 first; a public
 * one; one of a bridge of this host; loopback as the last resort.
 */
export function chooseAdvertise(facts: AdvertiseFacts): AdvertiseChoice {
  const { configured, bound, peers, interfaces, allowed = [], servers = [] } = facts;
  if (configured !== undefined) return { ip: configured, why: "configured" };
  if (bound !== "0.0.0.0" && bound !== "::") return { ip: bound, why: "the bound address" };
  const usable = interfaces
    .filter(({ ip, internal }) => !internal && !isLoopback(ip) && !isLinkLocal(ip))
    .sort((a, b) => Number(a.ip.includes(":")) - Number(b.ip.includes(":")));
  const pod = (facts.podIps ?? []).map(canonicalIp)
    .find((ip) => usable.some((own) => canonicalIp(own.ip) === ip));
  if (pod !== undefined) return { ip: pod, why: "the pod's address, from the environment" };
  if (peers.length > 0 && peers.every(isLoopback) && facts.discovers !== true) {
    const six = peers.every((ip) => ip.includes(":"));
    return { ip: six ? "::1" : "127.0.0.1", why: "all peers are on loopback" };
  }
  const toPeer = towards(peers, usable, facts.routes);
  if (toPeer !== undefined) {
    return {
      ip: toPeer.own.ip,
      why: `interface ${toPeer.own.name} leads to the peer ${toPeer.ip}`,
    };
  }
  if (allowed.length > 0) {
    const space = new AddressSpace(allowed);
    const inside = usable.find(({ ip }) => space.holds(ip));
    if (inside !== undefined) {
      return { ip: inside.ip, why: `interface ${inside.name} is in the allowed address space` };
    }
  }
  const toServer = towards(servers, usable, facts.routes);
  if (toServer !== undefined) {
    const { own, ip } = toServer;
    return { ip: own.ip, why: `interface ${own.name} leads to the discovery server ${ip}` };
  }
  return ofAny(usable, bound);
}

/** Whether an IP is in 127.0.0.0/8 or is ::1. */
export function isLoopback(ip: string): boolean {
  return ip === "::1" || /^127\./.test(ip);
}

/** By the routes where they are known, else by the prefixes of the interfaces. */
function towards(
  ips: readonly string[],
  usable: readonly InterfaceAddress[],
  routes: Routes | undefined,
): { readonly own: InterfaceAddress; readonly ip: string } | undefined {
  for (const ip of ips) {
    if (isLoopback(ip) || usable.some((own) => canonicalIp(own.ip) === canonicalIp(ip))) continue;
    const name = routes?.interfaceTo(ip);
    const same = usable.filter((own) => own.ip.includes(":") === ip.includes(":"));
    const near = same.find((own) =>
      new AddressSpace([`${own.ip}/${own.prefix}`]).holds(ip) &&
      (name === undefined || name === own.name)
    );
    const own = near ?? same.find((one) => one.name === name);
    if (own !== undefined) return { own, ip };
  }
  return undefined;
}

function ofAny(usable: readonly InterfaceAddress[], bound: string): AdvertiseChoice {
  const outside = usable.filter(({ name }) => !HOST_ONLY.test(name));
  const privateOne = outside.find(({ ip }) => isPrivate(ip));
  if (privateOne !== undefined) {
    return { ip: privateOne.ip, why: `a private address of interface ${privateOne.name}` };
  }
  const first = outside[0] ?? usable[0];
  if (first !== undefined) return { ip: first.ip, why: `the address of interface ${first.name}` };
  return {
    ip: bound === "::" ? "::1" : "127.0.0.1",
    why: "this machine has no other address than loopback",
  };
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
