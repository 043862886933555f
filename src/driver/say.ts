/** @module */

import type { LogLevel } from "../core/log.ts";

/** Writes one log record. */
export type Say = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;
