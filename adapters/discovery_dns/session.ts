/** @module */

import {
  type Candidate,
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
  type Millis,
} from "../../mod.ts";
import { Complaints } from "./complaints.ts";
import { Drops } from "./drops.ts";
import { Lookup, type Place } from "./lookup.ts";
import type { DnsCodec } from "./message.ts";
import type { ResolvedDnsDiscovery, WantedName } from "./options.ts";
import { addressesInHosts, expansionsOf, parseResolvConf, type ResolvConf } from "./resolv_conf.ts";
import { inLanes, Linked } from "./waiting.ts";

/** Names that are looked up at a time. */
const LANES_MAX = 8;
/** Candidates of all names together. */
const CANDIDATES_MAX = 4_096;

/** What is known of a name. */
interface Known {
  readonly wanted: WantedName;
  /** The last good answer: a failed lookup takes nothing away. */
  places: readonly Place[];
  /** When to ask again. */
  dueMs: Millis;
  /** The expansion that gave places last, tried first: the search list costs three questions for each of its domains. */
  expansion: string | undefined;
  failure: ClusterError | undefined;
}

/** Looks the names up, each as often as its records' time to live says. */
export class DnsSession implements DiscoverySession {
  readonly #options: ResolvedDnsDiscovery;
  readonly #context: DiscoveryContext;
  readonly #codec: DnsCodec;
  readonly #known: readonly Known[];
  readonly #drops: Drops = new Drops();
  readonly #complaints: Complaints;
  readonly #closing: AbortController = new AbortController();

