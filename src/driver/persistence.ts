/**
 * Carries what changes in the node to its storage, behind the node's back.
 *
 * @module
 */

import type { Millis } from "../core/machine.ts";
import type { StoredEntry } from "../core/replication/entry.ts";
import type { Clock } from "../ports/clock.ts";
import type { Storage, StoredKey, StoredRow } from "../ports/storage.ts";
import { type DirtyRow, DirtyRows } from "./dirty_rows.ts";
import { FlushWaiters, lost } from "./flush_waiters.ts";
import type { Say } from "./say.ts";

/** What persistence needs. */
export interface PersistenceOptions {
  /** Open; persistence closes it. */
  readonly storage: Storage;
  readonly clock: Clock;
  readonly say: Say;
}

/** A look at it, for status pages. */
export interface PersistenceView {
  /** Rows that the storage does not have yet in their newest form, those under way included. */
  readonly dirty: number;
  /** Why the storage takes nothing at present; `undefined` when it does. */
  readonly failing: string | undefined;
  /** Flushes that the storage took. */
  readonly flushes: number;
  /** Rows it took. */
  readonly written: number;
  /** Rows it removed. */
  readonly removed: number;
  /** Flushes that failed and were tried again. */
  readonly failures: number;
}

/** How long changes are gathered. */
const FLUSH_EVERY_MS = 20;

/** So many dirty rows are flushed at once; a flush takes no more, and no more bytes unless a single row has them. */
const FLUSH_ROWS = 256;
const FLUSH_BYTES_MAX = 1024 * 1024;

/** Pause after a failure; doubled up to the longest. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 10_000;

/** A storage that takes nothing is told of this often. */
const ALARM_EVERY_MS = 60_000;

/** What a storage may take for closing. */
const CLOSE_MS = 1_000;

/** What one flush carries. */
interface Batch {
  readonly rows: readonly DirtyRow[];
  readonly metas: Metas;
}

type Metas = Map<string, { bytes: Uint8Array; readonly mark: number }>;

/**
 * Couples a storage with the node. Changes are conflated by key and flushed together, one flush at a time, so that the
 * storage may be as slow as it likes: memory is bounded by the keys that node and storage hold. A flush that fails is
 * tried again for as long as the node runs, and the node runs on.
 */
export class Persistence implements AsyncDisposable {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #say: Say;
  readonly #rows: DirtyRows = new DirtyRows();
  #metas: Metas = new Map();
  #batch: Batch | undefined;
  readonly #waiters: FlushWaiters = new FlushWaiters();
  readonly #counters = { flushes: 0, written: 0, removed: 0, failures: 0 };
  #failing: string | undefined;
  #alarmedAt: Millis = -Infinity;
  /** The flush that is planned; `undefined` while none is, or flushes run. */
  #planned: { readonly at: Millis; readonly disarm: () => void } | undefined;
  #running: Promise<void> | undefined;
  #wake: () => void = () => {};
  #state: "open" | "closing" | "closed" = "open";
  #closed: Promise<boolean> | undefined;

  constructor(options: PersistenceOptions) {
    this.#storage = options.storage;
    this.#clock = options.clock;
    this.#say = options.say;
  }

