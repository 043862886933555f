/**
 * The instances of a service: what others told of them, from the service down to addresses.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";
import type { Dice } from "./effects.ts";
import { isInstanceOf, isWritable, nameKey } from "./names.ts";
import { type MdnsRecord, type Question, withTtl } from "./record.ts";
import { type Cached, RecordCache } from "./record_cache.ts";

/** Bounds on what others may make us keep; whoever is longest unheard of makes room. */
const INSTANCES_MAX = 1_024;
const SERVICES_MAX = 2;
const TEXTS_MAX = 1;
const ADDRESSES_MAX = 8;
/** Hosts that were a service's once stay known as such until there are so many. */
const HOSTS_MAX = 2 * SERVICES_MAX * INSTANCES_MAX;

/** One instance of the service, as far as it is known. */
export interface Instance {
  readonly name: string;
  readonly port: number;
  readonly host: string;
  readonly addresses: readonly string[];
  readonly strings: readonly Uint8Array[];
}

/** What a packet has brought. */
export interface Learnt {
  /** The instances of which it told something, addresses aside. */
  readonly instances: ReadonlySet<string>;
  /** Whether anything of use was in it. */
  readonly isOfUse: boolean;
  /** Instances that it speaks of and that nobody has announced to us. */
  readonly strangers: readonly string[];
}

/** The instances of one type of service but our own. */
export class Instances {
  readonly #service: string;
  readonly #isOwn: (instance: string) => boolean;
  readonly #cache: RecordCache;
  /** At least the hosts of all instances. */
  #hosts = new Set<string>();

  /** `service` is the full name; instances that `isOwn` says are ours are left out. */
  constructor(service: string, isOwn: (instance: string) => boolean, dice: Dice) {
    this.#service = service;
    this.#isOwn = isOwn;
    this.#cache = new RecordCache(dice);
  }

  /** When {@linkcode end} or {@linkcode refresh} has something to do. */
  get deadlineMs(): Millis {
    return this.#cache.deadlineMs;
  }

  /** Keeps what is of use. */
  learn(records: readonly MdnsRecord[], now: Millis): Learnt {
    const instances = new Set<string>();
    const strangers = new Set<string>();
    let kept = 0;
    // From the service to its addresses, as each is of use only with the one before.
    for (const types of [["PTR"], ["SRV", "TXT"], ["A", "AAAA"]]) {
      for (const record of records.filter(({ data }) => types.includes(data.type))) {
        const { name, data } = record;
        if (this.#isOfUse(record)) {
          this.#keep(record, now);
          kept++;
          if (data.type === "PTR") instances.add(data.target);
          else if (!types.includes("A")) instances.add(name);
        } else if (data.type === "SRV" && this.isStranger(name)) strangers.add(name);
      }
    }
    return { instances, isOfUse: kept > 0, strangers: [...strangers] };
  }

  /** Whether a name is an instance's of which we have not heard. */
  isStranger(name: string): boolean {
    return isInstanceOf(this.#service, name) && !this.#isOwn(name) && !this.#isAnnounced(name);
  }

  /** Ends what has to end; answers whether anything did, and whether somebody fell silent without a goodbye. */
  end(now: Millis): { readonly changed: boolean; readonly isSilent: boolean } {
    if (this.#cache.deadlineMs > now) return { changed: false, isSilent: false };
    const ended = this.#cache.expire(now);
    if (ended.length === 0) return { changed: false, isSilent: false };
    this.#cache.keep(({ record, isStale }) => !(isStale && record.data.type === "PTR"));
    this.#prune();
    const isSilent = ended.some((each) =>
      each.isStale && this.#cache.find(each.record) !== undefined
    );
    return { changed: true, isSilent };
  }

  /** What has to be asked for again by `now` so that it does not end; it counts as asked. */
  refresh(now: Millis): readonly Question[] {
    return this.#cache.toRefresh(now).map((cached) => {
      this.#cache.wasAsked(cached);
      return { name: cached.record.name, type: cached.record.data.type, unicast: false };
    });
  }

  /** Somebody else asks: what we would ask again in the next part of its time need not be. */
  othersAsk({ name, type }: Question, now: Millis, part: number): void {
    for (const cached of this.#cache.all(name, type)) {
      const savedMs = cached.record.ttlS * 1_000 * part;
      if (cached.refreshMs <= now + savedMs) this.#cache.wasAsked(cached);
    }
  }

