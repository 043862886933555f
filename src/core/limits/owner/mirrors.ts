/**
 * What the next on the ring must have before an answer goes out: one message at a time to each such node, with the
 * newest words of all that changed meanwhile. So what waits is bounded by the number of cells, and busy times make
 * larger messages, not more.
 *
 * @module
 */

import type { Millis } from "../../machine.ts";
import type { WriterId } from "../contract.ts";
import type { Books } from "./books.ts";
import { type ChargeRecord, copyOf } from "./charges.ts";
import {
  type CellCopy,
  CELLS_PER_MESSAGE,
  type ChargeCopy,
  type Mirror,
  type Mirrored,
  RECORDS_PER_MESSAGE,
} from "./messages.ts";
import type { OwnerWorld } from "./world.ts";

/** Told what arrived. */
export interface MirrorListener {
  /** `boot` has our word, or the other's, about this cell. */
  mirrored(boot: string, shard: number, cell: CellCopy): void;
  /** The next on the ring knows of a charge. */
  recorded(record: ChargeRecord): void;
  /** All of a message is told: what it confirms can go out. */
  confirmed(): void;
  /** `boot` follows somebody else in this shard. */
  lost(shard: number): void;
}

interface InFlight {
  readonly message: Mirror;
  readonly records: readonly ChargeRecord[];
  sentAt: Millis;
}

interface Stream extends WriterId {
  seq: number;
  /** Keys of cells, in the order of the change. */
  readonly cells: Set<string>;
  readonly records: Set<ChargeRecord>;
  inFlight: InFlight | undefined;
}

/** See the module. */
export class Mirrors {
  readonly #world: OwnerWorld;
  readonly #books: Books;
  readonly #listener: MirrorListener;
  readonly #streams: Map<string, Stream> = new Map();

  /** Nobody is told anything yet. */
  constructor(world: OwnerWorld, books: Books, listener: MirrorListener) {
    this.#world = world;
    this.#books = books;
    this.#listener = listener;
  }

  /** When a message is to be sent again. */
  nextDeadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const { inFlight } of this.#streams.values()) {
      if (inFlight === undefined) continue;
      const at = inFlight.sentAt + this.#world.config.retryMs;
      if (next === undefined || at < next) next = at;
    }
    return next;
  }

  /** `to` must have the newest word about a cell. */
  cell(to: WriterId, key: string): void {
    this.#stream(to).cells.add(key);
  }

  /** `to` must know of a charge. */
  record(to: WriterId, record: ChargeRecord): void {
    this.#stream(to).records.add(record);
  }

  /**
   * `to` is not next any more in a shard: it must not get the newest word of a cell without the charges in it, which
   * another is told from now on.
   */
  forget(to: WriterId, shard: number): void {
    const stream = this.#streams.get(to.boot);
    if (stream === undefined) return;
    for (const key of stream.cells) {
      if (this.#world.shardOfCell(key) === shard) stream.cells.delete(key);
    }
    for (const record of stream.records) {
      if (record.shard === shard) stream.records.delete(record);
    }
  }

  /** Sends what can be sent. */
  flush(): void {
    const { now, config, roster } = this.#world;
    for (const [boot, stream] of this.#streams) {
      if (roster.fate(stream) !== "present") {
        this.#streams.delete(boot);
        continue;
      }
      const { inFlight } = stream;
      if (inFlight === undefined) this.#compose(stream);
      else if (now >= inFlight.sentAt + config.retryMs) {
        inFlight.sentAt = now;
        this.#world.send(stream.node, inFlight.message);
      }
    }
  }

  /** The next on the ring answered. */
  acknowledged(from: string, { boot, seq, lost }: Mirrored): void {
    const stream = this.#streams.get(boot);
    const inFlight = stream?.inFlight;
    if (stream === undefined || stream.node !== from || inFlight?.message.seq !== seq) return;
    stream.inFlight = undefined;
    const isLost = new Set(lost);
    for (const record of inFlight.records) {
      if (isLost.has(record.shard)) continue;
      record.isMirrored = true;
      this.#listener.recorded(record);
    }
    for (const cell of inFlight.message.cells) {
      const shard = this.#world.shardOfCell(cell.key);
      if (shard !== undefined && !isLost.has(shard)) this.#listener.mirrored(boot, shard, cell);
    }
    for (const shard of isLost) this.#listener.lost(shard);
    this.#listener.confirmed();
  }

  #stream({ node, boot }: WriterId): Stream {
    let stream = this.#streams.get(boot);
    if (stream === undefined) {
      stream = { node, boot, seq: 0, cells: new Set(), records: new Set(), inFlight: undefined };
      this.#streams.set(boot, stream);
    }
    return stream;
  }

  #compose(stream: Stream): void {
    if (stream.cells.size === 0 && stream.records.size === 0) return;
    const cells: CellCopy[] = [];
    for (const key of stream.cells) {
      if (cells.length >= CELLS_PER_MESSAGE) break;
      stream.cells.delete(key);
      const cell = this.#newest(key);
      if (cell !== undefined) cells.push(cell);
    }
    const records: ChargeRecord[] = [];
    const charges: ChargeCopy[] = [];
    for (const record of stream.records) {
      if (records.length >= RECORDS_PER_MESSAGE) break;
      stream.records.delete(record);
      records.push(record);
      const copy = this.#world.rules.handsOnCharges ? copyOf(record) : undefined;
      if (copy !== undefined) charges.push(copy);
    }
    const { to, boot, seq } = { to: stream.boot, boot: this.#world.self.boot, seq: ++stream.seq };
    const message: Mirror = { type: "mirror", to, boot, seq, cells, charges };
    stream.inFlight = { message, records, sentAt: this.#world.now };
    this.#world.send(stream.node, message);
  }

  #newest(key: string): CellCopy | undefined {
    const book = this.#books.byOwnCell(key);
    if (book !== undefined) return book.speak();
    const shard = this.#world.shardOfCell(key);
    return shard === undefined ? undefined : this.#books.table.get(shard, key);
  }
}
