/**
 * What one peer has yet to hear, what is on its way, and what it refused.
 *
 * @module
 */

import { isTooFarAhead } from "../hlc.ts";
import type { Millis } from "../machine.ts";
import { AGREED_CAPABILITY, DELETED } from "./agreed.ts";
import type { ReplicationEffect } from "./contract.ts";
import { CHUNKS_CAPABILITY, LARGE_BYTES, SNAPSHOT_ROW, Transfer } from "./chunks.ts";
import { Claims } from "./claims.ts";
import { parsePrefix } from "./digest.ts";
import { DirtyKeys, type Portion } from "./dirty.ts";
import type { StoredEntry } from "./entry.ts";
import type { Batch, BatchAck, Pull, SnapshotPlace, SnapshotProgress } from "./frames.ts";
import { FUTURE_STAMP, type LinkContext, REFUSALS_ACCEPTED_MAX } from "./link_host.ts";
import { SnapshotCursor } from "./snapshot.ts";
import type { Slot } from "./store.ts";

/** What is kept of a peer's reason. */
const REASON_LENGTH_MAX = 256;

interface InFlight {
  readonly sequence: number;
  readonly entries: readonly StoredEntry[];
  readonly snapshot: boolean;
  readonly end: boolean;
  readonly sentAt: Millis;
  /** With it the peer has seen all of our writes up to this number. */
  readonly claimed: number;
}

/**
 * Dirty keys, snapshot and the window of one peer. Holds at most one place per key and a window of batches, whatever
 * the peer does.
 */
export class Delivery {
  readonly #peer: string;
  readonly #context: LinkContext;
  readonly #dirty: DirtyKeys = new DirtyKeys();
  readonly #refused: Map<Slot, string> = new Map();
  /** What we may tell the peer that it has. */
  readonly claims: Claims;
  #inFlight: InFlight[] = [];
  #sequence = 0;
  #lastFlushAt: Millis = -Infinity;
  #retryAt: Millis | undefined;
  #cursor: SnapshotCursor | undefined;
  #cursorBoot = "";
  #peerBoot = "";
  #endSent = false;
  #snapshotRevision = 0;
  #snapshotTotal = 0;
  /** The first part came from somebody else: what the peer lacks of ours is for a comparison to find. */
  #isResumed = false;
  #snapshotTurn = false;
  #snapshotTransfer: Transfer | undefined;
  #largeBytes = Infinity;
  /** When the peer last acknowledged. */
  lastAckMs: Millis | undefined;

  constructor(peer: string, context: LinkContext) {
    this.#peer = peer;
    this.#context = context;
    this.claims = new Claims(context.agreed);
  }

  /** Keys waiting. */
  get dirty(): number {
    return this.#dirty.size;
  }

  /** Batches sent and not acknowledged. */
  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** When the oldest of them was sent. */
  get oldestSentAt(): Millis | undefined {
    return this.#inFlight[0]?.sentAt;
  }

  /** What the peer refuses at present, and why. */
  get refused(): ReadonlyMap<Slot, string> {
    return this.#refused;
  }

  /** Nothing waits and nothing is on its way. */
  get isQuiet(): boolean {
    return this.#dirty.isEmpty && this.#inFlight.length === 0 && !this.#servesSnapshot;
  }

