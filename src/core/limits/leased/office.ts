/**
 * The root of one shard, in office: grants, keeps the voters informed, and keeps the list of voters fresh.
 *
 * Invariant: the ledger here contains every grant that any holder may be using, because each was written down by a
 * quorum before its holder was told, and every quorum shares a voter with the one that promised this office; and no
 * holder is told of a grant before a quorum has written it down under this office's epoch.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type {
  Epoch,
  LeasedLimitFacts,
  LeaseWindow,
  LedgerSlice,
  LimitTerms,
  VoterList,
} from "./contract.ts";
import { grantSize, isScarce } from "./granting.ts";
import type { AnswerItem, Ask, AskItem, Store, Stored, StoreSlice, Verdict } from "./messages.ts";
import { OfficeList } from "./office_list.ts";
import { type ChangeCount, RootBook, type RootRow, type RootSlice } from "./root_book.ts";
import type { RootWorld } from "./root_world.ts";

/** Boots that may hold rights of one limit in one window. */
const HOLDERS_MAX = 4096;

/** How long an answer waits for a quorum. */
const WAIT_MS_MAX = 10_000;

/** Of this many rounds of repetition, dead voters take part in one. */
const DEAD_ROUNDS = 8;

/** See the module. */
export class Office {
  readonly epoch: Epoch;
  readonly #shard: number;
  readonly #world: RootWorld;
  readonly #books: Map<string, RootBook> = new Map();
  readonly #list: OfficeList;
  /** Slices that some voter lacks, and their books. */
  readonly #unsettled: Map<RootSlice, RootBook> = new Map();
  /** Slices that changed since the last sending. */
  readonly #fresh: Set<RootSlice> = new Set();
  readonly #count: ChangeCount = { value: 0 };
  #retryAt: Millis;
  #round = 0;

  /** Takes office with what a quorum handed over. */
  constructor(
    world: RootWorld,
    shard: number,
    epoch: Epoch,
    list: VoterList,
    slices: Iterable<LedgerSlice>,
    now: Millis,
  ) {
    this.#world = world;
    this.#shard = shard;
    this.epoch = epoch;
    this.#list = new OfficeList(world, shard, epoch, list);
    this.#retryAt = now + world.config.retryMs;
    if (world.rules.keepsLedger) this.#adopt(slices, now);
  }

  /** The list as it is now. */
  get list(): VoterList {
    return this.#list.current;
  }

  /** When {@linkcode tick} is wanted. */
  get deadline(): Millis {
    return this.#retryAt;
  }

  /** Limits with a ledger here. */
  get books(): ReadonlyMap<string, RootBook> {
    return this.#books;
  }

