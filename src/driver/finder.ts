/**
 * Looks for peers for as long as the node lives: configured ones, whose names are resolved again and again, and those
 * of any number of discovery sources, together. It only ever adds; members leave by gossip alone.
 *
 * @module
 */

import type { HostPort } from "../config/host_port.ts";
import { AddressSpace } from "../core/address_space.ts";
import type { Address, Millis } from "../core/machine.ts";
import type { Rng } from "../core/rng.ts";
import { LogLimit, type SayRecord } from "../discovery/log_limit.ts";
import { SourceLoop } from "../discovery/source_loop.ts";
import type { Clock } from "../ports/clock.ts";
import type { Candidate, DiscoveryContext, DiscoveryProvider } from "../ports/discovery.ts";
import type { Dns } from "../ports/dns.ts";
import type { DiscoveryChange, DiscoveryReport } from "./discovery_report.ts";
import { SourcePlaces } from "./source_places.ts";
import { StaticPeers } from "./static_peers.ts";

/** How often names are resolved again; addresses of pods and containers change. */
export const RESOLVE_EVERY_MS = 10_000;

/** A way to find peers and what is done with its answers. */
export interface FinderSource {
  readonly provider: DiscoveryProvider;
  /** For hosts that carry no port; `undefined`: our own gossip port. */
  readonly defaultPort: number | undefined;
  /** CIDR blocks; empty lets every address pass. */
  readonly allowed: readonly string[];
}

/** What a finder needs and whom it tells. */
export interface FinderOptions {
  readonly clock: Clock;
  readonly dns: Dns;
  /** Between two rounds. @default {10000} */
  readonly everyMs?: Millis;
  /** Hears all addresses, sorted and without duplicates, whenever they have changed, and which of them are new. */
  readonly onFound: (addresses: readonly Address[], fresh: readonly Address[]) => void;
  /** Hears which names of peers gave no address, whenever that has changed; empty: all did. */
  readonly onUnresolved: (names: readonly string[]) => void;
  /** Discovery, if there is any. */
  readonly discovery?: FinderDiscovery;
}

/** What discovery needs. */
export interface FinderDiscovery {
  readonly sources: readonly FinderSource[];
  readonly rng: Rng;
  readonly say: SayRecord;
  /** What sessions are told of this node. */
  readonly context: Omit<DiscoveryContext, "say" | "forgotten">;
  /** Whether that is this node itself. */
  readonly isSelf: (ip: string, port: number) => boolean;
  /** Hears what changes at a source. */
  readonly onChange: (change: DiscoveryChange, source: string) => void;
}

/** A source with what it has found. */
interface Running {
  readonly loop: SourceLoop;
  readonly places: SourcePlaces;
  readonly log: LogLimit;
}

/** Looks for peers, again and again. */
export class Finder implements AsyncDisposable {
  readonly #options: FinderOptions;
  readonly #peers: StaticPeers;
  readonly #running: readonly Running[];
  #found: readonly Address[] = [];
  #unresolved = "";
  #disarm: () => void = () => {};
  #stopped = false;

  /** Looks for nobody before `look` or `start`. */
  constructor(options: FinderOptions, peers: readonly HostPort[]) {
    this.#options = options;
    this.#peers = new StaticPeers(options.dns, peers);
    this.#running = options.discovery === undefined ? [] : this.#make(options.discovery);
  }

