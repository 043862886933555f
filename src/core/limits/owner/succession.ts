/**
 * Who decides for a shard: taking an office, holding it, losing it.
 *
 * A node decides for a shard only after every node that is present answered its pull, and whoever answers decides no
 * more: so of two that see each other, at most one decides. Who answered somebody else's pull since is named in the
 * answer, so that a chain of pulls is followed to its end though nobody saw all of it. A node remembers whom it
 * answered last, its *holder*, and confirms charges of no other.
 *
 * @module
 */

import { Deadlines } from "../../deadlines.ts";
import type { Millis } from "../../machine.ts";
import type { WriterId } from "../contract.ts";
import type { Books } from "./books.ts";
import { type Charges, copyOf } from "./charges.ts";
import {
  CELLS_PER_MESSAGE,
  type ChargeCopy,
  HOLDERS_PER_MESSAGE,
  type Pull,
  type Pulled,
  RECORDS_PER_MESSAGE,
} from "./messages.ts";
import type { OwnerWorld } from "./world.ts";

/** More than the cells of a shard can be. */
const REVISION_STEP = 2 ** 20;

/** A boot that was pulled and has not answered. */
interface Asked extends WriterId {
  revision: number;
  readonly parts: Set<number>;
  /** When it is not waited for any more, unless its node is seen then. */
  readonly strangerUntil: Millis;
}

/** One shard. */
export class Seat {
  readonly shard: number;
  /** We take the office, or have it. */
  isCandidate = false;
  /** Whom we wait for. */
  readonly waiting: Map<string, Asked> = new Map();
  /** Who answered in this term. */
  readonly answered: Set<string> = new Set();
  /** Whom we answered last; ourselves in office. */
  holder: WriterId | undefined;
  attempt = 0;
  /** The first attempt of this term. */
  firstAttempt = 0;
  /** Highest attempt known of others, by boot. */
  readonly attempts: Map<string, number> = new Map();
  /** Whose copy confirms our charges. */
  next: WriterId | undefined;
  /** Cells that `next` does not have yet. */
  readonly unsynced: Set<string> = new Set();

  /** Nobody's. */
  constructor(shard: number) {
    this.shard = shard;
  }

  /** Whether we decide. */
  get isOpen(): boolean {
    return this.isCandidate && this.waiting.size === 0;
  }
}

/** What happens around an office. */
export interface Terms {
  /** We decide from now on, or somebody else is next. */
  opened(seat: Seat): void;
  /** We decide no more. */
  closed(seat: Seat): void;
  /** Takes a charge that another took; nothing when it is known. */
  adoptCharge(charge: ChargeCopy): void;
}

/** See the module. */
export class Succession {
  readonly seats: readonly Seat[];
  readonly #world: OwnerWorld;
  readonly #books: Books;
  readonly #charges: Charges;
  readonly #terms: Terms;
  readonly #due: Deadlines<Seat> = new Deadlines();

  /** No office. */
  constructor(world: OwnerWorld, books: Books, charges: Charges, terms: Terms) {
    this.#world = world;
    this.#books = books;
    this.#charges = charges;
    this.#terms = terms;
    this.seats = Array.from({ length: world.shards }, (_, shard) => new Seat(shard));
  }

  /** When something is to be said again. */
  nextDeadline(): Millis | undefined {
    return this.#due.next();
  }

  /** A shard. */
  seat(shard: number): Seat {
    return this.seats[shard] as Seat;
  }

  /** Whether nobody needs us: every office was handed on, or there is nobody to have it. */
  get isHandedOn(): boolean {
    const { roster, self } = this.#world;
    return this.seats.every(({ shard, holder }) =>
      holder?.boot !== self.boot || roster.place(shard).owner === undefined
    );
  }

