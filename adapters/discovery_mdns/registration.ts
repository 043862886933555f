/**
 * Gets this node its names: asks whether somebody has them, takes others when so, tells, and keeps them.
 *
 * @module
 */

import type { DiscoverySelf, Millis } from "../../mod.ts";
import type { Dice, MdnsEffects } from "./effects.ts";
import { nameKey, SERVICE_TYPES } from "./names.ts";
import { OwnRecords } from "./own_records.ts";
import { type MdnsPacket, packet } from "./packet.ts";
import { compareRecords, type MdnsRecord, withTtl } from "./record.ts";
import { responses } from "./split.ts";

/** Three questions, a quarter of a second apart, the first within a quarter (RFC 6762 8.1). */
const PROBES = 3;
const PROBE_MS: Millis = 250;
/** Told at once and again: twice for packets that get lost (RFC 6762 8.3). */
const ANNOUNCE_AFTER_MS: readonly Millis[] = [0, 1_000, 2_000];
/** Whoever loses the name to somebody who asks at the same time looks later whether they took it (8.2). */
const DEFER_MS: Millis = 1_000;
/** After so many conflicts in so long, each further try waits (8.1). */
const CONFLICTS_MAX = 15;
const CONFLICTS_WITHIN_MS: Millis = 10_000;
const CONFLICT_PAUSE_MS: Millis = 5_000;

type Phase =
  | { readonly name: "silent" }
  | { readonly name: "probing"; readonly sent: number; readonly atMs: Millis }
  | { readonly name: "known"; readonly told: number; readonly atMs: Millis };

/** The registration of one node. */
export class Registration {
  readonly #service: string;
  readonly #self: DiscoverySelf;
  readonly #dice: Dice;
  readonly #out: MdnsEffects;
  #take = 1;
  #records: OwnRecords;
  #phase: Phase = { name: "silent" };
  /** When there was a conflict, the last ones. */
  #conflicts: Millis[] = [];
  /** There were too many of them; so it stays until a name is kept for a while. */
  #isSlow = false;

  /** `service` is the full name. */
  constructor(service: string, self: DiscoverySelf, dice: Dice, out: MdnsEffects) {
    this.#service = service;
    this.#self = self;
    this.#dice = dice;
    this.#out = out;
    this.#records = new OwnRecords(service, self, 1);
  }

  /** The records that are ours for certain; `undefined` before. */
  get records(): OwnRecords | undefined {
    return this.#phase.name === "known" ? this.#records : undefined;
  }

  /** Whether a record is what we say, or mean to say. */
  isOwn(record: MdnsRecord): boolean {
    return this.#phase.name !== "silent" && this.#records.find(record) !== undefined;
  }

  /** When {@linkcode tick} has something to do. */
  get deadlineMs(): Millis | undefined {
    return this.#phase.name === "silent" || this.#phase.atMs === Infinity
      ? undefined
      : this.#phase.atMs;
  }

  /** Goes for the names; does nothing when under way. */
  begin(now: Millis): void {
    if (this.#phase.name === "silent") this.#probe(now + this.#dice() * PROBE_MS);
  }

  /** Asks and tells again where the network may be another now. */
  again(now: Millis): void {
    if (this.#phase.name !== "silent") this.#probe(now + this.#dice() * PROBE_MS);
  }

  /** Takes everything back: a goodbye where somebody may have heard of us. */
  end(): void {
    if (this.#phase.name === "known") {
      // The type of service may be others' as well.
      const ours = this.#records.all.filter(({ name }) => name !== SERVICE_TYPES);
      for (const each of responses(ours.map((record) => withTtl(record, 0)))) {
        this.#out.sendAll(each);
      }
    }
    this.#phase = { name: "silent" };
  }

  /** Does what is due. */
  tick(now: Millis): void {
    const phase = this.#phase;
    if (phase.name === "silent" || now < phase.atMs) return;
    if (phase.name === "known") return this.#tell(phase.told, now);
    if (phase.sent === PROBES) return this.#tell(0, now);
    this.#out.sendAll(this.#question());
    this.#phase = { name: "probing", sent: phase.sent + 1, atMs: now + PROBE_MS };
  }

  /** Somebody answers: perhaps what we take for ours is theirs. */
  onResponse({ answers, additionals }: MdnsPacket, now: Millis): void {
    if (this.#phase.name === "silent") return;
    if (![...answers, ...additionals].some((record) => this.#contradicts(record))) return;
    this.#conflicts = [...this.#conflicts.filter((at) => at > now - CONFLICTS_WITHIN_MS), now]
      .slice(-CONFLICTS_MAX);
    // Known to all, we ask whether the other one means it; asking, we give way.
    if (this.#phase.name === "probing") this.#rename();
    this.#isSlow ||= this.#conflicts.length >= CONFLICTS_MAX;
    this.#probe(now + (this.#isSlow ? CONFLICT_PAUSE_MS : 0) + this.#dice() * PROBE_MS);
  }

  /** Somebody asks for names to take them; when it is ours that we ask for as well, one of us has to wait. */
  onProbe({ authorities }: MdnsPacket, now: Millis): void {
    if (this.#phase.name !== "probing") return;
    const { instance, host } = this.#records.names;
    for (const name of [instance, host]) {
      const theirs = authorities.filter((record) => nameKey(record.name) === nameKey(name));
      if (theirs.length > 0 && compareSets(this.#records.under(name), theirs) < 0) {
        return this.#probe(now + DEFER_MS);
      }
    }
  }

  #question(): MdnsPacket {
    const { names, unique } = this.#records;
    return packet({
      kind: "query",
      // Not by unicast: on a port that several programs share, the answer would reach just one of them.
      questions: [names.instance, names.host].map((name) => ({
        name,
        type: "ANY",
        unicast: false,
      })),
      authorities: unique.map((record) => ({ ...record, unique: false })),
    });
  }

  #probe(atMs: Millis): void {
    this.#phase = { name: "probing", sent: 0, atMs };
  }

  #tell(told: number, now: Millis): void {
    for (const each of responses(this.#records.all)) this.#out.sendAll(each);
    const after = ANNOUNCE_AFTER_MS[told + 1];
    this.#phase = { name: "known", told: told + 1, atMs: now + (after ?? Infinity) };
    if (told === 0) this.#out.announced(this.#records.names.instance);
    if (after === undefined) this.#isSlow = false;
  }

  #rename(): void {
    const from = this.#records.names.instance;
    this.#take++;
    this.#records = new OwnRecords(this.#service, this.#self, this.#take);
    this.#out.renamed(from, this.#records.names.instance);
  }

  /** Whether somebody says something else under one of our names; for names we only ask for, anything will do. */
  #contradicts(record: MdnsRecord): boolean {
    if (record.ttlS === 0 || !this.#records.owns(record.name) || this.isOwn(record)) return false;
    if (record.data.type === "NSEC") return false;
    return this.#phase.name === "probing" ||
      this.#records.under(record.name).some(({ data }) => data.type === record.data.type);
  }
}

/** Compares what two nodes mean to say under one name: below 0 when the first has to wait (RFC 6762 8.2.1). */
export function compareSets(ours: readonly MdnsRecord[], theirs: readonly MdnsRecord[]): number {
  const [a, b] = [ours.toSorted(compareRecords), theirs.toSorted(compareRecords)];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareRecords(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
