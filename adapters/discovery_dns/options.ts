/** @module */

import { type Address, ClusterError, formatAddress, ipToBytes, parseHostPort } from "../../mod.ts";

/** What to look up, and where. */
export interface DnsDiscoveryOptions {
  /**
   * Host names, 1 to 64 of them. Each is asked for A, AAAA and SRV records. A port behind a name (`gw.example:10101`) is
   * that of its A and AAAA records; SRV records bring their own.
   */
  readonly names: readonly string[];
  /**
   * The IP of a DNS server, perhaps with a port (53 without): names are then taken as they are. Left out: the servers and
   * the search list of `/etc/resolv.conf`, after `/etc/hosts`.
   */
  readonly server?: string | undefined;
  /** How long one round of questions may take, all names together. @default {10_000} */
  readonly timeoutMs?: number;
  /**
   * No name is asked for more often than this, whatever its records' time to live; nor are names without records, and
   * those whose lookup failed, asked for less often.
   *
   * @default {5_000}
   */
  readonly againMinMs?: number;
  /** No name is asked for less often than this, whatever its records' time to live. @default {60_000} */
  readonly againMaxMs?: number;
}

/** A configured name. */
export interface WantedName {
  /** As it is in the configuration, for logs. */
  readonly text: string;
  /** Without a port; ends in a dot when it is complete. */
  readonly host: string;
  readonly port: number | undefined;
}

/** The options with nothing left open. */
export interface ResolvedDnsDiscovery {
  readonly names: readonly WantedName[];
  readonly server: Address | undefined;
  readonly timeoutMs: number;
  readonly againMinMs: number;
  readonly againMaxMs: number;
}

/** More would be a list of peers, not of services. */
const NAMES_MAX = 64;
const DNS_PORT = 53;

/** Checks the options; throws `ClusterError` `bad-config`. */
export function resolveDns(options: DnsDiscoveryOptions): ResolvedDnsDiscovery {
  const { names, timeoutMs = 10_000, againMinMs = 5_000 } = options;
  const { againMaxMs = Math.max(60_000, againMinMs) } = options;
  if (names.length === 0 || names.length > NAMES_MAX) {
    refuse(`${names.length} names are given, give 1 to ${NAMES_MAX}`);
  }
  for (const [name, value] of Object.entries({ timeoutMs, againMinMs, againMaxMs })) {
    if (!(value > 0)) refuse(`${name} is ${value}, it must be above 0`);
  }
  if (againMinMs > againMaxMs) {
    refuse(`againMinMs is ${againMinMs}, above againMaxMs, which is ${againMaxMs}`);
  }
  return {
    names: names.map(wantedName),
    server: options.server === undefined ? undefined : serverAddress(options.server),
    timeoutMs,
    againMinMs,
    againMaxMs,
  };
}

/** The address of a DNS server; `undefined` for what is neither an IP nor `ip:port`. */
export function addressOfServer(text: string): Address | undefined {
  if (ipToBytes(text) !== undefined) return formatAddress(text, DNS_PORT);
  const { host, port } = parseHostPort(text) ?? { host: "", port: 0 };
  return ipToBytes(host) === undefined ? undefined : formatAddress(host, port);
}

/** Whether a text can be asked for: letters, digits, `-` and `_` in labels of at most 63, 253 in all, perhaps a last dot. */
export function isDnsName(text: string): boolean {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  return name.length <= 253 && name.split(".").every((label) => /^[\w-]{1,63}$/.test(label));
}

function wantedName(text: string): WantedName {
  const parsed = parseHostPort(text);
  const host = parsed?.host ?? text;
  if (!isDnsName(host) || ipToBytes(host) !== undefined) {
    refuse(`${JSON.stringify(text)} is no host name, write "gw.example" or "gw.example:10101"`);
  }
  return { text, host: host.toLowerCase(), port: parsed?.port };
}

function serverAddress(text: string): Address {
  const address = addressOfServer(text);
  if (address !== undefined) return address;
  refuse(`the server ${JSON.stringify(text)} is no IP, write "10.0.0.53" or "10.0.0.53:5353"`);
}

function refuse(problem: string): never {
  throw new ClusterError("bad-config", `Cannot discover by DNS: ${problem}`);
}
