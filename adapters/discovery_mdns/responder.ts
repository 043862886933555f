/**
 * Answers questions about this node: late enough for others to be quicker, and never more often than needed.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";
import type { Dice, MdnsEffects, Sender } from "./effects.ts";
import type { OwnRecords } from "./own_records.ts";
import { type MdnsPacket, packet } from "./packet.ts";
import { type MdnsRecord, recordKey, withTtl } from "./record.ts";
import { responses } from "./split.ts";

/** Where multicast DNS lives; who asks from elsewhere is a plain resolver (RFC 6762 6.7). */
export const MDNS_PORT = 5_353;

/** What several may answer is answered after 20 to 120 ms (6), after 400 to 500 ms where more known answers follow (7.2). */
const SHARED_MS: readonly [Millis, Millis] = [20, 120];
const TRUNCATED_MS: readonly [Millis, Millis] = [400, 500];
/** Nothing is told everybody more often than this; to those who ask for our names, a little more often (6). */
const AGAIN_MS: Millis = 1_000;
const AGAIN_PROBE_MS: Millis = 250;
/** What is due so soon goes into the same packet. */
const TOGETHER_MS: Millis = 20;
/** For plain resolvers, which would keep what is told for long (6.7). */
const PLAIN_TTL_S = 10;
/** Answers to plain resolvers in a second: nobody shall use us to flood somebody. */
const PLAIN_MAX = 20;
/** Questions looked at in a packet. */
const QUESTIONS_MAX = 64;
/** Askers remembered for one answer; above it, they all count as not answered yet. */
const ASKERS_MAX = 16;

interface Pending {
  readonly record: MdnsRecord;
  dueMs: Millis;
  /** Who wants it; a known answer of all of them makes it needless. */
  readonly askers: Set<string>;
}

/** One link's answers. */
interface LinkAnswers {
  readonly pending: Map<string, Pending>;
  /** When each record was told last. */
  readonly toldMs: Map<string, Millis>;
}

/** Answers for one node on all links. */
export class Responder {
  readonly #records: () => OwnRecords | undefined;
  readonly #dice: Dice;
  readonly #out: MdnsEffects;
  readonly #links = new Map<string, LinkAnswers>();
  #plainSinceMs: Millis = -Infinity;
  #plain = 0;

  /** `records` are those that may be told now. */
  constructor(records: () => OwnRecords | undefined, dice: Dice, out: MdnsEffects) {
    this.#records = records;
    this.#dice = dice;
    this.#out = out;
  }

  /** When {@linkcode tick} has something to do. */
  get deadlineMs(): Millis | undefined {
    let soonest: Millis | undefined;
    for (const { pending } of this.#links.values()) {
      for (const { dueMs } of pending.values()) soonest = Math.min(soonest ?? dueMs, dueMs);
    }
    return soonest;
  }

  /** Forgets a link that is gone. */
  forget(link: string): void {
    this.#links.delete(link);
  }

  /** Answers a question, or takes back what its asker knows. */
  onQuery(query: MdnsPacket, link: string, from: Sender, now: Millis): void {
    const records = this.#records();
    if (records === undefined) return;
    if (from.port !== MDNS_PORT) return this.#answerPlainly(query, records, link, from, now);
    const here = this.#on(link);
    const known = new Set(query.answers.filter((each) => suffices(each, records)).map(recordKey));
    for (const key of known) {
      const pending = here.pending.get(key);
      if (pending?.askers.delete(from.ip) && pending.askers.size === 0) here.pending.delete(key);
    }
    const isProbe = query.authorities.length > 0;
    for (const question of query.questions.slice(0, QUESTIONS_MAX)) {
      for (const record of records.answersTo(question)) {
        if (known.has(recordKey(record))) continue;
        this.#plan(record, here, from, now, { isProbe, more: query.truncated });
      }
    }
    this.tick(now);
  }