  constructor(options: ResolvedDnsDiscovery, context: DiscoveryContext, codec: DnsCodec) {
    this.#options = options;
    this.#context = context;
    this.#codec = codec;
    this.#complaints = new Complaints(context.runtime.clock, context.say);
    this.#known = options.names.map((wanted) => ({
      wanted,
      places: [],
      dueMs: -Infinity,
      expansion: undefined,
      failure: undefined,
    }));
  }

  /** Asks for the names that are due; the others answer from memory. Rejects when all of them failed. */
  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    const { clock } = this.#context.runtime;
    const { timeoutMs } = this.#options;
    const stop = new Linked(signal, this.#closing.signal);
    const disarm = clock.alarm(clock.now() + timeoutMs, () => stop.end());
    try {
      this.#throwIfOver(signal);
      const due = this.#known.filter(({ dueMs }) => dueMs <= clock.now());
      const machine = await this.#machine();
      await inLanes(due, LANES_MAX, (known) => this.#refresh(known, machine, stop.signal));
      this.#throwIfOver(signal);
      this.#complaints.drops(this.#drops);
      return this.#answer();
    } finally {
      disarm();
      stop.end();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  #throwIfOver(signal: AbortSignal): void {
    if (this.#closing.signal.aborted) {
      throw new ClusterError("closed", "Cannot look names up by DNS: the session is closed");
    }
    if (signal.aborted) {
      throw new ClusterError("aborted", "Cannot look names up by DNS: the caller gave up", {
        cause: signal.reason,
      });
    }
  }

  #answer(): DiscoveryAnswer {
    const { clock } = this.#context.runtime;
    const failures = this.#known.map(({ failure }) => failure).filter((each) => each !== undefined);
    const [first] = failures;
    if (first !== undefined && failures.length === this.#known.length) {
      for (const known of this.#known) known.dueMs = -Infinity;
      throw first;
    }
    const candidates = new Map<string, Candidate>();
    for (const { wanted, places } of this.#known) {
      for (const { ip, port = wanted.port } of places) {
        candidates.set(`${ip} ${port ?? ""}`, {
          host: ip,
          ...(port === undefined ? {} : { port }),
        });
      }
    }
    this.#drops.add("too_many", candidates.size - CANDIDATES_MAX);
    const dueMs = Math.min(...this.#known.map((known) => known.dueMs));
    return {
      candidates: [...candidates.values()].slice(0, CANDIDATES_MAX),
      againMs: Math.max(dueMs - clock.now(), 1),
    };
  }

  /** Asks for one name, and notes what came of it. */
  async #refresh(known: Known, machine: Machine, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context.runtime;
    const { againMinMs, againMaxMs, timeoutMs } = this.#options;
    const { text } = known.wanted;
    try {
      const { places, ttlMs, failure } = await this.#find(known, machine, signal);
      known.places = places;
      known.failure = undefined;
      const goodMs = ttlMs === undefined || failure !== undefined ? againMinMs : ttlMs;
      known.dueMs = clock.now() + Math.min(Math.max(goodMs, againMinMs), againMaxMs);
      if (failure !== undefined) this.#complaints.lookup(text, failure.message);
      else if (places.length > 0) this.#complaints.settled(text);
      else this.#complaints.lookup(text, `"${text}" has no A, AAAA or SRV records`);
    } catch (error) {
      const isLate = ClusterError.is(error, "aborted");
      known.failure = ClusterError.is(error) && !isLate ? error : new ClusterError(
        "timeout",
        `Cannot look up "${text}" by DNS: not done within ${timeoutMs} ms, check the DNS server`,
        { cause: error },
      );
      known.dueMs = clock.now() + againMinMs;
      if (!this.#closing.signal.aborted) this.#complaints.lookup(text, known.failure.message);
    }
  }

  /** The first expansion of a name that gives places. Rejects when none does and a lookup failed. */
  async #find(
    known: Known,
    { resolv, hosts }: Machine,
    signal: AbortSignal,
  ): Promise<
    { places: readonly Place[]; ttlMs?: Millis | undefined; failure?: ClusterError | undefined }
  > {
    const { runtime } = this.#context;
    const { host } = known.wanted;
    const listed = addressesInHosts(hosts, host);
    if (listed.length > 0) return { places: listed.map((ip) => ({ ip })) };
    if (resolv === undefined) {
      const ips = await Promise.race([runtime.dns.addresses(host), aborted(signal)]);
      return { places: ips.map((ip) => ({ ip })) };
    }
    const lookup = new Lookup(
      { runtime, codec: this.#codec, drops: this.#drops },
      resolv.servers,
      signal,
    );
    const expansions = expansionsOf(host, resolv);
    const last = known.expansion;
    if (last !== undefined && expansions.includes(last)) expansions.unshift(last);
    let failure: unknown;
    let found: Awaited<ReturnType<Lookup["find"]>> | undefined;
    for (const expansion of new Set(expansions)) {
      try {
        const tried = await lookup.find(expansion);
        if (tried.places.length > 0) {
          known.expansion = expansion;
          return tried;
        }
        found ??= tried;
      } catch (error) {
        failure ??= error;
        if (signal.aborted) break;
      }
    }
    if (failure !== undefined) throw failure;
    return found ?? { places: [] };
  }

  /** How this machine looks names up, read anew: networks change. */
  async #machine(): Promise<Machine> {
    const { server } = this.#options;
    if (server !== undefined) {
      return { resolv: { servers: [server], search: [], dotsMin: 0 }, hosts: "" };
    }
    const { files } = this.#context.runtime;
    const read = (path: string): Promise<string | undefined> =>
      files.readText(path).catch(() => undefined);
    const [resolv, hosts] = await Promise.all([read("/etc/resolv.conf"), read("/etc/hosts")]);
    return {
      resolv: resolv === undefined ? undefined : parseResolvConf(resolv),
      hosts: hosts ?? "",
    };
  }
}

/** Rejects when `signal` aborts; `getaddrinfo` can't be stopped. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void =>
      reject(new ClusterError("aborted", "Cannot look a name up: it took too long"));
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail, { once: true });
  });
}

interface Machine {
  /** `undefined` where there is no such file: the platform's own resolver is asked, for addresses only. */
  readonly resolv: ResolvConf | undefined;
  readonly hosts: string;
}