  /** Starts every source and looks for the first time; rejects with `bad-config` when one can't work here. */
  async start(): Promise<void> {
    await Promise.all(this.#running.map(({ loop }) => loop.start()));
    void this.look();
  }

  /** Resolves everything now and arms the next round; answers all addresses known. */
  async look(): Promise<readonly Address[]> {
    this.#disarm();
    const named = this.#running.filter(({ places }) => places.hasNames);
    await Promise.all([this.#peers.resolve(), ...named.map(({ places }) => places.resolve())]);
    if (this.#stopped) return [];
    const { clock, everyMs = RESOLVE_EVERY_MS } = this.#options;
    this.#disarm = clock.alarm(clock.now() + everyMs, () => void this.look());
    return this.#tell();
  }

  /** Adds peers for good and resolves them now; answers their addresses. */
  async add(peers: readonly HostPort[]): Promise<readonly Address[]> {
    const addresses = await this.#peers.add(peers);
    if (!this.#stopped) this.#tell();
    return addresses;
  }

  /** How every way to find peers is doing; `live` are the addresses of alive members. */
  reports(live: ReadonlySet<Address>): readonly DiscoveryReport[] {
    const joined = (addresses: readonly Address[]): number =>
      addresses.filter((address) => live.has(address)).length;
    const configured = this.#peers.addresses;
    const peers: readonly DiscoveryReport[] = this.#peers.isEmpty ? [] : [
      {
        source: "peers",
        candidates: configured.length,
        joined: joined(configured),
        skipped: 0,
        unresolved: this.#peers.unresolved,
        lastSuccessMs: undefined,
        lastError: undefined,
        failures: 0,
        announced: undefined,
      },
    ];
    return [
      ...peers,
      ...this.#running.map(({ loop, places }) => ({
        source: loop.name,
        candidates: places.addresses.length,
        joined: joined(places.addresses),
        skipped: places.skipped,
        unresolved: places.unresolved,
        ...loop.state,
      })),
    ];
  }

  /** Everybody who was ever configured or is listed now. */
  get addresses(): readonly Address[] {
    return this.#found;
  }

  /** Takes this node out of every source that tells of it; takes a few seconds at most, and never rejects. */
  async withdraw(): Promise<void> {
    await Promise.all(this.#running.map(({ loop }) => loop.withdraw()));
  }

  /** Stops looking. */
  stop(): void {
    this.#stopped = true;
    this.#disarm();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await Promise.all(this.#running.map(({ loop }) => loop[Symbol.asyncDispose]()));
  }

  #make(discovery: FinderDiscovery): readonly Running[] {
    const { clock, dns } = this.#options;
    const { rng, say, context, isSelf, onChange } = discovery;
    const names = new Map<string, number>();
    return discovery.sources.map(({ provider, defaultPort, allowed }) => {
      const count = (names.get(provider.name) ?? 0) + 1;
      names.set(provider.name, count);
      const name = count === 1 ? provider.name : `${provider.name}-${count}`;
      const log = new LogLimit(
        clock,
        (level, message, fields) => say(level, message, { source: name, ...fields }),
      );
      const places = new SourcePlaces({
        dns,
        defaultPort: defaultPort ?? context.self.port,
        space: new AddressSpace(allowed),
        isSelf,
        log,
      });
      const loop = new SourceLoop({
        name,
        provider,
        clock,
        rng: rng.fork(),
        context,
        say,
        onAnswer: (candidates) => void this.#take({ loop, places, log }, candidates),
        onChange: (change) => onChange(change, name),
      });
      return { loop, places, log };
    });
  }

  async #take({ loop, places, log }: Running, candidates: readonly Candidate[]): Promise<void> {
    const isFirst = !places.hasAnswer;
    const before = new Set(places.addresses);
    if (!await places.take(candidates) || this.#stopped) return;
    const fresh = places.addresses.filter((address) => !before.has(address)).length;
    const fields = { nodes: places.addresses.length, new: fresh, skipped: places.skipped };
    if (fresh > 0) log.say("info", `discovered ${places.addresses.length} nodes`, fields);
    else log.say(isFirst ? "info" : "debug", "no new nodes discovered", fields);
    if (fresh > 0) this.#options.discovery?.onChange("found", loop.name);
    this.#tell();
  }

  #tell(): readonly Address[] {
    const unresolved = this.#peers.unresolved;
    if (unresolved.join(" ") !== this.#unresolved) {
      this.#unresolved = unresolved.join(" ");
      this.#options.onUnresolved(unresolved);
    }
    const listed = this.#running.flatMap(({ places }) => places.addresses);
    const addresses = [...new Set([...this.#peers.addresses, ...listed])].sort();
    const known = new Set(this.#found);
    const fresh = addresses.filter((address) => !known.has(address));
    if (fresh.length > 0 || addresses.length !== known.size) {
      this.#found = addresses;
      this.#options.onFound(addresses, fresh);
    }
    return addresses;
  }
}
