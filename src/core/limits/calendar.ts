/**
 * What the core must know of calendars; time zones themselves are the platform's business.
 *
 * @module
 */

import type { WallMillis } from "../machine.ts";

/** Lengths that a calendar can align: a day, a week from Monday, a month, a year. */
export type CalendarLength = "1d" | "1w" | "1M" | "1Y";

/** One window of a calendar. */
export interface CalendarWindow {
  /**
   * The window's first local date, as far as the length needs it: `2026-03-29` for a day or a week, `2026-03` for a
   * month, `2026` for a year. Two nodes whose time zone data differ still say the same.
   */
  readonly label: string;
  /** The first instant of the first local date. */
  readonly startMs: WallMillis;
  /** The first instant after the window: the start of the next one. */
  readonly endMs: WallMillis;
}

/** Windows aligned to the Gregorian calendar of a time zone. Pure; MUST NOT throw. */
export interface Calendar {
  /**
   * The window that holds `wallMs`: the latest one that begins at or before it. A window begins at the first instant
   * whose local date is its first date or later, so that days without midnight, days that come twice and days that were
   * left out all have their place. `undefined` when the zone is unknown or the instant is out of range.
   *
   * @param zone A name of the IANA time zone database, such as `Europe/Oslo`, or `UTC`.
   */
  window(length: CalendarLength, zone: string, wallMs: WallMillis): CalendarWindow | undefined;
}
