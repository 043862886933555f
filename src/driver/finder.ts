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

/** Looks for peers and hands over all addresses whenever they have changed. */
export class Finder {
  readonly #clock: Clock;
  readonly #dns: Dns;
  readonly #everyMs: Millis;
  readonly #found: (addresses: readonly Address[]) => void;
  #peers: readonly HostPort[];
  #last = "";
  #disarm: () => void = () => {};
  #stopped = false;

  /** `found` hears a sorted list without duplicates. */
  constructor(
    options: { readonly clock: Clock; readonly dns: Dns; readonly everyMs?: Millis },
    peers: readonly HostPort[],
    found: (addresses: readonly Address[]) => void,
  ) {
    this.#clock = options.clock;
    this.#dns = options.dns;
    this.#everyMs = options.everyMs ?? RESOLVE_EVERY_MS;
    this.#peers = peers;
    this.#found = found;
  }

  /** Resolves now, hands over what is new, and arms the next round. */
  async look(): Promise<void> {
    this.#disarm();
    const lists = await Promise.all(this.#peers.map((peer) => resolveHostPort(peer, this.#dns)));
    if (this.#stopped) return;
    const addresses = [...new Set(lists.flat())].sort();
    // A name that does not resolve now takes nothing away: the finder only ever adds what it sees.
    const fresh = addresses.join(" ");
    if (addresses.length > 0 && fresh !== this.#last) {
      this.#last = fresh;
      this.#found(addresses);
    }
    this.#disarm = this.#clock.alarm(this.#clock.now() + this.#everyMs, () => void this.look());
  }

  /** Adds peers and looks at once. */
  async add(peers: readonly HostPort[]): Promise<void> {
    this.#peers = [...this.#peers, ...peers];
    await this.look();
  }

  /** Stops looking. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
  }
}
