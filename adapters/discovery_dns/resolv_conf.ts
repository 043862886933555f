/**
 * How this machine looks names up: `/etc/resolv.conf` and `/etc/hosts`.
 *
 * @module
 */

import { type Address, ipToBytes } from "../../mod.ts";
import { addressOfServer, isDnsName } from "./options.ts";

/** What of `resolv.conf` matters here. */
export interface ResolvConf {
  /** At most 3; never empty. */
  readonly servers: readonly Address[];
  /** Domains to try names in, at most 16. */
  readonly search: readonly string[];
  /** A name with fewer dots is tried in the search domains before it is tried as it is. */
  readonly dotsMin: number;
}

/** glibc's. */
const SERVERS_MAX = 3;
const DOTS_MAX = 15;
const SEARCH_MAX = 16;
/** Whom glibc asks when the file names nobody. */
const LOCAL_SERVER = "127.0.0.1:53";

/** Reads the file's text; lines that make no sense are skipped, as resolvers do. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: Address[] = [];
  let search: readonly string[] = [];
  let dotsMin = 1;
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.replace(/[#;].*$/, "").trim().split(/\s+/);
    if (word === "nameserver") {
      const server = addressOfServer(rest[0] ?? "");
      if (server !== undefined && servers.length < SERVERS_MAX) servers.push(server);
    } else if (word === "search" || word === "domain") {
      search = rest.filter((domain) => domain !== "." && isDnsName(domain)).slice(0, SEARCH_MAX)
        .map((domain) => domain.replace(/\.$/, "").toLowerCase());
    } else if (word === "options") {
      const ndots = rest.findLast((option) => /^ndots:\d{1,4}$/.test(option));
      if (ndots !== undefined) dotsMin = Math.min(Number(ndots.slice(6)), DOTS_MAX);
    }
  }
  return { servers: servers.length === 0 ? [LOCAL_SERVER] : servers, search, dotsMin };
}

/**
 * The complete names that `host` may stand for, in the order in which to try them. One that ends in a dot stands for
 * itself.
 */
export function expansionsOf(
  host: string,
  { search, dotsMin }: Pick<ResolvConf, "search" | "dotsMin">,
): string[] {
  if (host.endsWith(".")) return [host.slice(0, -1)];
  const searched = search.map((domain) => `${host}.${domain}`).filter(isDnsName);
  const dots = host.split(".").length - 1;
  return dots >= dotsMin ? [host, ...searched] : [...searched, host];
}

/** The addresses that the text of a hosts file gives `host`. */
export function addressesInHosts(text: string, host: string): string[] {
  const wanted = host.replace(/\.$/, "");
  const ips: string[] = [];
  for (const line of text.split("\n")) {
    const [ip = "", ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
    if (names.some((name) => name.toLowerCase() === wanted) && ipToBytes(ip) !== undefined) {
      ips.push(ip);
    }
  }
  return ips;
}
