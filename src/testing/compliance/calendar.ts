/** @module */

import type { Calendar, CalendarLength, CalendarWindow } from "../../ports/calendar.ts";
import { type Bench, casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface CalendarSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly calendar: Calendar;
}

const LENGTHS: readonly CalendarLength[] = ["1d", "1w", "1M", "1Y"];

/** Zones with every kind of oddity: both hemispheres, half hours, midnights that jump, dates left out. */
const ZONES: readonly string[] = [
  "UTC",
  "Europe/Oslo",
  "America/New_York",
  "America/Sao_Paulo",
  "America/St_Johns",
  "Africa/Cairo",
  "Asia/Kolkata",
  "Asia/Beirut",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Kiritimati",
];

/** The rules of {@linkcode Calendar}. Instants are of years whose time zone rules are history. */
export function calendarCases(setup: CalendarSetup): ComplianceCase[] {
  const { calendar } = setup;
  const holds = (bench: Bench, expected: Expected): void => {
    const { at, length, zone } = expected;
    const window = calendar.window(length, zone, Date.parse(at));
    const shown = window === undefined
      ? undefined
      : `${window.label} ${iso(window.startMs)} ${iso(window.endMs)}`;
    const [start, end] = [expected.start, expected.end].map((text) => iso(Date.parse(text)));
    bench.same(shown, `${expected.label} ${start} ${end}`, `${length} in ${zone} at ${at}`);
  };
  const day = (zone: string, at: string, label: string, start: string, end: string): Expected => ({
    length: "1d",
    zone,
    at,
    label,
    start,
    end,
  });

  return casesOf(setup, {
    "begins days at local midnight": (bench) => {
      holds(
        bench,
        day("UTC", "2024-05-05T00:00Z", "2024-05-05", "2024-05-05T00:00Z", "2024-05-06T00:00Z"),
      );
      const oslo = ["2024-05-04T22:00Z", "2024-05-05T22:00Z"] as const;
      holds(bench, day("Europe/Oslo", "2024-05-05T21:59Z", "2024-05-05", ...oslo));
      const kolkata = ["2024-05-04T18:30Z", "2024-05-05T18:30Z"] as const;
      holds(bench, day("Asia/Kolkata", "2024-05-04T18:30Z", "2024-05-05", ...kolkata));
      const kiritimati = ["2024-05-04T10:00Z", "2024-05-05T10:00Z"] as const;
      holds(bench, day("Pacific/Kiritimati", "2024-05-04T10:00Z", "2024-05-05", ...kiritimati));
    },

    "makes days of 23 and 25 hours where the clock is changed": (bench) => {
      const spring = ["2024-03-30T23:00Z", "2024-03-31T22:00Z"] as const;
      holds(bench, day("Europe/Oslo", "2024-03-31T12:00Z", "2024-03-31", ...spring));
      const autumn = ["2024-10-26T22:00Z", "2024-10-27T23:00Z"] as const;
      holds(bench, day("Europe/Oslo", "2024-10-27T00:30Z", "2024-10-27", ...autumn));
      const newYork = ["2024-03-10T05:00Z", "2024-03-11T04:00Z"] as const;
      holds(bench, day("America/New_York", "2024-03-10T05:00Z", "2024-03-10", ...newYork));
      const half = ["2024-04-06T13:00Z", "2024-04-07T13:30Z"] as const;
      holds(bench, day("Australia/Lord_Howe", "2024-04-07T00:00Z", "2024-04-07", ...half));
    },

    "begins days without midnight at their first instant": (bench) => {
      const saoPaulo = ["2018-11-04T03:00Z", "2018-11-05T02:00Z"] as const;
      holds(bench, day("America/Sao_Paulo", "2018-11-04T03:00Z", "2018-11-04", ...saoPaulo));
      const before = ["2018-11-03T03:00Z", "2018-11-04T03:00Z"] as const;
      holds(bench, day("America/Sao_Paulo", "2018-11-04T02:59Z", "2018-11-03", ...before));
      const cairo = ["2024-04-25T22:00Z", "2024-04-26T21:00Z"] as const;
      holds(bench, day("Africa/Cairo", "2024-04-26T10:00Z", "2024-04-26", ...cairo));
      const beirut = ["2022-03-26T22:00Z", "2022-03-27T21:00Z"] as const;
      holds(bench, day("Asia/Beirut", "2022-03-27T10:00Z", "2022-03-27", ...beirut));
    },

    "begins days whose midnight comes twice with the first, and does not go back": (bench) => {
      const first = ["2010-11-07T02:30Z", "2010-11-08T03:30Z"] as const;
      for (const at of ["02:30", "02:31", "02:45", "03:29", "03:31"]) {
        holds(bench, day("America/St_Johns", `2010-11-07T${at}Z`, "2010-11-07", ...first));
      }
      const before = ["2010-11-06T02:30Z", "2010-11-07T02:30Z"] as const;
      holds(bench, day("America/St_Johns", "2010-11-07T02:29Z", "2010-11-06", ...before));
      const saoPaulo = ["2019-02-16T02:00Z", "2019-02-17T03:00Z"] as const;
      holds(bench, day("America/Sao_Paulo", "2019-02-17T02:30Z", "2019-02-16", ...saoPaulo));
    },

    "knows no day that was left out": (bench) => {
      const last = ["2011-12-29T10:00Z", "2011-12-30T10:00Z"] as const;
      holds(bench, day("Pacific/Apia", "2011-12-30T09:59Z", "2011-12-29", ...last));
      const next = ["2011-12-30T10:00Z", "2011-12-31T10:00Z"] as const;
      holds(bench, day("Pacific/Apia", "2011-12-30T10:00Z", "2011-12-31", ...next));
    },

    "begins weeks on Monday": (bench) => {
      const week = { length: "1w", zone: "Europe/Oslo", label: "2024-12-30" } as const;
      const [start, end] = ["2024-12-29T23:00Z", "2025-01-05T23:00Z"];
      holds(bench, { ...week, at: "2025-01-05T22:59Z", start, end });
      holds(bench, { ...week, at: "2024-12-29T23:00Z", start, end });
      const utc = { length: "1w", zone: "UTC", at: "2024-03-03T12:00Z" } as const;
      holds(bench, {
        ...utc,
        label: "2024-02-26",
        start: "2024-02-26T00:00Z",
        end: "2024-03-04T00:00Z",
      });
    },

    "ends months where they end, leap years included": (bench) => {
      const utc = { length: "1M", zone: "UTC" } as const;
      const [january, february, march] = ["2024-01-01", "2024-02-01", "2024-03-01"].map((text) =>
        `${text}T00:00Z`
      ) as [string, string, string];
      holds(bench, {
        ...utc,
        at: "2024-01-31T23:59Z",
        label: "2024-01",
        start: january,
        end: february,
      });
      holds(bench, {
        ...utc,
        at: "2024-02-29T23:59Z",
        label: "2024-02",
        start: february,
        end: march,
      });
      holds(bench, {
        ...utc,
        at: "2023-02-28T23:59Z",
        label: "2023-02",
        start: "2023-02-01T00:00Z",
        end: "2023-03-01T00:00Z",
      });
      holds(bench, {
        length: "1M",
        zone: "America/New_York",
        at: "2024-03-01T04:59Z",
        label: "2024-02",
        start: "2024-02-01T05:00Z",
        end: "2024-03-01T05:00Z",
      });
    },

    "ends years with the local year": (bench) => {
      holds(bench, {
        length: "1Y",
        zone: "UTC",
        at: "2024-12-31T23:59Z",
        label: "2024",
        start: "2024-01-01T00:00Z",
        end: "2025-01-01T00:00Z",
      });
      holds(bench, {
        length: "1Y",
        zone: "Pacific/Kiritimati",
        at: "2024-12-31T10:00Z",
        label: "2025",
        start: "2024-12-31T10:00Z",
        end: "2025-12-31T10:00Z",
      });
    },

    "leaves no gap and no overlap in any zone": (bench) => {
      for (const zone of ZONES) {
        for (const length of LENGTHS) walk(bench, calendar, length, zone);
      }
    },

    "says nothing about zones it does not know and instants out of range": (bench) => {
      for (const zone of ["", "Nowhere/Land", "Europe/", "+01:00", "../UTC", "\u0000"]) {
        bench.same(calendar.window("1d", zone, 0), undefined, `the window in "${zone}"`);
      }
      for (const at of [NaN, Infinity, -Infinity, 1e300]) {
        bench.same(calendar.window("1d", "UTC", at), undefined, `the window at ${at}`);
      }
    },
  });
}

interface Expected {
  readonly length: CalendarLength;
  readonly zone: string;
  readonly at: string;
  readonly label: string;
  readonly start: string;
  readonly end: string;
}

/** From window to window: each holds its first and last instant, and the next begins where it ends. */
function walk(bench: Bench, calendar: Calendar, length: CalendarLength, zone: string): void {
  const from = length === "1d" ? "2011-12-20T00:00Z" : "2010-06-01T00:00Z";
  let window = calendar.window(length, zone, Date.parse(from));
  const labels = new Set<string>();
  for (let i = 0; i < 16; i++) {
    if (window === undefined) throw new Error(`there is no ${length} in ${zone}`);
    const { label, startMs, endMs }: CalendarWindow = window;
    bench.expect(endMs > startMs, `${label} in ${zone} is empty`);
    bench.expect(!labels.has(label), `${label} in ${zone} came twice`);
    labels.add(label);
    for (const at of [startMs, startMs + 0.5, endMs - 1]) {
      bench.same(calendar.window(length, zone, at), window, `${label} in ${zone} at ${at}`);
    }
    window = calendar.window(length, zone, endMs);
    bench.same(window?.startMs, endMs, `the start of what follows ${label} in ${zone}`);
  }
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
