/** @module */

import { lookup } from "node:dns/promises";
import type { Dns } from "../../mod.ts";

/**
 * The system's resolver (`getaddrinfo`): it knows the hosts file and the search domains that containers rely on, which
 * a resolver that only speaks DNS does not.
 */
export function nodeDns(): Dns {
  return {
    async addresses(host) {
      if (host === "") return [];
      try {
        const found = await lookup(host, { all: true });
        const ips = (family: number): string[] =>
          found.filter((entry) => entry.family === family).map((entry) => entry.address);
        return [...new Set([...ips(4), ...ips(6)])];
      } catch {
        return [];
      }
    },
  };
}