  /** Answers a holder's question about one limit, now or when a quorum has written it down. */
  ask(ask: Ask, item: AskItem, node: string, now: Millis): void {
    const world = this.#world;
    const facts = world.limits.get(item.limit);
    if (facts === undefined) return this.#later(ask, item, node);
    let book = this.#books.get(item.limit);
    if (book === undefined) {
      book = new RootBook(item.limit, facts, facts.span, this.#count);
      this.#books.set(item.limit, book);
    }
    const wallMs = now + world.offsetMs;
    const window = facts.windowAt(wallMs);
    const isCurrent = item.window !== undefined && item.window.order === window?.order;
    if (!isCurrent && item.window !== undefined) {
      this.#report(book, ask, item, item.window, node, now);
    }
    if (item.want < 0 && !isCurrent) return;
    this.#learn(book, facts);
    book.span = facts.span;
    const isAhead = item.window !== undefined && window !== undefined &&
      item.window.order > window.order;
    if (window === undefined || isAhead || window.order < book.newest) {
      if (isCurrent) this.#report(book, ask, item, window as LeaseWindow, node, now);
      return this.#later(ask, item, node);
    }
    // Every window of the ring must still be known: what was let go of might be full.
    if (window.order - book.span < book.closed) {
      this.#say(ask, node, { type: "over", limit: item.limit, order: window.order });
      return;
    }
    this.#grant(book, ask, item, window, isCurrent, node, now);
  }

  /** A voter wrote something down, or refused to. */
  stored(message: Stored, now: Millis): void {
    const { voter, listNumber } = message;
    const isNews = this.#list.acknowledged(voter, listNumber);
    for (const verdict of message.verdicts) this.#judge(voter, verdict);
    if (isNews || this.#list.isChanging) this.#changeList(now);
  }

  /** The definition of a limit changed: what voters refused under the old one is offered under the new one. */
  limit(facts: LeasedLimitFacts): void {
    const book = this.#books.get(facts.key);
    if (book !== undefined) this.#learn(book, facts);
  }

  /** The members changed. */
  members(now: Millis): void {
    this.#changeList(now);
  }

  /** Repeats what was not answered. */
  tick(now: Millis): void {
    if (now < this.#retryAt) return;
    this.#retryAt = now + this.#world.config.retryMs;
    this.#round++;
    this.#changeList(now);
    for (const slice of this.#unsettled.keys()) this.#expire(slice, now);
    const inDead = this.#round % DEAD_ROUNDS === 0;
    for (const { id, node } of this.#list.voters) {
      if (!inDead && !this.#world.isAlive(id)) continue;
      const slices: StoreSlice[] = [];
      for (const [slice, book] of this.#unsettled) {
        if ((slice.progress.get(id)?.held ?? 0) < slice.seq) slices.push(book.store(slice, id));
      }
      if (slices.length > 0 || !this.#list.isKnownTo(id)) this.#store(id, node, slices);
    }
    this.#tellOthers();
  }

  /** Sends what changed since the last time. */
  flush(): void {
    if (!this.#list.isFresh && this.#fresh.size === 0) return;
    for (const { id, node } of this.#list.voters) {
      const slices: StoreSlice[] = [];
      for (const slice of this.#fresh) {
        const book = this.#unsettled.get(slice);
        if (book === undefined) continue;
        if ((slice.progress.get(id)?.held ?? 0) < slice.seq) slices.push(book.store(slice, id));
      }
      if (slices.length > 0 || this.#list.isFresh) this.#store(id, node, slices);
    }
    if (this.#list.isFresh) this.#tellOthers();
    this.#list.isFresh = false;
    this.#fresh.clear();
  }

  #adopt(slices: Iterable<LedgerSlice>, now: Millis): void {
    for (const said of slices) {
      let book = this.#books.get(said.limit);
      if (book === undefined) {
        book = new RootBook(said.limit, said, said.span, this.#count);
        this.#books.set(said.limit, book);
      }
      book.adopt(said, now);
    }
    for (const book of this.#books.values()) {
      book.settle();
    }
    this.#markBase();
  }

  /** What voters refused under old terms is offered under the new ones. */
  #learn(book: RootBook, terms: LimitTerms): void {
    if (!book.learn(terms)) return;
    for (const slice of book.slices.values()) this.#changed(book, slice);
  }

  /** Takes a row of a window in which nothing is granted now. */
  #report(
    book: RootBook,
    ask: Ask,
    item: AskItem,
    window: LeaseWindow,
    node: string,
    now: Millis,
  ): void {
    const { limit } = item;
    const { order } = window;
    if (order <= book.closed || order <= book.newest - book.span) {
      this.#say(ask, node, { type: "over", limit, order });
      return;
    }
    // A window that nobody here knows comes from a clock ahead of ours: it has time.
    const slice = book.slices.get(order);
    if (slice === undefined) return;
    const row = slice.row(ask.boot, now);
    row.heardMs = now;
    if (slice.raise(row, item)) this.#changed(book, slice);
    const { returned, spent } = row;
    this.#wait(slice, ask, node, row, { type: "reported", limit, order, returned, spent });
  }

  #grant(
    book: RootBook,
    ask: Ask,
    item: AskItem,
    window: LeaseWindow,
    isCurrent: boolean,
    node: string,
    now: Millis,
  ): void {
    const { config, rules, offsetMs, alive } = this.#world;
    const { limit } = item;
    const { order } = window;
    const { cap, version } = book.terms;
    const slice = book.slice(window);
    if (!slice.rows.has(ask.boot) && slice.rows.size >= HOLDERS_MAX) {
      return this.#later(ask, item, node);
    }
    const row = slice.row(ask.boot, now);
    row.heardMs = now;
    if (isCurrent && slice.raise(row, item)) this.#changed(book, slice);
    const known = isCurrent ? item.granted : 0;
    const charged = book.charged(order, (each) => rules.charge(each, now, config.ttlMs));
    const untold = row.granted - known;
    if (untold > 0 && !rules.mayTellAgain(charged, cap)) {
      this.#say(ask, node, { type: "correct", limit, order, granted: row.granted, window });
      return;
    }
    const free = cap - charged;
    const amount = item.want < 0 ? 0 : grantSize({
      cap,
      free,
      open: row.granted - row.returned - row.spent,
      want: item.want - untold,
      atLeast: item.atLeast - untold,
      alive,
    });
    row.granted += amount;
    // A renewal is a grant: it is written down again, unless that is under way already.
    if (amount > 0 || row.changedAt === 0 || this.#isVouched(slice, row.changedAt)) {
      slice.touch(row);
      this.#changed(book, slice);
    }
    const { granted, returned, spent } = row;
    this.#wait(slice, ask, node, row, {
      type: "granted",
      limit,
      order,
      granted,
      returned,
      spent,
      leftMs: window.endMs - now - offsetMs,
      window,
      version,
      isScarce: isScarce(cap, free - amount),
    });
  }

  #wait(slice: RootSlice, ask: Ask, node: string, row: RootRow, item: AnswerItem): void {
    const { boot, sentMs } = ask;
    const seq = row.changedAt;
    if (!this.#world.rules.waitsForQuorum || this.#isDue(slice, seq, item)) {
      return this.#say(ask, node, item);
    }
    const known = slice.waiting.get(boot);
    if (known !== undefined && known.sentMs > sentMs) return;
    slice.waiting.set(boot, { node, boot, sentMs, seq, item });
  }

  #judge(voter: string, { limit, order, seq, verdict, terms }: Verdict): void {
    const book = this.#books.get(limit);
    if (book === undefined) return;
    if (terms !== undefined) this.#learn(book, terms);
    const slice = book.slices.get(order);
    if (slice === undefined || seq > slice.seq) return;
    if (verdict === "early" && !slice.isFirm) {
      this.#unsettled.delete(slice);
      this.#fresh.delete(slice);
      book.drop(order);
      return;
    }
    if (verdict !== "stored" && verdict !== "late") return;
    let progress = slice.progress.get(voter);
    if (progress === undefined) slice.progress.set(voter, progress = { held: 0, vouched: 0 });
    progress.held = Math.max(progress.held, seq);
    if (verdict === "stored") progress.vouched = Math.max(progress.vouched, seq);
    this.#release(slice);
    if (slice.waiting.size === 0 && this.#isHeldByAll(slice)) this.#unsettled.delete(slice);
  }

  /** Sends the answers whose content a quorum has written down. */
  #release(slice: RootSlice): void {
    for (const [boot, waiting] of slice.waiting) {
      if (!this.#isDue(slice, waiting.seq, waiting.item)) continue;
      if (waiting.item.type === "granted") slice.isFirm = true;
      slice.waiting.delete(boot);
      this.#world.answer(waiting.node, waiting.boot, waiting.sentMs, waiting.item);
    }
  }

  /** A grant needs voters that agree to it; a report only that it is written down. */
  #isDue(slice: RootSlice, seq: number, item: AnswerItem): boolean {
    if (item.type === "granted") return this.#isVouched(slice, seq);
    return this.#list.isQuorum(slice.holding(seq));
  }

  #isVouched(slice: RootSlice, seq: number): boolean {
    return this.#list.isQuorum(slice.vouching(seq));
  }

  #isHeldByAll(slice: RootSlice): boolean {
    for (const { id } of this.#list.voters) {
      if ((slice.progress.get(id)?.held ?? 0) < slice.seq) return false;
    }
    return true;
  }

