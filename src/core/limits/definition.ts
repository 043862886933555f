/**
 * Limits as entities of type `limit` define them: JSON, checked here and nowhere else.
 *
 * @module
 */

import type { WallMillis } from "../machine.ts";
import { LIMIT_UNITS_MAX, MICROS_PER_UNIT, toMicros } from "./amounts.ts";
import type { CalendarLength } from "./calendar.ts";
import { parseWindowLength } from "./window_length.ts";
import type { Windows, WindowShape } from "./windows.ts";

/** Who has to agree before an amount is taken. */
export type StrengthName = "approximate" | "leased" | "owner";

/** What a node does when it hears of at most half of the members. */
export type WhenIsolated =
  /** It goes on to its equal part of what was left. */
  | "share"
  /** It goes on to the whole limit, as if it were alone. */
  | "limit"
  /** It refuses. */
  | "deny";

/** The value of a `limit` entity. Fields that are not listed are left alone. */
export interface LimitDefinition {
  /** The cap in units, 0 to {@linkcode LIMIT_UNITS_MAX}; six decimals count. */
  readonly limit: number;
  /** `1m`, `30m`, `1h`, `1d`, `1w`, `1M`, `1Y` and multiples. */
  readonly window: string;
  /** Who has to agree. */
  readonly strength: StrengthName;
  /** What is counted, for people: `requests`, `tokens`, `cents`. @default {"requests"} */
  readonly unit?: string;
  /** Counts the last `window` at every instant, to a sixtieth. @default {false} */
  readonly rolling?: boolean;
  /** Windows begin with the day, week, month or year; only with `1d`, `1w`, `1M`, `1Y`. @default {false} */
  readonly calendar?: boolean;
  /** Whose calendar: a name of the IANA time zone database; only with `calendar`. @default {"UTC"} */
  readonly zone?: string;
  /** Required with `approximate`. */
  readonly whenIsolated?: WhenIsolated;
  /** Decides and counts, but admits anyway. @default {false} */
  readonly shadow?: boolean;
  /** The share of the limit at which its use is told as an event, above 0 and up to 1. @default {0.8} */
  readonly nearRatio?: number;
  /**
   * What one call takes at most, in units; what a node may always take before its peers have heard of it is at least
   * this. A larger call may be refused once, for as long as telling the peers takes. @default {1}
   */
  readonly largestCall?: number;
  /**
   * When this limit was first written: `wallMs.logic.origin` of that write's stamp. Set once; counts belong to it, so
   * that a limit deleted and made anew starts from 0.
   */
  readonly created: string;
}

/** A definition that can be counted by. Amounts are micro-units. */
export interface ResolvedLimit {
  /** Key of the entity. */
  readonly id: string;
  /** Creation stamp. */
  readonly created: string;
  /** The cap. */
  readonly limit: number;
  /** How it cuts time. */
  readonly shape: WindowShape;
  /** Who has to agree. */
  readonly strength: StrengthName;
  /** What is counted, for people. */
  readonly unit: string;
  /** What happens among at most half of the members. */
  readonly whenIsolated: WhenIsolated;
  /** Whether it admits whatever it decides. */
  readonly shadow: boolean;
  /** Use at which the near signal is told. */
  readonly nearAt: number;
  /** What one call takes at most. */
  readonly largestCall: number;
}

/** Either the limit, or the sentence that says why it can't be used. */
export type LimitResolution =
  | { readonly ok: true; readonly limit: ResolvedLimit }
  | { readonly ok: false; readonly problem: string };

/** Longest id, in UTF-16 units: keys of cells have room for three bytes each. */
export const LIMIT_ID_LENGTH_MAX = 256;

/** What definitions are checked against. */
export interface LimitChecks {
  /** Says whether a zone is known. */
  readonly windows: Windows;
  /** Strengths that this node can keep. */
  readonly strengths: ReadonlySet<StrengthName>;
}

/**
 * Checks a definition; never throws, for it may come from the network. A problem is one sentence without full stop:
 * what was tried, what is, what is allowed.
 */
