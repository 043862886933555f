/**
 * Keeps the configured peers known: resolves their names again and again, for as long as the node lives.
 *
 * @module
 */

import type { HostPort } from "../config/host_port.ts";
import type { Address, Millis } from "../core/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { Dns } from "../ports/dns.ts";
import { resolveHostPort } from "./host_names.ts";

/** How often names are resolved again; addresses of pods and containers change. */
export const RESOLVE_EVERY_MS = 10_000;

/** What a finder needs and whom it tells. */
export interface FinderOptions {
  readonly clock: Clock;
  readonly dns: Dns;
  /** Between two rounds. @default {10000} */
  readonly everyMs?: Millis;
  /** Hears all addresses, sorted and without duplicates, whenever they have changed. */
  readonly onFound: (addresses: readonly Address[]) => void;
  /** Hears which names gave no address, whenever that has changed; empty: all did. */
  readonly onUnresolved: (names: readonly string[]) => void;
}

/** A configured peer and the last good answer to its name: one that does not resolve now takes nothing away. */
interface Sought {
  readonly peer: HostPort;
  addresses: readonly Address[];
  isResolved: boolean;
}

/** Looks for peers, again and again. */
export class Finder {
  readonly #options: FinderOptions;
  readonly #sought: Map<string, Sought> = new Map();
  #found = "";
  #unresolved = "";
  #disarm: () => void = () => {};
  #stopped = false;

  /** Looks for nobody before `look`. */
  constructor(options: FinderOptions, peers: readonly HostPort[]) {
    this.#options = options;
    for (const peer of peers) this.#seek(peer);
  }

  /** Resolves everything now and arms the next round; answers all addresses known. */
  async look(): Promise<readonly Address[]> {
    this.#disarm();
    await this.#resolve([...this.#sought.values()]);
    if (this.#stopped) return [];
    const { clock, everyMs = RESOLVE_EVERY_MS } = this.#options;
    this.#disarm = clock.alarm(clock.now() + everyMs, () => void this.look());
    return this.#tell();
  }

  /** Adds peers for good and resolves them now; answers their addresses. */
  async add(peers: readonly HostPort[]): Promise<readonly Address[]> {
    const sought = peers.map((peer) => this.#seek(peer));
    await this.#resolve(sought);
    if (!this.#stopped) this.#tell();
    return [...new Set(sought.flatMap(({ addresses }) => addresses))];
  }

  /** Stops looking. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
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
      const addresses = await resolveHostPort(sought.peer, this.#options.dns);
      sought.isResolved = addresses.length > 0;
      if (sought.isResolved) sought.addresses = addresses;
    }));
  }

  #tell(): readonly Address[] {
    const all = [...this.#sought.values()];
    const addresses = [...new Set(all.flatMap((sought) => sought.addresses))].sort();
    const unresolved = all.filter(({ isResolved }) => !isResolved).map(({ peer }) => nameOf(peer));
    if (unresolved.join(" ") !== this.#unresolved) {
      this.#unresolved = unresolved.join(" ");
      this.#options.onUnresolved(unresolved);
    }
    if (addresses.join(" ") !== this.#found) {
      this.#found = addresses.join(" ");
      this.#options.onFound(addresses);
    }
    return addresses;
  }
}

function nameOf({ host, port }: HostPort): string {
  return `${host}:${port}`;
}
