/**
 * From a source's answers to addresses that may be dialled.
 *
 * @module
 */

import { canonicalIp, formatAddress } from "../core/address.ts";
import type { AddressSpace } from "../core/address_space.ts";
import type { Address } from "../core/machine.ts";
import { siftCandidates } from "../discovery/candidates.ts";
import type { LogLimit } from "../discovery/log_limit.ts";
import type { Candidate } from "../ports/discovery.ts";
import type { Dns } from "../ports/dns.ts";

/** What decides over an address. */
export interface SourcePlacesOptions {
  readonly dns: Dns;
  /** For hosts that carry no port. */
  readonly defaultPort: number;
  readonly space: AddressSpace;
  /** Whether that is this node itself. */
  readonly isSelf: (ip: string, port: number) => boolean;
  readonly log: LogLimit;
}

/** The addresses of one source: the last answer's, names resolved, ourselves and what is not allowed left out. */
export class SourcePlaces {
  readonly #options: SourcePlacesOptions;
  /** The last good answer to each name of the last answer. */
  #names: ReadonlyMap<string, readonly string[]> = new Map();
  #candidates: readonly Candidate[] = [];
  /** Complaints about the last answer; each is told once, for as long as its cause stays. */
  #told: ReadonlySet<string> = new Set();
  #turn = 0;
  addresses: readonly Address[] = [];
  unresolved: readonly string[] = [];
  skipped = 0;
  /** Whether an answer was taken. */
  hasAnswer = false;

  /** Knows nothing yet. */
  constructor(options: SourcePlacesOptions) {
    this.#options = options;
  }

  /** Whether names have to be resolved again and again. */
  get hasNames(): boolean {
    return this.#names.size > 0;
  }

  /** Takes a whole answer; `false` when a later one has overtaken it. */
  take(candidates: readonly Candidate[]): Promise<boolean> {
    this.#candidates = candidates;
    return this.resolve();
  }

  /** Looks at the last answer again, its names resolved anew. */
  async resolve(): Promise<boolean> {
    const turn = ++this.#turn;
    const { dns, defaultPort, log } = this.#options;
    const { places, invalid, left } = siftCandidates(this.#candidates, defaultPort);
    const hosts = [...new Set(places.filter(({ isIp }) => !isIp).map(({ host }) => host))];
    const answers = await Promise.all(hosts.map((host) => dns.addresses(host)));
    if (turn !== this.#turn) return false;
    const names = new Map<string, readonly string[]>();
    const unresolved: string[] = [];
    for (const [i, host] of hosts.entries()) {
      const ips = answers[i] ?? [];
      if (ips.length === 0) unresolved.push(host);
      names.set(host, ips.length > 0 ? ips : this.#names.get(host) ?? []);
    }
    this.#names = names;
    this.unresolved = unresolved;
    const complaints = new Set<string>();
    const complain = (text: string, fields: Record<string, string | number>): void => {
      const key = `${text} ${Object.values(fields).join(" ")}`;
      complaints.add(key);
      if (!this.#told.has(key)) log.say("warn", text, fields);
    };
    for (const { host, why } of invalid) complain("skipping invalid host address", { host, why });
    for (const host of unresolved) complain("dns lookup error", { name: host });
    if (left > 0) complain("discovery lists more than is looked at", { left });
    const found = new Set<Address>();
    let skipped = invalid.length + left;
    for (const { host, port, isIp } of places) {
      for (const answer of isIp ? [host] : names.get(host) ?? []) {
        const ip = canonicalIp(answer) ?? answer;
        if (this.#options.isSelf(ip, port)) continue;
        const address = formatAddress(ip, port);
        if (this.#options.space.holds(ip)) {
          found.add(address);
        } else {
          skipped++;
          complain("not in allowed address space", { address });
        }
      }
    }
    this.#told = complaints;
    this.addresses = [...found];
    this.skipped = skipped;
    this.hasAnswer = true;
    return true;
  }
}
