/** @module */

import { type Address, ClusterError, type Millis } from "../../mod.ts";
import { ask, type ExchangeOptions } from "./exchange.ts";
import type { DnsMessage, DnsRecord, Question, QuestionType } from "./message.ts";
import { inLanes, Linked, Waker } from "./waiting.ts";

/** A place that a name leads to. */
export interface Place {
  readonly ip: string;
  /** Of an SRV record; absent: the name says none. */
  readonly port?: number;
}

/** What one complete name gave. */
export interface Found {
  readonly places: readonly Place[];
  /** How long all of it is good, as its records say; `undefined` when there is none. */
  readonly ttlMs: Millis | undefined;
  /** Why a part is missing; the rest counts. */
  readonly failure: ClusterError | undefined;
}

/** Names that point to names, one after the other (RFC 1034, 3.6.2 sets no limit; resolvers do). */
const CNAMES_MAX = 8;
/** SRV targets of one name that are looked up. */
const TARGETS_MAX = 256;
/** Addresses of one name, those of its SRV targets among them. */
const PLACES_MAX = 2_048;
/** SRV targets that are looked up at a time. */
const LANES_MAX = 8;
/** When one kind of record has come, how long the others are waited for: some servers never answer for some kinds. */
const STRAGGLER_MS = 500;

/** Records of one kind and of one name, aliases followed. */
interface Answered {
  readonly records: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly ttlMs: Millis | undefined;
}

/** Asks for all that a name may lead to, for as long as `signal` lets it. */
export class Lookup {
  readonly #options: ExchangeOptions;
  readonly #servers: readonly Address[];
  readonly #signal: AbortSignal;

  constructor(options: ExchangeOptions, servers: readonly Address[], signal: AbortSignal) {
    this.#options = options;
    this.#servers = servers;
    this.#signal = signal;
  }

