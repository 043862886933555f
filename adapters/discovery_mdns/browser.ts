/**
 * Asks who offers the service, no more often than needed, and keeps what is answered.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";
import type { Dice, MdnsEffects } from "./effects.ts";
import { type Instance, Instances } from "./instances.ts";
import { isWritable } from "./names.ts";
import type { MdnsPacket } from "./packet.ts";
import { type MdnsRecord, type Question, recordKey, setKey } from "./record.ts";
import { queries } from "./split.ts";

/** The first question comes by the dice, so that machines that start together don't ask together (RFC 6762 5.2). */
const FIRST_MS: readonly [Millis, Millis] = [20, 120];
/** From one question to the next, doubled each time up to the longest (5.2). */
const AGAIN_MIN_MS: Millis = 1_000;
const AGAIN_MAX_MS: Millis = 3_600_000;
/** What others ask so shortly before us, we need not ask (7.3). */
const SAVED_MS: Millis = 1_000;
/** And records that others ask for again, not within this part of their time: the next try comes after. */
const SAVED_PART = 0.05;
/** What is due so soon is asked along. */
const TOGETHER_MS: Millis = 500;
/** Questions for what an instance lacks: a second apart, then two, then four, then an hour. */
const TRIES_MAX = 4;
const WANTS_MAX = 1_024;
/** How often strangers that are spoken of make us ask anew. */
const NOTICE_MS: Millis = 30_000;

/** Something that an announced instance lacks. */
interface Want {
  readonly question: Question;
  tries: number;
  atMs: Millis;
}

/** Browses for one type of service. */
export class Browser {
  readonly #service: string;
  readonly #dice: Dice;
  readonly #out: MdnsEffects;
  readonly #instances: Instances;
  readonly #wants = new Map<string, Want>();
  #nextMs: Millis = Infinity;
  #intervalMs: Millis = AGAIN_MIN_MS;
  #noticedMs: Millis = -Infinity;
  #changed = false;

  /** `service` is the full name; instances that `isOwn` says are ours are not looked for. */
  constructor(
    service: string,
    isOwn: (instance: string) => boolean,
    dice: Dice,
    out: MdnsEffects,
  ) {
    this.#service = service;
    this.#dice = dice;
    this.#out = out;
    this.#instances = new Instances(service, isOwn, dice);
  }

  /** When {@linkcode tick} has something to do. */
  get deadlineMs(): Millis {
    let soonestMs = Math.min(this.#nextMs, this.#instances.deadlineMs);
    for (const { atMs } of this.#wants.values()) soonestMs = Math.min(soonestMs, atMs);
    return soonestMs;
  }

  /** Everybody of whom address and port are known. */
  instances(): readonly Instance[] {
    return this.#instances.list();
  }

  /** Whether {@linkcode instances} may answer something else than at the last call. */
  takeChanges(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Asks from the beginning: at the start, where the network has changed, and when somebody fell silent. */
  begin(now: Millis): void {
    this.#intervalMs = AGAIN_MIN_MS;
    this.#nextMs = now + this.#soon();
  }

  /** Keeps what is of use. */
  onResponse({ answers, additionals }: MdnsPacket, now: Millis): void {
    const learnt = this.#instances.learn([...answers, ...additionals], now);
    if (learnt.strangers.length > 0) this.#notice(now);
    if (learnt.isOfUse) this.#changed = true;
    for (const instance of learnt.instances) this.#wantMissing(instance, now);
  }

  /** Somebody asks what we would ask soon: the answer is for us as well. */
  onQuery({ questions, answers, truncated }: MdnsPacket, now: Millis): void {
    const known = answers.flatMap(({ data }) => data.type === "PTR" ? [data.target] : []);
    if (known.some((name) => this.#instances.isStranger(name))) this.#notice(now);
    for (const question of questions) {
      if (question.unicast) continue;
      const key = setKey(question.name, question.type);
      if (key === setKey(this.#service, "PTR")) this.#saveBrowse(answers, truncated, now);
      else {
        const want = this.#wants.get(key);
        if (want !== undefined && want.atMs <= now + SAVED_MS) tried(want, now);
        this.#instances.othersAsk(question, now, SAVED_PART);
      }
    }
  }

  /** Asks what is due, and ends what has to end. */
  tick(now: Millis): void {
    const { changed, isSilent } = this.#instances.end(now);
    if (changed) this.#changed = true;
    // A machine that was cut off may be back under another address by now; nobody tells us unasked.
    if (isSilent) this.begin(now);
    if (this.deadlineMs > now) return;
    const asked = new Map<string, Question>();
    const add = (question: Question): void => {
      if (isWritable(question.name)) asked.set(setKey(question.name, question.type), question);
    };
    this.#instances.refresh(now + TOGETHER_MS).forEach(add);
    for (const [key, want] of this.#wants) {
      if (want.atMs > now + TOGETHER_MS) continue;
      if (!this.#instances.isMissing(want.question)) {
        this.#wants.delete(key);
        continue;
      }
      add(want.question);
      tried(want, now);
    }
    const browses = asked.delete(setKey(this.#service, "PTR")) || this.#nextMs <= now;
    if (browses) {
      // The last: what is known stands beside it.
      add({ name: this.#service, type: "PTR", unicast: false });
      this.#browsed(now);
    }
    if (asked.size === 0) return;
    const known = browses ? this.#instances.known(now) : [];
    for (const each of queries([...asked.values()], known)) this.#out.sendAll(each);
  }

  /**
   * Others speak of an instance that we never heard of: we missed its announcement, as machines do that were cut off. What
   * others know is not believed, but asked for.
   */
  #notice(now: Millis): void {
    if (now < this.#noticedMs + NOTICE_MS) return;
    this.#noticedMs = now;
    this.begin(now);
  }

  /** Asks for what was not told along. */
  #wantMissing(instance: string, now: Millis): void {
    for (const question of this.#instances.missing(instance)) {
      const key = setKey(question.name, question.type);
      if (this.#wants.has(key) || this.#wants.size >= WANTS_MAX) continue;
      this.#wants.set(key, { question, tries: 0, atMs: now + this.#soon() });
    }
  }

  /** Whether somebody's question for the service makes ours needless. */
  #saveBrowse(theirs: readonly MdnsRecord[], truncated: boolean, now: Millis): void {
    if (this.#nextMs > now + SAVED_MS || truncated) return;
    const ours = new Set(this.#instances.known(now).map(recordKey));
    if (theirs.every((record) => ours.has(recordKey(record)))) this.#browsed(now);
  }

  #browsed(now: Millis): void {
    this.#nextMs = now + this.#intervalMs;
    this.#intervalMs = Math.min(2 * this.#intervalMs, AGAIN_MAX_MS);
  }

  #soon(): Millis {
    const [from, to] = FIRST_MS;
    return from + this.#dice() * (to - from);
  }
}

function tried(want: Want, now: Millis): void {
  want.tries++;
  want.atMs = now + (want.tries < TRIES_MAX ? AGAIN_MIN_MS * 2 ** (want.tries - 1) : AGAIN_MAX_MS);
}
