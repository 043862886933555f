/** @module */

import type { LogRecord } from "../core/log.ts";

/** Where the driver's log records go. MUST NOT throw and MUST NOT block. */
export type LogSink = (record: LogRecord) => void;
