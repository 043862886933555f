/** @module */

/** Of the port `Calendar`. */
type Length = "1d" | "1w" | "1M" | "1Y";

/** Of the port `Calendar`. */
interface Window {
  readonly label: string;
  readonly startMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Local time is no further than this from UTC, with room for a change of it nearby. */
const OFFSET_MS_MAX = 30 * HOUR_MS;

/** 1970 to 9998: every local date has four digits. */
const WALL_MS_MAX = Date.UTC(9998, 0, 1);

/** Zones for which formatters are kept; more push the oldest out. */
const ZONES_MAX = 256;

/**
 * Calendars by `Intl`, with the time zone data that the runtime was built with. Dates are counted as the milliseconds
 * of their midnight in UTC.
 */
export function intlCalendar(): {
  window(length: Length, zone: string, wallMs: number): Window | undefined;
} {
  const zones = new Map<string, Intl.DateTimeFormat>();
  return {
    window(length, zone, wallMs) {
      if (!(wallMs >= 0 && wallMs < WALL_MS_MAX)) return undefined;
      const format = zones.get(zone) ?? formatOf(zone);
      if (format === undefined) return undefined;
      if (zones.size >= ZONES_MAX && !zones.has(zone)) {
        zones.delete(zones.keys().next().value as string);
      }
      zones.set(zone, format);
      return windowAt(length, format, Math.floor(wallMs));
    },
  };
}

function windowAt(length: Length, format: Intl.DateTimeFormat, wallMs: number): Window {
  const today = Math.floor(localMs(format, wallMs) / DAY_MS) * DAY_MS;
  let first = firstDate(length, today);
  let startMs = firstInstant(format, first);
  // A date whose midnight came twice has begun, though the clock was set back to the day before.
  const next = nextDate(length, first);
  const nextStartMs = firstInstant(format, next);
  let endMs = nextStartMs;
  if (nextStartMs <= wallMs) {
    first = next;
    startMs = nextStartMs;
    endMs = firstInstant(format, nextDate(length, first));
  }
  return { label: labelOf(length, first), startMs, endMs };
}

/** The first date of the window that `date` is in. */
function firstDate(length: Length, date: number): number {
  const day = new Date(date);
  switch (length) {
    case "1d":
      return date;
    case "1w":
      return date - ((day.getUTCDay() + 6) % 7) * DAY_MS;
    case "1M":
      return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1);
    case "1Y":
      return Date.UTC(day.getUTCFullYear(), 0, 1);
  }
}

/** The first date of the window after the one that begins with `first`. */
function nextDate(length: Length, first: number): number {
  const day = new Date(first);
  switch (length) {
    case "1d":
      return first + DAY_MS;
    case "1w":
      return first + 7 * DAY_MS;
    case "1M":
      return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1);
    case "1Y":
      return Date.UTC(day.getUTCFullYear() + 1, 0, 1);
  }
}

function labelOf(length: Length, first: number): string {
  const digits = length === "1Y" ? 4 : length === "1M" ? 7 : 10;
  return new Date(first).toISOString().slice(0, digits);
}

/** The first instant whose local date is `date` or a later one. */
function firstInstant(format: Intl.DateTimeFormat, date: number): number {
  let from = date - OFFSET_MS_MAX;
  let offset = offsetMs(format, from);
  while (from < date + OFFSET_MS_MAX) {
    const to = from + HOUR_MS;
    const later = offsetMs(format, to);
    const change = later === offset ? to : changeBetween(format, from, to, offset);
    const midnight = date - offset;
    if (midnight < change) return Math.max(midnight, from);
    // The instant of a change belongs to what comes after it.
    if (later !== offset && change + later >= date) return change;
    from = to;
    offset = later;
  }
  return from;
}

/** The first instant in `(from, to]` whose offset is not `offset`. */
function changeBetween(
  format: Intl.DateTimeFormat,
  from: number,
  to: number,
  offset: number,
): number {
  let before = from;
  let after = to;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetMs(format, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

function offsetMs(format: Intl.DateTimeFormat, wallMs: number): number {
  return localMs(format, wallMs) - wallMs;
}

/** What local clocks show, as if it were UTC. */
function localMs(format: Intl.DateTimeFormat, wallMs: number): number {
  const fields: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(wallMs)) fields[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  const millis = ((wallMs % 1_000) + 1_000) % 1_000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + millis;
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  // Runtimes differ in which offsets they take for a zone; names mean the same on all of them.
  if (!/^[A-Za-z]/.test(zone)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch {
    return undefined;
  }
}
