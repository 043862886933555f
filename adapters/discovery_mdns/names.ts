/**
 * Names of services, instances and hosts, as they are told by multicast.
 *
 * @module
 */

/** What is asked to learn which types of service there are (RFC 6763 9). */
export const SERVICE_TYPES = "_services._dns-sd._udp.local";

/** No label is longer (RFC 1035 2.3.4). */
const LABEL_BYTES_MAX = 63;

/** The names of one node: everybody else who wants one of them has to take another. */
export interface OwnNames {
  /** Such as `gw-1._gateway._tcp.local`. */
  readonly instance: string;
  /** Such as `althing-gw-1-10101.local`. */
  readonly host: string;
}

/** The same text for all names that mean the same: only ASCII letters have two cases (RFC 6762 16). */
export function nameKey(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
}

/** `_gateway._tcp` in the one domain that multicast DNS knows. */
export function serviceName(type: string): string {
  return `${type}.local`;
}

/**
 * Names made from a node's id. `take` is 1 at first and one more after each conflict. The port keeps nodes with one id on
 * one machine apart, and `althing` keeps us away from the machine's own name.
 */
export function ownNames(service: string, nodeId: string, port: number, take: number): OwnNames {
  const again = take === 1 ? "" : ` (${take})`;
  // A dot would begin another label: the package knows no other way to write one.
  const words = nodeId.replace(/[.\p{Cc}]/gu, "-");
  const host = nodeId.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "").toLowerCase() || "node";
  const hostTail = `-${port}${take === 1 ? "" : `-${take}`}`;
  return {
    instance: `${shortened(words, LABEL_BYTES_MAX - again.length)}${again}.${service}`,
    host: `${shortened(`althing-${host}`, LABEL_BYTES_MAX - hostTail.length)}${hostTail}.local`,
  };
}

/** Whether a name is one label before `service`, or looks like it although the label has dots. */
export function isInstanceOf(service: string, name: string): boolean {
  return name.length > service.length + 1 && nameKey(name).endsWith(`.${nameKey(service)}`);
}

/** Whether the package can write a name: each label has a length, and the whole as well. */
export function isWritable(name: string): boolean {
  const labels = name.split(".").map((label) => utf8Length(label));
  const all = labels.reduce((sum, bytes) => sum + bytes + 1, 1);
  return all <= 255 && labels.every((bytes) => bytes > 0 && bytes <= LABEL_BYTES_MAX);
}

/** Bytes of a name on the wire, not compressed. */
export function nameBytes(name: string): number {
  return utf8Length(name) + 2;
}

function shortened(text: string, bytesMax: number): string {
  let short = "";
  let bytes = 0;
  for (const letter of text) {
    bytes += utf8Length(letter);
    if (bytes > bytesMax) break;
    short += letter;
  }
  return short;
}

function utf8Length(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}
