/** @module */

import { ipToBytes } from "../../core/address.ts";
import type { Dns } from "../../ports/dns.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface DnsSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly dns: Dns;
  /** A name that resolves, and some of its addresses; default `localhost` with `127.0.0.1`. */
  readonly known?: { readonly host: string; readonly ips: readonly string[] };
}

/** The rules of {@linkcode Dns}. */
export function dnsCases(setup: DnsSetup): ComplianceCase[] {
  const { dns, known = { host: "localhost", ips: ["127.0.0.1"] } } = setup;
  return casesOf(setup, {
    "finds a known name": async (bench) => {
      const found = await dns.addresses(known.host);
      for (const ip of known.ips) bench.expect(found.includes(ip), `${ip} is not in ${found}`);
      for (const ip of found) bench.expect(ipToBytes(ip) !== undefined, `"${ip}" is no address`);
      bench.same(new Set(found).size, found.length, "addresses without doubles");
    },

    "puts IPv4 first": async (bench) => {
      const families = (await dns.addresses(known.host)).map((ip) => ip.includes(":") ? 6 : 4);
      bench.same(families, families.toSorted(), "families");
    },

    "answers an address with itself": async (bench) => {
      for (const ip of ["127.0.0.1", "10.1.2.3", "::1", "2001:db8::1"]) {
        bench.same(await dns.addresses(ip), [ip], `addresses of ${ip}`);
      }
    },

    "answers nothing for what does not resolve, and never rejects": async (bench) => {
      const odd = ["", ".", "..", "a..b", "white space", "x".repeat(300), "\0", "-", "[::1]"];
      for (const host of ["no-such-host.invalid", ...odd]) {
        const found = await bench.within(30_000, `the search for "${host}"`, dns.addresses(host));
        bench.same(found, [], `addresses of "${host}"`);
      }
    },
  });
}
