/**
 * Runs compliance cases under `node:test`.
 *
 * @module
 */

import { describe, it } from "node:test";
import { networkInterfaces } from "node:os";
import type { ComplianceCase } from "../../src/testing/compliance/mod.ts";

/** Well above the deadlines inside of the cases. */
const TIMEOUT_MS = 60_000;

/** Registers the cases as tests of `subject`. */
export function judge(subject: string, cases: readonly ComplianceCase[]): void {
  describe(subject, () => {
    for (const { claim, skip, run } of cases) {
      it(claim, { skip: skip ?? false, timeout: TIMEOUT_MS }, () => run());
    }
  });
}

/** Whether this machine has IPv6 loopback. */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).flat().some((entry) => entry?.address === "::1");
}

/** The loopback addresses to test, and an IPv4 one for dual stack where there is IPv6. */
export function loopback(): { readonly ips: readonly string[]; readonly dualStackIp?: string } {
  return hasIpv6()
    ? { ips: ["127.0.0.1", "::1"], dualStackIp: "127.0.0.1" }
    : { ips: ["127.0.0.1"] };
}