  /** Everybody of whom address and port are known, or were until they fell silent. */
  list(): readonly Instance[] {
    return this.#names().flatMap((name): Instance[] => {
      const service = this.#cache.all(name, "SRV").at(-1)?.record.data;
      if (service?.type !== "SRV") return [];
      const { target: host, port } = service;
      const addresses = ["A", "AAAA"].flatMap((type) =>
        this.#cache.all(host, type).flatMap(({ record: { data } }) =>
          data.type === "A" || data.type === "AAAA" ? [data.ip] : []
        )
      );
      const text = this.#cache.all(name, "TXT").at(-1)?.record.data;
      const strings = text?.type === "TXT" ? text.strings : [];
      return addresses.length === 0 ? [] : [{ name, host, port, addresses, strings }];
    });
  }

  /** What need not be told us: fresh, and with everything that hangs on it (RFC 6762 7.1). */
  known(now: Millis): readonly MdnsRecord[] {
    return this.#cache.all(this.#service, "PTR").flatMap((cached) => {
      const { record, expiresMs } = cached;
      const leftS = Math.floor((expiresMs - now) / 1_000);
      if (leftS < record.ttlS / 2 || cached.isDoomed || !this.#isWhole(record)) return [];
      return [withTtl(record, leftS)];
    });
  }

  /** What an instance lacks that was announced. */
  missing(instance: string): readonly Question[] {
    if (!this.#isAnnounced(instance)) return [];
    const hosts = this.#cache.all(instance, "SRV").flatMap(({ record: { data } }) =>
      data.type === "SRV" ? [data.target] : []
    );
    const questions = [
      ...["SRV", "TXT"].map((type) => ({ name: instance, type, unicast: false })),
      ...hosts.flatMap((name) => ["A", "AAAA"].map((type) => ({ name, type, unicast: false }))),
    ];
    return questions.filter((question) => this.isMissing(question));
  }

  /** Whether nothing is known under a name of which something should be. */
  isMissing({ name, type }: Question): boolean {
    if (type === "SRV" || type === "TXT") {
      return this.#isAnnounced(name) && this.#cache.count(name, type) === 0;
    }
    return this.#hosts.has(nameKey(name)) &&
      this.#cache.count(name, "A") + this.#cache.count(name, "AAAA") === 0;
  }

  /** The names of all instances but our own, the one longest unheard of first. */
  #names(): readonly string[] {
    return this.#cache.all(this.#service, "PTR").flatMap(({ record: { data } }) =>
      data.type === "PTR" && !this.#isOwn(data.target) ? [data.target] : []
    );
  }

  #isAnnounced(instance: string): boolean {
    const data = { type: "PTR", target: instance } as const;
    const pointer = { name: this.#service, ttlS: 0, unique: false, data };
    return this.#cache.find(pointer) !== undefined;
  }

  #isOfUse({ name, data }: MdnsRecord): boolean {
    switch (data.type) {
      case "PTR":
        return nameKey(name) === nameKey(this.#service) &&
          isInstanceOf(this.#service, data.target) && !this.#isOwn(data.target);
      case "SRV":
      case "TXT":
        return this.#isAnnounced(name);
      default:
        return this.#hosts.has(nameKey(name));
    }
  }

  #keep(record: MdnsRecord, now: Millis): void {
    switch (record.data.type) {
      case "PTR": {
        // Nobody has the service alone, whatever they say.
        const gone = this.#cache.put({ ...record, unique: false }, INSTANCES_MAX, now);
        if (gone?.data.type === "PTR") {
          for (const type of ["SRV", "TXT"]) this.#cache.drop(gone.data.target, type);
        }
        return;
      }
      case "SRV":
        this.#cache.put(record, SERVICES_MAX, now);
        this.#hosts.add(nameKey(record.data.target));
        if (this.#hosts.size > HOSTS_MAX) this.#prune();
        return;
      case "TXT":
        this.#cache.put(record, TEXTS_MAX, now);
        return;
      default:
        this.#cache.put(record, ADDRESSES_MAX, now);
    }
  }

  /** Drops what hangs on nothing. */
  #prune(): void {
    const names = new Set(this.#names().map(nameKey));
    this.#cache.keep(({ record: { name, data } }) =>
      (data.type !== "SRV" && data.type !== "TXT") || names.has(nameKey(name))
    );
    const services = [...names].flatMap((name) => this.#cache.all(name, "SRV"));
    this.#hosts = new Set(services.flatMap(({ record: { data } }) => {
      return data.type === "SRV" ? [nameKey(data.target)] : [];
    }));
    this.#cache.keep(({ record: { name, data } }) =>
      (data.type !== "A" && data.type !== "AAAA") || this.#hosts.has(nameKey(name))
    );
  }

  #isWhole({ data }: MdnsRecord): boolean {
    if (data.type !== "PTR" || !isWritable(data.target)) return false;
    return fresh(this.#cache.all(data.target, "SRV")).some(({ record }) => {
      if (record.data.type !== "SRV") return false;
      const { target } = record.data;
      return ["A", "AAAA"].some((type) => fresh(this.#cache.all(target, type)).length > 0);
    });
  }
}

function fresh(all: readonly Cached[]): readonly Cached[] {
  return all.filter(({ isStale }) => !isStale);
}
