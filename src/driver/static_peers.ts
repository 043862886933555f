/** @module */

import type { HostPort } from "../config/host_port.ts";
import type { Address } from "../core/machine.ts";
import type { Dns } from "../ports/dns.ts";
import { resolveHostPort } from "./host_names.ts";

/** A configured peer and the last good answer to its name: one that does not resolve now takes nothing away. */
interface Sought {
  readonly peer: HostPort;
  addresses: readonly Address[];
  isResolved: boolean;
}

/** The configured peers and what their names resolve to. */
export class StaticPeers {
  readonly #dns: Dns;
  readonly #sought: Map<string, Sought> = new Map();

  /** Resolves nothing yet. */
  constructor(dns: Dns, peers: readonly HostPort[]) {
    this.#dns = dns;
    for (const peer of peers) this.#seek(peer);
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#sought.size === 0;
  }

  /** All addresses known, in no order. */
  get addresses(): readonly Address[] {
    return [...this.#sought.values()].flatMap(({ addresses }) => addresses);
  }

  /** Which entries gave no address last time. */
  get unresolved(): readonly string[] {
    return [...this.#sought.values()]
      .filter(({ isResolved }) => !isResolved)
      .map(({ peer }) => nameOf(peer));
  }

  /** Resolves every name. */
  async resolve(): Promise<void> {
    await this.#resolve([...this.#sought.values()]);
  }

  /** Adds peers for good and resolves them; answers their addresses. */
  async add(peers: readonly HostPort[]): Promise<readonly Address[]> {
    const sought = peers.map((peer) => this.#seek(peer));
    await this.#resolve(sought);
    return [...new Set(sought.flatMap(({ addresses }) => addresses))];
  }

  #seek(peer: HostPort): Sought {
    const name = nameOf(peer);
    const known = this.#sought.get(name);
    if (known !== undefined) return known;
    const sought: Sought = { peer, addresses: [], isResolved: false };
    this.#sought.set(name, sought);
    return sought;
  }

  async #resolve(all: readonly Sought[]): Promise<void> {
    await Promise.all(all.map(async (sought) => {
      const addresses = await resolveHostPort(sought.peer, this.#dns);
      sought.isResolved = addresses.length > 0;
      if (sought.isResolved) sought.addresses = addresses;
    }));
  }
}

function nameOf({ host, port }: HostPort): string {
  return `${host}:${port}`;
}