  /** Forgets answers that nobody waits for any more. */
  #expire(slice: RootSlice, now: Millis): void {
    for (const [boot, { seq }] of slice.waiting) {
      const row = slice.rows.get(boot);
      if (row === undefined || seq > slice.seq || now - row.heardMs > WAIT_MS_MAX) {
        slice.waiting.delete(boot);
      }
    }
  }

  #changed(book: RootBook, slice: RootSlice): void {
    this.#unsettled.set(slice, book);
    this.#fresh.add(slice);
  }

  /** Goes on with a change of the list, or begins one. */
  #changeList(now: Millis): void {
    const list = this.#list;
    const { config, rules: { movesLedger } } = this.#world;
    if (!list.isStored) return;
    if (list.isChanging) {
      if (movesLedger && !this.#isBaseHeld()) return;
      list.end();
    } else {
      const { next } = list;
      if (next === undefined) return;
      if (movesLedger) this.#markBase();
      list.begin(next);
    }
    this.#retryAt = Math.min(this.#retryAt, now + config.retryMs);
    // Another list may be easier to satisfy: what waited may be due.
    for (const slice of this.#unsettled.keys()) this.#release(slice);
  }

  /** All there is now must be held by the list that is coming. */
  #markBase(): void {
    for (const book of this.#books.values()) {
      for (const slice of book.slices.values()) {
        slice.baseSeq = slice.seq;
        this.#changed(book, slice);
      }
    }
  }

  #isBaseHeld(): boolean {
    for (const book of this.#books.values()) {
      for (const slice of book.slices.values()) {
        if (!this.#list.isQuorum(slice.holding(slice.baseSeq))) return false;
      }
    }
    return true;
  }

  /**
   * Members that don't vote are told the list, so that they never say that there is none; those that leave learn by it
   * that they may go.
   */
  #tellOthers(): void {
    const voters = new Set(this.#list.voters.map(({ id }) => id));
    for (const { voter, node, state } of this.#world.members) {
      if (state === "left" || state === "dead" || voters.has(voter)) continue;
      if (!this.#list.isKnownTo(voter)) this.#store(voter, node, []);
    }
  }

  #store(voter: string, node: string, slices: readonly StoreSlice[]): void {
    const { epoch } = this;
    const message: Store = {
      type: "store",
      shard: this.#shard,
      epoch,
      voter,
      list: this.#list.current,
      slices,
    };
    this.#world.send(node, message);
  }

  #later(ask: Ask, { limit, want }: AskItem, node: string): void {
    if (want >= 0) this.#say(ask, node, { type: "later", limit });
  }

  #say({ boot, sentMs }: Ask, node: string, item: AnswerItem): void {
    this.#world.answer(node, boot, sentMs, item);
  }
}