export function resolveLimit(id: string, raw: unknown, checks: LimitChecks): LimitResolution {
  try {
    return { ok: true, limit: new Reader(id, raw).resolve(checks) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

/** The instant in a creation stamp; `undefined` when the text is none. */
export function creationMs(created: string): WallMillis | undefined {
  const match = /^(\d{1,15})\.\d{1,5}\..{1,256}$/su.exec(created);
  return match === null ? undefined : Number(match[1]);
}

const STRENGTHS: readonly string[] = ["approximate", "leased", "owner"];
const ISOLATED: readonly string[] = ["share", "limit", "deny"];
const ALIGNED: readonly string[] = ["1d", "1w", "1M", "1Y"];

class Problem extends Error {}

/** Reads one definition; every method throws {@linkcode Problem}. */
class Reader {
  readonly #id: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(id: string, raw: unknown) {
    this.#id = id;
    if (id === "" || id.length > LIMIT_ID_LENGTH_MAX) {
      this.#refuse(`its id has ${id.length} characters, allowed are 1 to ${LIMIT_ID_LENGTH_MAX}`);
    }
    if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
      this.#refuse("its definition is no object");
    }
    this.#fields = raw as Readonly<Record<string, unknown>>;
  }

  resolve(checks: LimitChecks): ResolvedLimit {
    const created = this.#text("created", "");
    const limit = this.#micros("limit", undefined);
    const strength = this.#word("strength", STRENGTHS) as StrengthName;
    if (!checks.strengths.has(strength)) {
      if (strength === "leased") {
        this.#refuse(
          'strength is "leased", set cluster_config.expected_nodes on every node for it',
        );
      }
      const known = [...checks.strengths].map((name) => `"${name}"`).join(", ");
      this.#refuse(`strength is "${strength}", this node can keep ${known}`);
    }
    const near = this.#field("nearRatio") ?? 0.8;
    if (typeof near !== "number" || !(near > 0 && near <= 1)) {
      this.#refuse(`nearRatio is ${shown(near)}, allowed is a number above 0 and up to 1`);
    }
    return Object.freeze({
      id: this.#id,
      created,
      limit,
      shape: this.#shape(created, checks.windows),
      strength,
      unit: this.#text("unit", "requests"),
      whenIsolated: this.#whenIsolated(strength),
      shadow: this.#flag("shadow"),
      nearAt: Math.ceil(limit * near),
      largestCall: this.#micros("largestCall", MICROS_PER_UNIT),
    });
  }

  #shape(created: string, windows: Windows): WindowShape {
    const anchorMs = creationMs(created);
    if (anchorMs === undefined) {
      this.#refuse(`created is ${shown(created)}, allowed is "wallMs.logic.origin"`);
    }
    const text = this.#text("window", "");
    const lengthMs = parseWindowLength(text);
    if (lengthMs === undefined) {
      this.#refuse(
        `window is ${
          shown(text)
        }, allowed is a whole number with m, h, d, w, M or Y, at most ten years`,
      );
    }
    const rolling = this.#flag("rolling");
    const calendar = this.#flag("calendar");
    const zone = this.#text("zone", "UTC");
    if (this.#field("zone") !== undefined && !calendar) {
      this.#refuse('zone is set without "calendar", set both or neither');
    }
    if (rolling && calendar) {
      this.#refuse('both "rolling" and "calendar" are set, choose one');
    }
    if (rolling) return { kind: "rolling", text, lengthMs };
    if (!calendar) return { kind: "fixed", text, lengthMs, anchorMs };
    if (!ALIGNED.includes(text)) {
      this.#refuse(
        `window is "${text}", aligned to the calendar are ${quoted(ALIGNED)}`,
      );
    }
    const shape: WindowShape = { kind: "calendar", text: text as CalendarLength, zone };
    if (windows.at(shape, anchorMs) === undefined) {
      this.#refuse(`zone is ${shown(zone)}, this node's time zone data do not have it`);
    }
    return shape;
  }

  #whenIsolated(strength: StrengthName): WhenIsolated {
    if (this.#field("whenIsolated") === undefined && strength !== "approximate") return "deny";
    return this.#word("whenIsolated", ISOLATED) as WhenIsolated;
  }

  #field(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  #text(name: string, fallback: string): string {
    const value = this.#field(name) ?? fallback;
    if (typeof value !== "string" || value.length > LIMIT_ID_LENGTH_MAX) {
      this.#refuse(
        `${name} is ${
          shown(value)
        }, allowed is a text of at most ${LIMIT_ID_LENGTH_MAX} characters`,
      );
    }
    return value;
  }

  #word(name: string, words: readonly string[]): string {
    const value = this.#field(name);
    if (typeof value !== "string" || !words.includes(value)) {
      this.#refuse(`${name} is ${shown(value)}, allowed are ${quoted(words)}`);
    }
    return value;
  }

  #flag(name: string): boolean {
    const value = this.#field(name) ?? false;
    if (typeof value !== "boolean") {
      this.#refuse(`${name} is ${shown(value)}, allowed is true or false`);
    }
    return value;
  }

  #micros(name: string, fallback: number | undefined): number {
    const value = this.#field(name);
    if (value === undefined && fallback !== undefined) return fallback;
    const micros = typeof value === "number" ? toMicros(value) : undefined;
    if (micros === undefined) {
      this.#refuse(`${name} is ${shown(value)}, allowed is a number from 0 to ${LIMIT_UNITS_MAX}`);
    }
    return micros;
  }

  #refuse(problem: string): never {
    throw new Problem(`Cannot use limit "${this.#id.slice(0, 60)}": ${problem}`);
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return `"${value.slice(0, 60)}"`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(", ");
}
