/**
 * The nodes that stand below a prefix, listed once and watched from there on.
 *
 * @module
 */

import type { Candidate, Clock, DiscoveryContext } from "../../mod.ts";
import type { KeyValue, WatchResponse } from "../../proto/gen/etcd/etcd_pb.ts";
import { Event_EventType } from "../../proto/gen/etcd/etcd_pb.ts";
import type { EtcdClient } from "./client.ts";
import type { EtcdConnection } from "./connection.ts";
import { orAbort, within } from "./deadline.ts";
import { decodeEntry } from "./entry.ts";
import { knownWords, reasonOf } from "./failures.ts";

/** More are not looked at. */
const ENTRIES_MAX = 10_000;

/** What a watch may take to be confirmed. */
const CREATED_MS = 5_000;

/** The watch is over; `isCompacted`: only because etcd has forgotten what was before. */
export class WatchEnded extends Error {
  override readonly name: string = "WatchEnded";
  readonly isCompacted: boolean;

  constructor(reason: string, isCompacted: boolean) {
    super(reason);
    this.isCompacted = isCompacted;
  }
}

/** Told of every deleted key, with the revision of its deletion; must be quick. */
export type OnDeleted = (key: string, revision: bigint) => void;

interface OpenWatch {
  readonly answers: AsyncIterator<WatchResponse>;
  readonly stop: AbortController;
  /** Asked for, not yet looked at. */
  pending: Promise<IteratorResult<WatchResponse>> | undefined;
}

/** All entries below one prefix; `list` first, then `change` again and again until it rejects, then `list` again. */
export class PrefixView {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #say: DiscoveryContext["say"];
  readonly #prefix: string;
  readonly #key: Uint8Array;
  readonly #rangeEnd: Uint8Array;
  readonly #onDeleted: OnDeleted;
  readonly #entries = new Map<string, Candidate>();
  #connection: EtcdConnection | undefined;
  /** The next revision to hear of. */
  #revision = 0n;
  #watch: OpenWatch | undefined;
  /** Each is said once. */
  readonly #said = new Set<string>();

  constructor(
    client: EtcdClient,
    { runtime, say }: DiscoveryContext,
    prefix: string,
    onDeleted: OnDeleted,
  ) {
    this.#client = client;
    this.#clock = runtime.clock;
    this.#say = say;
    this.#prefix = prefix;
    this.#key = new TextEncoder().encode(prefix);
    this.#rangeEnd = endOf(this.#key);
    this.#onDeleted = onDeleted;
  }

  /** Everybody. */
  get candidates(): readonly Candidate[] {
    return [...this.#entries.values()];
  }

  /** Whether the entry of a key was there when last looked at. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Reads all entries, as the majority of etcd has them; answers the revision they are of. */
  async list(signal: AbortSignal): Promise<bigint> {
    this.stop();
    const request = { key: this.#key, rangeEnd: this.#rangeEnd, limit: BigInt(ENTRIES_MAX) };
    const [connection, answer] = await this.#client.run(
      "list the nodes in etcd",
      signal,
      async (connection, signal) => {
        const { headers } = connection;
        return [connection, await connection.kv.range(request, { headers, signal })] as const;
      },
    );
    const revision = answer.header?.revision ?? 0n;
    this.#entries.clear();
    for (const pair of answer.kvs) this.#put(pair);
    if (answer.more) this.#sayFull();
    this.#connection = connection;
    this.#revision = revision + 1n;
    return revision;
  }

  /**
   * Waits for the next news of etcd; `false` when it concerns no entry. Rejects with `WatchEnded`, or the reason of
   * `signal`: then it may be called again.
   */
  async change(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const connection = this.#connection;
    try {
      if (connection === undefined) throw new WatchEnded("there is no list", true);
      const watch = this.#watch ??= await this.#open(connection, signal);
      watch.pending ??= quiet(watch.answers.next());
      const result = await orAbort(watch.pending, signal, connection.lost);
      watch.pending = undefined;
      return this.#apply(newsOf(result));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      this.stop();
      if (error instanceof WatchEnded && error.isCompacted) throw error;
      const reason = error instanceof WatchEnded ? error.message : reasonOf(error);
      // Whatever the matter is, another member may not have it.
      connection?.close(reason);
      throw new WatchEnded(reason, false);
    }
  }

  /** Ends the watch; harmless twice. */
  stop(): void {
    this.#watch?.stop.abort(new WatchEnded("it was stopped", false));
    this.#watch = undefined;
    this.#connection = undefined;
  }

  /** Opens the watch on the connection that served the list, and waits until it stands. */
  async #open(connection: EtcdConnection, signal: AbortSignal): Promise<OpenWatch> {
    const stop = new AbortController();
    const answers = connection.watch(this.#key, this.#rangeEnd, this.#revision, stop.signal);
    const late = (): Error => new WatchEnded("etcd did not confirm the watch", false);
    const signals = [signal, connection.lost];
    try {
      const first = quiet(answers.next());
      newsOf(await within(this.#clock, CREATED_MS, signals, late, () => first));
      return { answers, stop, pending: undefined };
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  }

  #apply({ events }: WatchResponse): boolean {
    let hasChanged = false;
    for (const { type, kv } of events) {
      if (kv === undefined) continue;
      const changed = type === Event_EventType.DELETE ? this.#delete(kv) : this.#put(kv);
      hasChanged ||= changed;
    }
    return hasChanged;
  }

  #delete({ key, modRevision }: KeyValue): boolean {
    const name = decoder.decode(key);
    this.#onDeleted(name, modRevision);
    return this.#entries.delete(name);
  }

  #put({ key, value }: KeyValue): boolean {
    const name = decoder.decode(key);
    if (!name.startsWith(this.#prefix)) return false;
    const candidate = decodeEntry(name.slice(this.#prefix.length), value);
    if (candidate === undefined) {
      this.#sayOnce("an entry in etcd is not readable and is left out", {
        key: name.slice(0, 255),
      });
      return this.#entries.delete(name);
    }
    const before = this.#entries.get(name);
    if (before === undefined && this.#entries.size >= ENTRIES_MAX) {
      this.#sayFull();
      return false;
    }
    this.#entries.set(name, candidate);
    return JSON.stringify(before) !== JSON.stringify(candidate);
  }

  #sayFull(): void {
    this.#sayOnce("there are more entries in etcd than are looked at", { most: ENTRIES_MAX });
  }

  #sayOnce(message: string, fields: Readonly<Record<string, string | number>>): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#say("warn", message, fields);
  }
}

const decoder = new TextDecoder();

/** The first key after all that begin with `prefix`, whose last byte is a slash. */
function endOf(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  end[end.length - 1]! += 1;
  return end;
}

/** What etcd says on a watch that goes on; throws `WatchEnded` for one that doesn't. */
function newsOf(result: IteratorResult<WatchResponse, unknown>): WatchResponse {
  if (result.done === true) throw new WatchEnded("etcd ended the watch", false);
  const { compactRevision, canceled, cancelReason } = result.value;
  if (compactRevision > 0n) throw new WatchEnded("the watch was compacted", true);
  if (canceled) throw new WatchEnded(knownWords(cancelReason) || "etcd ended the watch", false);
  return result.value;
}

/** A promise that may reject while nobody waits for it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