  /**
   * The addresses of a complete name, and the addresses and ports that its SRV records lead to. Rejects when nothing was
   * found and a server failed; a name that does not exist, or has no such records, gives no places.
   */
  async find(name: string): Promise<Found> {
    const types = ["A", "AAAA", "SRV"] as const;
    const { answers, failure } = await this.#all(types.map((type) => ({ name, type })));
    const all = answers.flatMap(({ records }) => records);
    const own = placesOf(all);
    const listed = new Set(own.map(({ ip }) => ip));
    const { places: served, ttls, failure: targetFailure } = await this.#targets(
      all.filter((record) => record.type === "SRV"),
      answers.flatMap(({ additionals }) => additionals),
    );
    // A name that lists its hosts by address says with SRV what ports they have (a Service of Kubernetes: every port of
    // every pod). Gossip is on one of them, so only hosts that are not listed yet are of use.
    const others = served.filter(({ ip }) => !listed.has(ip));
    const places = distinct([...own, ...others]);
    this.#options.drops.add("too_many", places.length - PLACES_MAX);
    return {
      places: places.slice(0, PLACES_MAX),
      ttlMs: least([...answers.map(({ ttlMs }) => ttlMs), ...ttls]),
      failure: failure ?? targetFailure,
    };
  }

  /** The places of SRV targets: from what the server has added, else asked for. */
  async #targets(
    services: readonly (DnsRecord & { readonly type: "SRV" })[],
    additionals: readonly DnsRecord[],
  ): Promise<{ places: Place[]; ttls: (Millis | undefined)[]; failure: ClusterError | undefined }> {
    const targets = [...new Set(services.map(({ target }) => target))];
    this.#options.drops.add("too_many", targets.length - TARGETS_MAX);
    const records = new Map<string, readonly DnsRecord[]>();
    const ttls: (Millis | undefined)[] = [];
    let failure: ClusterError | undefined;
    let count = 0;
    await inLanes(targets.slice(0, TARGETS_MAX), LANES_MAX, async (target) => {
      if (count >= PLACES_MAX) return this.#options.drops.add("too_many");
      const added = additionals.filter(({ name, type }) => name === target && isAddress(type));
      if (added.length > 0) {
        records.set(target, added);
        count += added.length;
        ttls.push(...added.map(({ ttlMs }) => ttlMs));
        return;
      }
      try {
        const questions = (["A", "AAAA"] as const).map((type) => ({ name: target, type }));
        const found = await this.#all(questions);
        const all = found.answers.flatMap((answer) => answer.records);
        records.set(target, all);
        count += all.length;
        ttls.push(...found.answers.map(({ ttlMs }) => ttlMs));
        failure ??= found.failure;
      } catch (error) {
        failure ??= asClusterError(error);
      }
    });
    const places = services.flatMap(({ target, port }) =>
      placesOf(records.get(target) ?? []).map(({ ip }) => ({ ip, port }))
    );
    return { places, ttls, failure };
  }

  /** The answers to several questions about one name. Rejects when none of them gave a record and one failed. */
  async #all(
    questions: readonly Question[],
  ): Promise<{ answers: readonly Answered[]; failure: ClusterError | undefined }> {
    const { clock } = this.#options.runtime;
    const stop = new Linked(this.#signal);
    const answers: Answered[] = [];
    const straggling = new Waker();
    let failure: ClusterError | undefined;
    let open = questions.length;
    let waits: Promise<void> | undefined;
    await new Promise<void>((resolve) => {
      for (const question of questions) {
        this.#records(question, stop.signal).then((answer) => {
          answers.push(answer);
          if (answer.records.length === 0) return;
          waits ??= straggling.wait(clock, STRAGGLER_MS, stop.signal).then(resolve);
        }, (error: unknown) => {
          failure ??= asClusterError(error);
        }).finally(() => {
          if (--open === 0) resolve();
        });
      }
    });
    const found = [...answers];
    const problem = failure;
    straggling.wake();
    stop.end();
    if (problem !== undefined && found.every(({ records }) => records.length === 0)) throw problem;
    return { answers: found, failure: problem };
  }

  /** Follows aliases: inside of an answer, and by new questions where the answer ends at one. */
  async #records({ name, type }: Question, signal: AbortSignal): Promise<Answered> {
    const ttls: Millis[] = [];
    let current = name;
    for (let step = 0; step <= CNAMES_MAX; step++) {
      const asked = { name: current, type };
      const message = await ask(asked, this.#servers, this.#options, signal);
      const end = endOfAliases(message, current, ttls);
      const records = message.answers.filter((each) => each.type === type && each.name === end);
      this.#options.drops.add("wrong_name", strangers(message, current, type));
      if (records.length > 0 || end === current) {
        const ttlMs = least([...ttls, ...records.map((each) => each.ttlMs)]);
        return { records, additionals: message.additionals, ttlMs };
      }
      current = end;
    }
    throw new ClusterError(
      "bad-data",
      `Cannot look up ${type} of "${name}" by DNS: more than ${CNAMES_MAX} aliases lead on from it, shorten them`,
    );
  }
}

/** Where the aliases of an answer lead; their times to live are added to `ttls`. */
function endOfAliases(message: DnsMessage, name: string, ttls: Millis[]): string {
  let current = name;
  for (let step = 0; step < CNAMES_MAX; step++) {
    const alias = message.answers.find((each) => each.type === "CNAME" && each.name === current);
    if (alias?.type !== "CNAME") break;
    ttls.push(alias.ttlMs);
    current = alias.target;
  }
  return current;
}

/** How many records of the kind asked for are of names that were not asked for. */
function strangers(message: DnsMessage, name: string, type: QuestionType): number {
  const end = endOfAliases(message, name, []);
  return message.answers.filter((each) => each.type === type && each.name !== end).length;
}

function placesOf(records: readonly DnsRecord[]): Place[] {
  return records.flatMap((record) => {
    return record.type === "A" || record.type === "AAAA" ? [{ ip: record.ip }] : [];
  });
}

function distinct(places: readonly Place[]): Place[] {
  return [...new Map(places.map((place) => [`${place.ip} ${place.port ?? ""}`, place])).values()];
}

function isAddress(type: string): boolean {
  return type === "A" || type === "AAAA";
}

function least(times: readonly (Millis | undefined)[]): Millis | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b));
}

function asClusterError(error: unknown): ClusterError {
  if (ClusterError.is(error)) return error;
  return new ClusterError("unreachable", `Cannot look up a name by DNS: ${String(error)}`, {
    cause: error,
  });
}