  /** What was stored, in no order; to be read before the node starts. */
  async *load(): AsyncGenerator<StoredRow> {
    for await (const row of this.#storage.load()) yield row;
  }

  /** A named value as it was stored. */
  loadMeta(name: string): Promise<Uint8Array | undefined> {
    return this.#storage.getMeta(name);
  }

  /** A row that is no entry is this now; the bytes MUST NOT change any more. */
  put(type: string, key: string, bytes: Uint8Array): void {
    this.#rows.put(type, key, bytes, false);
    this.#plan();
  }

  /** An entry is another one now. `isNew`: the node held nothing under this key, and the storage has nothing either. */
  changed(entry: StoredEntry, isNew: boolean = false): void {
    this.#rows.put(entry.type, entry.key, entry.bytes, isNew);
    this.#plan();
  }

  /** The node holds this key no more: its tombstone is past its horizon, or it has expired. */
  removed(type: string, key: string): void {
    this.#rows.remove(type, key);
    this.#plan();
  }

  /**
   * A named value is another one now; the bytes MUST NOT change any more. It is stored after every row that was dirty
   * when it is taken, so that a table of what was agreed on never claims more than what is stored.
   */
  setMeta(name: string, bytes: Uint8Array): void {
    const pending = this.#metas.get(name);
    if (pending !== undefined) pending.bytes = bytes;
    else this.#metas.set(name, { bytes, mark: this.#rows.mark() });
    this.#plan();
  }

  /** Resolves once everything told before this call is stored; rejects with `closed` when it can't be any more. */
  flushed(): Promise<void> {
    if (this.#isClean()) return Promise.resolve();
    if (this.#state === "closed") return Promise.reject(lost());
    return this.#waiters.wait(this.#rows.lastMark);
  }

  /** A look inside. */
  view(): PersistenceView {
    const dirty = this.#rows.size + (this.#batch?.rows.length ?? 0);
    return { dirty, failing: this.#failing, ...this.#counters };
  }

  /**
   * Stores what is dirty, for `withinMs` at most, then closes the storage. Resolves with whether everything was stored;
   * the log tells when it was not. Harmless twice; what is told afterwards is lost.
   */
  close(withinMs: Millis = 5_000): Promise<boolean> {
    return this.#closed ??= this.#close(withinMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // When to flush.

  #plan(): void {
    if (this.#state !== "open" || this.#running !== undefined) return;
    const now = this.#clock.now();
    const at = this.#rows.size >= FLUSH_ROWS ? now : now + FLUSH_EVERY_MS;
    if (this.#planned !== undefined) {
      if (this.#planned.at <= at) return;
      this.#planned.disarm();
    }
    this.#planned = { at, disarm: this.#clock.alarm(at, () => this.#start()) };
  }

  #start(): void {
    this.#planned?.disarm();
    this.#planned = undefined;
    this.#running = this.#run();
  }

  /** Flushes until less than a full flush is left; while closing, until nothing is. */
  async #run(): Promise<void> {
    for (;;) {
      await this.#flush();
      if (this.#state === "closed") break;
      this.#settle();
      if (this.#isClean()) break;
      if (this.#state === "open") {
        if (this.#rows.size < FLUSH_ROWS) break;
        // A storage may work synchronously: others get their turn between two flushes.
        await this.#pause(0);
      }
    }
    this.#running = undefined;
    if (!this.#isClean()) this.#plan();
  }

  #isClean(): boolean {
    return this.#rows.size === 0 && this.#metas.size === 0 && this.#batch === undefined;
  }

  /** Serves those whose marks are stored; called while no batch is under way. */
  #settle(): void {
    const [meta] = this.#metas.values();
    const oldest = Math.min(this.#rows.oldestMark ?? Infinity, meta?.mark ?? Infinity);
    this.#waiters.storedBelow(oldest);
  }

  // One flush.

  /** Stores one batch, however often it takes; gives up once closed. */
  async #flush(): Promise<void> {
    const batch = this.#batch = this.#take();
    for (let pauseMs = RETRY_MIN_MS; this.#state !== "closed";) {
      try {
        await this.#store(batch);
        this.#batch = undefined;
        this.#succeeded(batch);
        return;
      } catch (error) {
        this.#failed(error);
      }
      if (this.#state === "open") {
        await this.#pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, RETRY_MAX_MS);
      } else await this.#pause(RETRY_MIN_MS);
    }
  }

  #take(): Batch {
    const rows = this.#rows.take(FLUSH_ROWS, FLUSH_BYTES_MAX);
    const metas = this.#metas;
    if (this.#rows.size > 0) return { rows, metas: new Map() };
    this.#metas = new Map();
    return { rows, metas };
  }

  async #store({ rows, metas }: Batch): Promise<void> {
    const written = rows.filter((row): row is StoredRow => row.bytes !== undefined);
    const removed: StoredKey[] = rows.filter(({ bytes }) => bytes === undefined);
    if (written.length > 0) await this.#storage.write(written);
    if (removed.length > 0) await this.#storage.remove(removed);
    for (const [name, { bytes }] of metas) await this.#storage.setMeta(name, bytes);
  }

  #succeeded({ rows }: Batch): void {
    const removed = rows.filter(({ bytes }) => bytes === undefined).length;
    this.#counters.flushes++;
    this.#counters.removed += removed;
    this.#counters.written += rows.length - removed;
    if (this.#failing === undefined) return;
    this.#failing = undefined;
    this.#alarmedAt = -Infinity;
    this.#say("info", "storage takes writes again", { dirty: this.view().dirty });
  }

  #failed(error: unknown): void {
    this.#counters.failures++;
    this.#failing = error instanceof Error ? error.message : String(error);
    const now = this.#clock.now();
    if (now < this.#alarmedAt + ALARM_EVERY_MS) return;
    this.#alarmedAt = now;
    this.#say("error", "storage takes no writes", {
      reason: this.#failing,
      dirty: this.view().dirty,
      failures: this.#counters.failures,
    });
  }

  /** Waits; less long when the node closes meanwhile. */
  #pause(ms: Millis): Promise<void> {
    return new Promise((resolve) => {
      const disarm = this.#clock.alarm(this.#clock.now() + ms, resolve);
      this.#wake = () => {
        disarm();
        resolve();
      };
    });
  }

  // The end.

  async #close(withinMs: Millis): Promise<boolean> {
    this.#state = "closing";
    this.#wake();
    if (this.#running === undefined) this.#start();
    await this.#within(withinMs, this.#running as Promise<void>);
    const isStored = this.#isClean();
    const { dirty } = this.view();
    this.#state = "closed";
    this.#wake();
    this.#waiters.giveUp();
    await this.#within(CLOSE_MS, this.#storage.close());
    if (!isStored) {
      const reason = this.#failing ?? "the storage was too slow";
      this.#say("error", "closed before everything was stored", { dirty, reason });
    }
    return isStored;
  }

  /** Waits for `promise`, which never rejects, but no longer than `ms`. */
  #within(ms: Millis, promise: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const disarm = this.#clock.alarm(this.#clock.now() + ms, resolve);
      promise.then(() => {
        disarm();
        resolve();
      });
    });
  }
}
