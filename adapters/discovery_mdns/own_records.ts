/**
 * The records of this node, and which of them answer a question.
 *
 * @module
 */

import type { DiscoverySelf } from "../../mod.ts";
import { nameKey, type OwnNames, ownNames, SERVICE_TYPES } from "./names.ts";
import { type MdnsRecord, type Question, recordKey } from "./record.ts";
import { textOf } from "./txt.ts";

/** Records with a host or an address in them, as these may move (RFC 6762 10). */
const HOST_TTL_S = 120;
/** All others. */
const OTHER_TTL_S = 4_500;

/** What this node says under one set of names. */
export class OwnRecords {
  readonly names: OwnNames;
  /** Everything there is to announce. */
  readonly all: readonly MdnsRecord[];
  /** Those under names that nobody else may have. */
  readonly unique: readonly MdnsRecord[];
  readonly #pointer: MdnsRecord;
  readonly #srv: MdnsRecord;
  readonly #txt: MdnsRecord;
  readonly #address: MdnsRecord;
  readonly #byKey: ReadonlyMap<string, MdnsRecord>;
  readonly #ownKeys: ReadonlySet<string>;

  /** `service` is the full name, `take` as in `ownNames`. */
  constructor(service: string, self: DiscoverySelf, take: number) {
    const { instance, host } = this.names = ownNames(service, self.nodeId, self.port, take);
    const owned = { unique: true, ttlS: HOST_TTL_S };
    const shared = { unique: false, ttlS: OTHER_TTL_S };
    this.#pointer = { name: service, ...shared, data: { type: "PTR", target: instance } };
    this.#srv = {
      name: instance,
      ...owned,
      data: { type: "SRV", port: self.port, target: host },
    };
    this.#txt = {
      name: instance,
      unique: true,
      ttlS: OTHER_TTL_S,
      data: { type: "TXT", strings: textOf(self) },
    };
    const type = self.ip.includes(":") ? "AAAA" : "A";
    this.#address = { name: host, ...owned, data: { type, ip: self.ip } };
    const kind: MdnsRecord = {
      name: SERVICE_TYPES,
      ...shared,
      data: { type: "PTR", target: service },
    };
    this.all = [this.#pointer, this.#srv, this.#txt, this.#address, kind];
    this.unique = [this.#srv, this.#txt, this.#address];
    this.#byKey = new Map(this.all.map((record) => [recordKey(record), record]));
    this.#ownKeys = new Set([nameKey(instance), nameKey(host)]);
  }

  /** The record of ours that says the same. */
  find(record: MdnsRecord): MdnsRecord | undefined {
    return this.#byKey.get(recordKey(record));
  }

  /** Whether nobody else may have the name. */
  owns(name: string): boolean {
    return this.#ownKeys.has(nameKey(name));
  }

  /** Our records under one of our own names. */
  under(name: string): readonly MdnsRecord[] {
    const key = nameKey(name);
    return this.unique.filter((record) => nameKey(record.name) === key);
  }

  /** The answers to a question; under our own names also the answer that there is none. */
  answersTo({ name, type }: Question): readonly MdnsRecord[] {
    const key = nameKey(name);
    const here = this.all.filter((record) => nameKey(record.name) === key);
    const fit = here.filter(({ data }) => type === "ANY" || data.type === type);
    if (fit.length > 0 || here.length === 0 || !this.owns(name)) return fit;
    const types = here.map(({ data }) => data.type);
    return [{ name: here[0]!.name, unique: true, ttlS: HOST_TTL_S, data: { type: "NSEC", types } }];
  }

  /** What somebody who gets these answers will ask for next (RFC 6763 12). */
  additionalTo(answers: readonly MdnsRecord[]): readonly MdnsRecord[] {
    const more = new Set<MdnsRecord>();
    for (const answer of answers) {
      const key = recordKey(answer);
      if (key === recordKey(this.#pointer)) more.add(this.#srv).add(this.#txt).add(this.#address);
      if (key === recordKey(this.#srv)) more.add(this.#address);
    }
    const given = new Set(answers.map(recordKey));
    return [...more].filter((record) => !given.has(recordKey(record)));
  }
}