  /** The roster changed. */
  follow(): void {
    const { roster } = this.#world;
    for (const seat of this.seats) {
      for (const boot of seat.answered) if (!roster.isPresent(boot)) seat.answered.delete(boot);
      for (const boot of seat.attempts.keys()) {
        if (!roster.isPresent(boot)) seat.attempts.delete(boot);
      }
      if (!roster.isOurs(seat.shard)) this.#close(seat);
      else if (seat.isCandidate) this.#ask(seat);
      else if (!this.#due.get(seat)) this.#take(seat);
    }
  }

  /** Says again what got no answer. */
  tick(): void {
    const { now, roster } = this.#world;
    for (let seat = this.#due.pop(now); seat !== undefined; seat = this.#due.pop(now)) {
      if (!roster.isOurs(seat.shard)) continue;
      if (seat.isCandidate) this.#ask(seat);
      else this.#take(seat);
    }
  }

  /** The next on the ring says that somebody else pulled a shard. */
  lost(shard: number): void {
    const seat = this.seats[shard];
    if (seat?.isCandidate !== true) return;
    this.#close(seat);
    this.#due.set(seat, this.#world.now + this.#world.config.retryMs);
  }

  /** Somebody wants an office. */
  pulled(from: string, { boot, shard, attempt }: Pull): void {
    const { roster, now, config, rules, self } = this.#world;
    const seat = this.seats[shard];
    if (seat === undefined || boot === self.boot) return;
    const known = seat.attempts.get(boot) ?? 0;
    if (attempt <= known && seat.holder?.boot !== boot) return;
    // Whoever sees us knows that the office is ours: it will find out.
    if (seat.isCandidate && roster.isOurs(shard) && roster.outranks(shard, from)) return;
    seat.attempts.set(boot, Math.max(attempt, known));
    const alsoAsk = this.#otherHolders(seat, boot);
    seat.holder = { node: from, boot };
    if (rules.yieldsWhenPulled) {
      this.#close(seat);
      if (roster.isOurs(shard)) this.#due.set(seat, now + config.takeBackMs);
    }
    this.#answer(seat, from, boot, attempt, alsoAsk);
  }

  /** Somebody answered. */
  heard(from: string, message: Pulled): void {
    const { self, now, config } = this.#world;
    const seat = this.seats[message.shard];
    if (seat === undefined || message.to !== self.boot || !seat.isCandidate) return;
    if (message.attempt < seat.firstAttempt) return;
    const asked = seat.waiting.get(message.boot);
    if (asked === undefined || asked.node !== from) return;
    for (const cell of message.cells) if (!this.#books.adopt(cell)) return;
    for (const charge of message.charges) this.#terms.adoptCharge(charge);
    for (const other of message.alsoAsk) this.#add(seat, other, now + config.strangerMs);
    if (asked.revision !== message.revision) asked.parts.clear();
    asked.revision = message.revision;
    asked.parts.add(message.part);
    if (asked.parts.size < message.parts) return;
    seat.waiting.delete(message.boot);
    seat.answered.add(message.boot);
    this.#settle(seat);
  }

  #take(seat: Seat): void {
    seat.isCandidate = true;
    seat.waiting.clear();
    seat.answered.clear();
    seat.firstAttempt = seat.attempt + 1;
    this.#ask(seat);
  }

  /** Asks everybody who has not answered in this term. */
  #ask(seat: Seat): void {
    const { roster, config, rules, self, now } = this.#world;
    for (const member of roster.present) {
      if (member.state !== "joining") this.#add(seat, member, -Infinity);
    }
    for (const [boot, asked] of seat.waiting) {
      const fate = roster.fate(asked);
      const isGivenUp = fate === "stranger" && now >= asked.strangerUntil;
      if (fate === "gone" || isGivenUp) seat.waiting.delete(boot);
    }
    if (seat.waiting.size > 0) {
      seat.attempt++;
      for (const { node } of seat.waiting.values()) {
        const { shard, attempt } = seat;
        this.#world.send(node, { type: "pull", boot: self.boot, shard, attempt });
      }
      this.#due.set(seat, now + config.retryMs);
      if (!rules.pullsFirst) seat.waiting.clear();
    }
    this.#settle(seat);
  }

  #add(seat: Seat, { node, boot }: WriterId, strangerUntil: Millis): void {
    if (boot === this.#world.self.boot || seat.answered.has(boot) || seat.waiting.has(boot)) return;
    seat.waiting.set(boot, { node, boot, revision: -1, parts: new Set(), strangerUntil });
    if (strangerUntil > this.#world.now) this.#due.set(seat, this.#world.now);
  }

  #settle(seat: Seat): void {
    if (!seat.isOpen) return;
    this.#due.delete(seat);
    if (seat.holder?.boot !== this.#world.self.boot) this.#world.counters.offices++;
    seat.holder = this.#world.self;
    this.#terms.opened(seat);
  }

  #close(seat: Seat): void {
    this.#due.delete(seat);
    if (!seat.isCandidate) return;
    seat.isCandidate = false;
    this.#terms.closed(seat);
  }

  /** Who besides `boot` may have been charging: whoever pulled from us, and whom we were asking ourselves. */
  #otherHolders(seat: Seat, boot: string): WriterId[] {
    const { self } = this.#world;
    const others: WriterId[] = [];
    const { holder } = seat;
    if (holder !== undefined && holder.boot !== boot && holder.boot !== self.boot) {
      others.push(holder);
    }
    if (seat.isCandidate) {
      for (const asked of seat.waiting.values()) {
        if (asked.boot !== boot) others.push({ node: asked.node, boot: asked.boot });
      }
    }
    return others.slice(0, HOLDERS_PER_MESSAGE);
  }

  #answer(
    seat: Seat,
    to: string,
    boot: string,
    attempt: number,
    alsoAsk: readonly WriterId[],
  ): void {
    const { shard } = seat;
    const cells = this.#books.cells(shard);
    const charges: ChargeCopy[] = [];
    if (this.#world.rules.handsOnCharges) {
      for (const record of this.#charges.of(shard)) {
        const copy = copyOf(record);
        if (copy !== undefined) charges.push(copy);
      }
    }
    const parts = Math.max(
      1,
      Math.ceil(cells.length / CELLS_PER_MESSAGE),
      Math.ceil(charges.length / RECORDS_PER_MESSAGE),
    );
    const revision = this.#books.revision(shard) * REVISION_STEP + cells.length;
    for (let part = 0; part < parts; part++) {
      this.#world.send(to, {
        type: "pulled",
        to: boot,
        boot: this.#world.self.boot,
        shard,
        attempt,
        revision,
        part,
        parts,
        cells: cells.slice(part * CELLS_PER_MESSAGE, (part + 1) * CELLS_PER_MESSAGE),
        charges: charges.slice(part * RECORDS_PER_MESSAGE, (part + 1) * RECORDS_PER_MESSAGE),
        alsoAsk,
      });
    }
  }
}