  get #servesSnapshot(): boolean {
    return this.#cursor !== undefined && !this.#endSent;
  }

  /** The slot's newest entry has to reach the peer. */
  mark(slot: Slot): void {
    if (this.#refused.size > 0) this.#refused.delete(slot);
    this.#dirty.mark(slot);
  }

  /** The peer asked for these. */
  markPulled({ keys, prefixes }: Pull): void {
    const { store } = this.#context;
    for (const { type, key } of keys) {
      const slot = store.find(type, key);
      if (slot !== undefined) this.mark(slot);
    }
    for (const prefix of prefixes) {
      const digits = parsePrefix(prefix);
      if (digits === undefined) continue;
      for (const slot of store.tree.below(digits)) this.mark(slot);
    }
  }

  /** This boot of the peer wants everything. Asked again while under way, it goes on where it stands. */
  serveSnapshot(boot: string, resume?: SnapshotPlace): void {
    if (this.#cursor !== undefined && this.#cursorBoot === boot) return;
    const { store } = this.#context;
    this.#cursor = new SnapshotCursor(store, resume);
    this.#snapshotTotal = store.size;
    this.#isResumed = resume !== undefined;
    this.#cursorBoot = boot;
    this.#endSent = false;
    this.#snapshotRevision = this.#context.agreed.revision;
    this.#context.counters.snapshotsServed++;
  }

  /** A stream stands; sequence numbers begin again. */
  begin(peerBoot: string, capabilities: readonly string[]): void {
    this.#sequence = 0;
    this.#peerBoot = peerBoot;
    this.#largeBytes = capabilities.includes(CHUNKS_CAPABILITY) ? LARGE_BYTES : Infinity;
    this.claims.begin(peerBoot, capabilities.includes(AGREED_CAPABILITY));
    this.#dirty.restart(this.#largeBytes);
    if (this.#cursorBoot !== peerBoot) this.#cursor = undefined;
  }

  /** The stream is gone: what was not acknowledged is dirty again. */
  requeue(): void {
    for (const batch of this.#inFlight) {
      if (batch.snapshot) {
        this.#cursor?.redo(batch.entries);
        continue;
      }
      for (const { type, key } of batch.entries) {
        const slot = this.#context.store.find(type, key);
        if (slot !== undefined) this.#dirty.mark(slot);
      }
    }
    if (this.#snapshotTransfer !== undefined) this.#cursor?.redo([this.#snapshotTransfer.entry]);
    this.#snapshotTransfer = undefined;
    this.#dirty.restart(this.#largeBytes);
    this.claims.lost();
    this.#inFlight = [];
    this.#endSent = false;
  }

  /** When a batch may be ready or a refused entry is due again; `undefined` when nothing waits. */
  deadline(): Millis | undefined {
    let at = this.#retryAt ?? Infinity;
    if (!this.#dirty.isEmpty && this.#hasRoom()) at = Math.min(at, this.#flushAt());
    return at === Infinity ? undefined : at;
  }

  /** The next batch, if one is due and the window has room. */
  next(now: Millis): Batch | undefined {
    this.#retryRefused(now);
    if (!this.#hasRoom()) return undefined;
    const { config, counters } = this.#context;
    const live = !this.#dirty.isEmpty && now >= this.#flushAt();
    const snapshot = this.#servesSnapshot && (this.#snapshotTurn || !live);
    let portion: Portion = { entries: [], chunk: undefined, finished: undefined };
    let end = false;
    if (snapshot) {
      portion = this.#nextOfSnapshot(this.#cursor as SnapshotCursor);
      end = this.#cursor?.done === true && this.#snapshotTransfer === undefined;
      this.#endSent = end;
      this.#snapshotTurn = false;
      if (end && !this.#isResumed) this.claims.compared(this.#snapshotRevision);
    } else if (live) {
      portion = this.#dirty.next(config.batchBytesMax);
      this.#lastFlushAt = now;
      this.#snapshotTurn = true;
    }
    const { entries, chunk, finished } = portion;
    const mayClaim = this.#dirty.isEmpty && this.#refused.size === 0 && !this.#servesSnapshot;
    const claimsOnly = mayClaim && this.claims.isDue;
    if (entries.length === 0 && chunk === undefined && !end && !claimsOnly) return undefined;
    const sequence = ++this.#sequence;
    // Whatever the last piece completes is acknowledged, refused and sent again like any other entry.
    const carried = finished === undefined ? entries : [...entries, finished];
    const claims = mayClaim ? this.claims.take() : undefined;
    const claimed = claims?.number ?? 0;
    this.#inFlight.push({ sequence, entries: carried, snapshot, end, sentAt: now, claimed });
    counters.batchesSent++;
    counters.entriesSent += carried.length;
    if (chunk !== undefined) counters.chunksSent++;
    return {
      sequence,
      entries: entries.map(bytesOf),
      snapshotEnd: end,
      ...(chunk === undefined ? {} : { chunks: [chunk] }),
      ...(snapshot ? { progress: this.#progress() } : {}),
      ...claims,
    };
  }

  #progress(): SnapshotProgress {
    const place = this.#snapshotTransfer === undefined ? this.#cursor?.place : undefined;
    const total = this.#snapshotTotal;
    return place === undefined ? { total } : { place, total };
  }

  /** The next entries of the snapshot, or the next piece of a large one: then everything else of it waits. */
  #nextOfSnapshot(cursor: SnapshotCursor): Portion {
    const { batchBytesMax } = this.#context.config;
    if (this.#snapshotTransfer === undefined) {
      const entries = cursor.take(batchBytesMax);
      const [first] = entries;
      if (first === undefined || first.bytes.length <= this.#largeBytes) {
        return { entries, chunk: undefined, finished: undefined };
      }
      this.#snapshotTransfer = new Transfer(first, SNAPSHOT_ROW);
    }
    const transfer = this.#snapshotTransfer;
    const chunk = transfer.next(batchBytesMax);
    if (transfer.left > 0) return { entries: [], chunk, finished: undefined };
    this.#snapshotTransfer = undefined;
    return { entries: [], chunk, finished: transfer.entry };
  }

  /** The stream took everything and the peer does not acknowledge: it has it, as far as anybody can know. */
  assumeTaken(): void {
    this.#settle(this.#sequence);
  }

  /** Takes in an acknowledgement; `false` when it can't be one. */
  ack(ack: BatchAck, now: Millis, out: ReplicationEffect[]): boolean {
    if (ack.sequence > this.#sequence || ack.refused.length > REFUSALS_ACCEPTED_MAX) return false;
    const settled = this.#settle(ack.sequence);
    const last = settled.at(-1);
    if (last === undefined) return true;
    this.lastAckMs = now;
    this.#context.clock.observe(this.#peer, last.sentAt, now, ack.wallMs ?? 0);
    if (this.#context.awaits.size > 0) this.#tellAwaits(ack, settled, out);
    if (ack.refused.length > 0) this.#takeRefusals(ack, settled, now, out);
    this.#tellAcknowledged(ack, settled, out);
    return true;
  }

  #tellAcknowledged(
    { refused }: BatchAck,
    settled: readonly InFlight[],
    out: ReplicationEffect[],
  ): void {
    const { ackedTypes, bootId } = this.#context.config;
    if (ackedTypes.size === 0) return;
    const told = { peer: this.#peer, boot: this.#peerBoot };
    const entries: StoredEntry[] = [];
    for (const batch of settled) {
      for (const entry of batch.entries) {
        if (!ackedTypes.has(entry.type) || entry.version.boot !== bootId) continue;
        if (!refused.some(({ type, key }) => type === entry.type && key === entry.key)) {
          entries.push(entry);
        }
      }
    }
    if (entries.length > 0) this.#context.emit({ type: "acknowledged", ...told, entries }, out);
    const number = settled.reduce((most, { claimed }) => Math.max(most, claimed), 0);
    if (number > 0 && refused.length === 0) {
      this.#context.emit({ type: "caughtUp", ...told, number }, out);
    }
  }

  #tellAwaits({ refused }: BatchAck, settled: readonly InFlight[], out: ReplicationEffect[]): void {
    const { awaits } = this.#context;
    const reasons = new Map(
      refused.map(({ type, key, reason }) => [`${type}\u0000${key}`, reason]),
    );
    for (const { entries } of settled) {
      for (const entry of entries) {
        const reason = reasons.get(`${entry.type}\u0000${entry.key}`);
        if (reason === undefined) awaits.holds(this.#peer, entry, out);
        else awaits.refused(this.#peer, entry, reason.slice(0, REASON_LENGTH_MAX), out);
      }
    }
  }

  #hasRoom(): boolean {
    return this.#inFlight.length < this.#context.config.windowBatches;
  }

  /** A full batch goes at once, a part-filled one not before the interval after the last. */
  #flushAt(): Millis {
    const { batchBytesMax, flushIntervalMs } = this.#context.config;
    if (this.#dirty.bytes >= batchBytesMax) return -Infinity;
    return this.#lastFlushAt + flushIntervalMs;
  }

  #settle(sequence: number): InFlight[] {
    let count = 0;
    while (count < this.#inFlight.length) {
      if ((this.#inFlight[count] as InFlight).sequence > sequence) break;
      count++;
    }
    const settled = this.#inFlight.splice(0, count);
    if (settled.some((batch) => batch.end)) this.#cursor = undefined;
    return settled;
  }

  #takeRefusals(
    { refused }: BatchAck,
    settled: readonly InFlight[],
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    const { store, config, clock, counters } = this.#context;
    const sent: Set<StoredEntry> = new Set(settled.flatMap((batch) => batch.entries));
    for (const { type, key, reason } of refused) {
      const slot = store.find(type, key);
      // What is newer than the refused entry is dirty already.
      if (slot === undefined || !sent.delete(slot.entry)) continue;
      const why = reason.slice(0, REASON_LENGTH_MAX);
      if (why === DELETED) {
        store.drop(slot);
        counters.forgotten++;
        this.#context.emit({ type: "forgotten", entry: slot.entry }, out);
        this.#context.emit({ type: "purged", entry: slot.entry }, out);
        continue;
      }
      this.#context.emit(
        { type: "refused", peer: this.#peer, entityType: type, key, reason: why },
        out,
      );
      const { version } = slot.entry;
      if (
        why === FUTURE_STAMP && isTooFarAhead(version, clock.time(now), config.clockSkewMaxMs)
      ) {
        this.#context.restamp(slot, now, out);
        continue;
      }
      this.#refused.set(slot, why);
      this.#retryAt ??= now + config.refusedRetryMs;
    }
  }

  /** A stamp from the future becomes the present if one waits; other refusals stay until the key changes. */
  #retryRefused(now: Millis): void {
    if (this.#retryAt === undefined || now < this.#retryAt) return;
    this.#retryAt = undefined;
    for (const [slot, reason] of [...this.#refused]) {
      if (!slot.held) this.#refused.delete(slot);
      else if (reason === FUTURE_STAMP) this.mark(slot);
    }
  }
}

function bytesOf(entry: StoredEntry): Uint8Array {
  return entry.bytes;
}
