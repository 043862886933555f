/** @module */

import type { Address } from "../../core/machine.ts";
import type { Streams } from "../../ports/streams.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup, type Rule } from "./case.ts";
import { streamsClosingRules } from "./streams_closing.ts";
import { streamsConnectingRules } from "./streams_connecting.ts";
import { streamsDataRules } from "./streams_data.ts";

/** What is judged. */
export interface StreamsSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly streams: Streams;
  /** Addresses that can be bound and dialled, each tested; default `127.0.0.1`. */
  readonly ips?: readonly string[];
  /** An IPv4 address to dial when bound to `::`; leave it out where there is no dual stack. */
  readonly dualStackIp?: string;
  /** Finds an address that takes no connection and refuses none; without it, timeouts are not judged. */
  readonly silent?: () => Promise<SilentAddress>;
}

/** Somebody who never answers. */
export interface SilentAddress extends AsyncDisposable {
  /** Where to dial. */
  readonly address: Address;
}

/** The rules of {@linkcode Streams}. */
export function streamsCases(setup: StreamsSetup): ComplianceCase[] {
  const { streams, ips = ["127.0.0.1"] } = setup;
  const rules: Record<string, Rule | string> = {};
  for (const ip of ips) {
    const all = { ...streamsDataRules(streams, ip), ...streamsClosingRules(streams, ip) };
    for (const [claim, rule] of Object.entries(all)) rules[`${ip}: ${claim}`] = rule;
  }
  return casesOf(setup, { ...rules, ...streamsConnectingRules(setup) });
}
