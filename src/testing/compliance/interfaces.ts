/** @module */

import { ipToBytes } from "../../core/address.ts";
import type { Interfaces } from "../../ports/interfaces.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged; the host must have IPv4 loopback. */
export interface InterfacesSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly interfaces: Interfaces;
}

/** The rules of {@linkcode Interfaces}. */
export function interfacesCases(setup: InterfacesSetup): ComplianceCase[] {
  const { interfaces } = setup;
  return casesOf(setup, {
    "lists addresses with name, prefix and no zone": (bench) => {
      const all = interfaces.list();
      bench.expect(all.length > 0, "there is none");
      for (const { name, ip, prefix } of all) {
        bench.expect(name !== "", `${ip} has no name`);
        bench.expect(ipToBytes(ip) !== undefined && !ip.includes("%"), `"${ip}" is no plain IP`);
        const bits = ip.includes(":") ? 128 : 32;
        bench.expect(Number.isInteger(prefix) && prefix > 0 && prefix <= bits, `${ip}/${prefix}`);
      }
    },

    "marks loopback, and only that, as internal": (bench) => {
      const all = interfaces.list();
      for (const { ip, internal } of all) {
        // Other addresses of the loopback interface may be told either way.
        if (/^127\.|^::1$/.test(ip)) bench.expect(internal, `${ip} is not internal`);
      }
      const loopback = all.find(({ ip }) => ip === "127.0.0.1");
      bench.same(loopback?.prefix, 8, "prefix of 127.0.0.1");
    },

    "tells the host's name, the same each time": (bench) => {
      bench.expect(interfaces.hostName().length > 0, "it is empty");
      bench.same(interfaces.hostName(), interfaces.hostName(), "the name");
    },
  });
}
