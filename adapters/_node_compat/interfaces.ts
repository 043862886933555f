/** @module */

import { hostname, networkInterfaces } from "node:os";
import type { InterfaceAddress, Interfaces } from "../../mod.ts";

/** The interfaces as `node:os` lists them: only those that are up. */
export function nodeInterfaces(): Interfaces {
  return {
    list() {
      const addresses: InterfaceAddress[] = [];
      for (const [name, entries = []] of Object.entries(networkInterfaces())) {
        for (const { address, netmask, internal } of entries) {
          const ip = address.split("%", 1)[0] as string;
          addresses.push({ name, ip, prefix: prefixOf(netmask), internal });
        }
      }
      return addresses;
    },
    hostName: () => hostname(),
  };
}

/** Counts the ones of a mask such as `255.255.255.0` or `ffff:ffff::`. */
function prefixOf(netmask: string): number {
  const radix = netmask.includes(":") ? 16 : 10;
  let ones = 0;
  for (const part of netmask.split(/[.:]/)) {
    for (let bits = part === "" ? 0 : parseInt(part, radix); bits > 0; bits >>>= 1) {
      ones += bits & 1;
    }
  }
  return ones;
}
