/**
 * Which links a machine has into which networks, by its interfaces.
 *
 * @module
 */

import { type InterfaceAddress, ipToBytes, unmapped } from "../../mod.ts";

/** A way into a network: one interface and one family of addresses. */
export interface LinkPlan {
  /** Such as `eth0 IPv4`. */
  readonly id: string;
  /** The interface's name. */
  readonly network: string;
  readonly family: 4 | 6;
  /** What joins the group and sends: an own address, or the interface of a link-local group. */
  readonly interface: string;
  /** The addresses of the interface: who sends from elsewhere is on another link. */
  readonly addresses: readonly InterfaceAddress[];
}

/** Each is a socket, and each packet is sent on all of them. */
const LINKS_MAX = 32;

/**
 * The links of these interfaces. Loopback has none. Interfaces with nothing but addresses that the system made up count
 * only where there are no others: hosts of containers have one for each container.
 */
export function planLinks(interfaces: readonly InterfaceAddress[]): readonly LinkPlan[] {
  const byName = new Map<string, InterfaceAddress[]>();
  for (const each of interfaces) {
    if (!each.internal) byName.set(each.name, [...byName.get(each.name) ?? [], each]);
  }
  const all = [...byName];
  const real = all.filter(([, addresses]) => addresses.some(({ ip }) => !isLinkLocal(ip)));
  return (real.length > 0 ? real : all).flatMap(([network, addresses]) => {
    const four = addresses.find(({ ip }) => !ip.includes(":"));
    const six = addresses.find(({ ip }) => ip.includes(":"));
    const links: LinkPlan[] = [];
    if (four !== undefined) {
      links.push({ id: `${network} IPv4`, network, family: 4, interface: four.ip, addresses });
    }
    if (six !== undefined) {
      links.push({
        id: `${network} IPv6`,
        network,
        family: 6,
        interface: `::%${network}`,
        addresses,
      });
    }
    return links;
  }).slice(0, LINKS_MAX);
}

/** Whether two plans want the same socket. */
export function samePlan(a: LinkPlan, b: LinkPlan): boolean {
  return a.id === b.id && a.interface === b.interface &&
    JSON.stringify(a.addresses) === JSON.stringify(b.addresses);
}

/**
 * Whether a sender is on the link: a socket is given what arrives on all interfaces of the machine, and what comes from
 * afar is nobody's neighbour (RFC 6762 11). `from` may name its interface after a `%`.
 */
export function isOnLink({ addresses, network }: LinkPlan, from: string): boolean {
  const zone = from.split("%", 2)[1];
  if (zone !== undefined && zone !== network) return false;
  const bytes = ipToBytes(from);
  if (bytes === undefined) return false;
  return isLinkLocal(from) || addresses.some(({ ip, prefix }) => inNetwork(ip, prefix, bytes));
}

/** Whether an address is one of the link's own. */
export function isOwnAddress({ addresses }: LinkPlan, from: string): boolean {
  const bytes = ipToBytes(from);
  return bytes !== undefined && addresses.some(({ ip }) => inNetwork(ip, 128, bytes));
}

function isLinkLocal(ip: string): boolean {
  return /^169\.254\./.test(ip) || /^fe[89ab]/i.test(ip);
}

function inNetwork(ip: string, prefix: number, address: Uint8Array): boolean {
  const own = unmapped(ipToBytes(ip) ?? new Uint8Array());
  const other = unmapped(address);
  if (own.length !== other.length) return false;
  return own.every((byte, i) => {
    const bits = Math.min(Math.max(prefix - 8 * i, 0), 8);
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((other[i] as number) & mask);
  });
}
