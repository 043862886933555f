/** @module */

import type { Millis, WallMillis } from "../core/machine.ts";

/** Time as the driver sees it. The only place in `src/` where time comes from. */
export interface Clock {
  /** Monotonic milliseconds, with fractions; the zero point means nothing. */
  now(): Millis;
  /** The wall clock; may jump. */
  wall(): WallMillis;
  /**
   * Calls `fire` once at or after `at` (monotonic), never before and never synchronously; answers a function that
   * disarms it (harmless when it has fired). MUST NOT keep the process alive.
   */
  alarm(at: Millis, fire: () => void): () => void;
}