  /** Somebody else has told what we were about to, or takes back what still holds. */
  onResponse(response: MdnsPacket, link: string, now: Millis): void {
    const records = this.#records();
    if (records === undefined) return;
    const here = this.#on(link);
    for (const record of response.answers) {
      const own = records.find(record);
      if (own === undefined) continue;
      if (record.ttlS >= own.ttlS) here.pending.delete(recordKey(own));
      if (record.ttlS === 0) this.#add(here, own, now + this.#between(SHARED_MS), "everybody");
    }
  }

  /** Tells what is due. */
  tick(now: Millis): void {
    const records = this.#records();
    for (const [link, { pending, toldMs }] of this.#links) {
      if (records === undefined) {
        pending.clear();
        toldMs.clear();
      }
      if (![...pending.values()].some(({ dueMs }) => dueMs <= now)) continue;
      const due = [...pending].filter(([, { dueMs }]) => dueMs <= now + TOGETHER_MS);
      for (const [key] of due) {
        pending.delete(key);
        toldMs.set(key, now);
      }
      const answers = due.map(([, { record }]) => record);
      const more = records?.additionalTo(answers) ?? [];
      for (const each of responses(answers, more)) this.#out.send(link, each);
    }
  }

  #plan(
    record: MdnsRecord,
    here: LinkAnswers,
    from: Sender,
    now: Millis,
    how: { readonly isProbe: boolean; readonly more: boolean },
  ): void {
    const key = recordKey(record);
    const againMs = (here.toldMs.get(key) ?? -Infinity) +
      (how.isProbe ? AGAIN_PROBE_MS : AGAIN_MS);
    // Whoever asks so soon after has heard it, or asks again.
    if (now < againMs && !how.isProbe) return;
    const waitMs = how.more
      ? this.#between(TRUNCATED_MS)
      : record.unique
      ? 0
      : this.#between(SHARED_MS);
    this.#add(here, record, Math.max(now + waitMs, againMs), from.ip);
  }

  #add({ pending }: LinkAnswers, record: MdnsRecord, dueMs: Millis, asker: string): void {
    const key = recordKey(record);
    const found = pending.get(key) ?? { record, dueMs, askers: new Set() };
    found.dueMs = Math.min(found.dueMs, dueMs);
    found.askers.add(found.askers.size < ASKERS_MAX ? asker : "others");
    pending.set(key, found);
  }

  /** To somebody who does not take part: to them alone, at once, with their number and their question. */
  #answerPlainly(
    { id, questions }: MdnsPacket,
    records: OwnRecords,
    link: string,
    from: Sender,
    now: Millis,
  ): void {
    const asked = questions.slice(0, QUESTIONS_MAX);
    const answers = distinct(asked.flatMap((question) => records.answersTo(question)));
    if (answers.length === 0 || !this.#mayAnswerPlainly(now)) return;
    const plain = (list: readonly MdnsRecord[]): readonly MdnsRecord[] =>
      list.map((each) => ({ ...withTtl(each, Math.min(each.ttlS, PLAIN_TTL_S)), unique: false }));
    this.#out.send(
      link,
      packet({
        kind: "response",
        id,
        questions: asked.filter((question) => records.answersTo(question).length > 0),
        answers: plain(answers),
        additionals: plain(records.additionalTo(answers)),
      }),
      from,
    );
  }

  #mayAnswerPlainly(now: Millis): boolean {
    if (now >= this.#plainSinceMs + 1_000) [this.#plainSinceMs, this.#plain] = [now, 0];
    return ++this.#plain <= PLAIN_MAX;
  }

  #on(link: string): LinkAnswers {
    const found = this.#links.get(link) ?? { pending: new Map(), toldMs: new Map() };
    this.#links.set(link, found);
    return found;
  }

  #between([from, to]: readonly [Millis, Millis]): Millis {
    return from + this.#dice() * (to - from);
  }
}

/** Whether a known answer is fresh enough to keep quiet (RFC 6762 7.1). */
function suffices(known: MdnsRecord, records: OwnRecords): boolean {
  const own = records.find(known);
  return own !== undefined && known.ttlS >= own.ttlS / 2;
}

function distinct(records: readonly MdnsRecord[]): readonly MdnsRecord[] {
  return [
    ...new Map(records.map((each): [string, MdnsRecord] => [recordKey(each), each])).values(),
  ];
}
