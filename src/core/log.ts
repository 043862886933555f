/**
 * Log records as data; writing them is the driver's business.
 *
 * @module
 */

/** How much a record matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One record. `message` is stable text that operators grep for (spec `cluster.md` 10); `fields` hold no secrets. */
export interface LogRecord {
  /** How much it matters. */
  readonly level: LogLevel;
  /** Stable text, without values. */
  readonly message: string;
  /** The values; no secrets. */
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}
