/**
 * Log records as data; writing them is the driver's business.
 *
 * @module
 */

/** How much a record matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One record. `message` is stable text that operators grep for (spec `cluster.md` 10); `fields` hold no secrets. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}
