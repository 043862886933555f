/**
 * Cluster time: our wall clock, corrected by the median of what the links measure. One clock that is off, ours included,
 * then moves no stamp.
 *
 * @module
 */

import type { Millis, WallMillis } from "../machine.ts";

/** Samples kept per peer; the one with the shortest round trip counts. */
const SAMPLES_MAX = 16;

/** Samples closer together than this tell nothing new. */
const SAMPLE_GAP_MS = 1_000;

interface Sample {
  readonly roundTripMs: Millis;
  /** The peer's wall clock minus our monotonic one. */
  readonly aheadMs: number;
}

interface PeerClock {
  readonly samples: Sample[];
  lastAt: Millis;
}

/** Wall clock and cluster time from the monotonic clock; both may be asked at any `now`. */
export class ClusterClock {
  readonly #peers: Map<string, PeerClock> = new Map();
  #offset = 0;
  #correction: number | undefined = 0;

  /** Says what the wall clock shows at `now`. */
  setWall(wallMs: WallMillis, now: Millis): void {
    this.#offset = wallMs - now;
    this.#correction = undefined;
  }

  /** Our own wall clock. */
  wall(now: Millis): WallMillis {
    return now + this.#offset;
  }

  /** Cluster time: what stamps and the refusal of stamps go by. */
  time(now: Millis): WallMillis {
    return now + this.#offset + this.correctionMs;
  }

  /** The monotonic instant at which cluster time shows `wallMs`. */
  monotonic(wallMs: WallMillis): Millis {
    return wallMs - this.#offset - this.correctionMs;
  }

  /** What cluster time adds to our own clock: the median of the peers' offsets and our own 0. */
  get correctionMs(): number {
    this.#correction ??= median([0, ...this.#offsets()]);
    return this.#correction;
  }

  /** A peer showed `wallMs` somewhere between `sentAt` and `receivedAt` of our monotonic clock. */
  observe(peer: string, sentAt: Millis, receivedAt: Millis, wallMs: WallMillis): void {
    if (!(wallMs > 0) || !Number.isFinite(wallMs)) return;
    let clock = this.#peers.get(peer);
    if (clock === undefined) {
      clock = { samples: [], lastAt: receivedAt };
      this.#peers.set(peer, clock);
    } else if (receivedAt - clock.lastAt < SAMPLE_GAP_MS) {
      return;
    }
    clock.lastAt = receivedAt;
    const aheadMs = wallMs - (sentAt + receivedAt) / 2;
    clock.samples.push({ roundTripMs: receivedAt - sentAt, aheadMs });
    if (clock.samples.length > SAMPLES_MAX) clock.samples.shift();
    this.#correction = undefined;
  }

  /** A peer is gone: its clock no longer counts. */
  forget(peer: string): void {
    if (this.#peers.delete(peer)) this.#correction = undefined;
  }

  #offsets(): number[] {
    return Array.from(this.#peers.values(), ({ samples }) => {
      let best = samples[0] as Sample;
      for (const sample of samples) if (sample.roundTripMs <= best.roundTripMs) best = sample;
      return best.aheadMs - this.#offset;
    });
  }
}

/** The middle value, or the mean of the two in the middle. */
function median(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length >> 1;
  const upper = values[middle] as number;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] as number) + upper) / 2;
}
