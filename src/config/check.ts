/**
 * Checks a raw object against its description, key by key. Relations between fields are the business of `resolve.ts`.
 *
 * @module
 */

import {
  type ChoiceField,
  type Field,
  fieldAt,
  type FlagField,
  type GroupField,
  type GroupsField,
  LIST_LENGTH_MAX,
  type ListField,
  type NumberField,
  type TextField,
} from "./field.ts";
import { TEXT_LENGTH_MAX } from "./formats.ts";
import { anyOf, childPath, refuse, shown } from "./refuse.ts";
import { nearest } from "./suggest.ts";

/** Looks an environment variable up. */
export type EnvLookup = (name: string) => string | undefined;

/** Whether `value` is an object with keys, as JSON and YAML make them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text that is meant to name a variable, although its name can't be one; in other fields it may be a host's name. */
const NEARLY_A_VARIABLE = /^env\.[A-Z_][A-Z0-9_.-]*$/;

type Scalar = FlagField | NumberField | ChoiceField | TextField;
type Value = boolean | number | string | readonly string[];

/** What was checked, by path. */
interface Checked {
  readonly values: ReadonlyMap<string, Value>;
  readonly given: ReadonlySet<string>;
  readonly groups: ReadonlyMap<string, readonly CheckedValues[]>;
}

/** The values of a checked group, by dotted path; constant defaults are filled in. */
export class CheckedValues {
  /** The path of the group itself, for messages. */
  readonly path: string;
  readonly #root: GroupField;
  readonly #checked: Checked;
  /** What stands before every path of ours in `#checked`. */
  readonly #prefix: string;

  /** Use {@linkcode checkGroup}. */
  constructor(path: string, root: GroupField, checked: Checked, prefix = "") {
    this.path = path;
    this.#root = root;
    this.#checked = checked;
    this.#prefix = prefix;
  }

  /** The values of a group inside of this one, by their paths from there. */
  within(path: string): CheckedValues {
    const group = fieldAt(this.#root, path);
    if (group.kind !== "group") throw new TypeError(`Cannot look into "${path}": it is no group`);
    return new CheckedValues(
      `${this.path}.${path}`,
      group,
      this.#checked,
      `${this.#prefix}${path}.`,
    );
  }

  /** The entries of a list of groups, empty when not given. */
  groups(path: string): readonly CheckedValues[] {
    return this.#checked.groups.get(this.#prefix + path) ?? [];
  }

  /** Whether the file holds this field or group, under this name or another. */
  given(path: string): boolean {
    return this.#checked.given.has(this.#prefix + path);
  }

  /** A flag that is required or has a default. */
  flag(path: string): boolean {
    return this.#get(path, "boolean") as boolean;
  }

  /** A number that is required or has a default. */
  number(path: string): number {
    return this.#get(path, "number") as number;
  }

  /** A number, `undefined` when not given. */
  numberIfGiven(path: string): number | undefined {
    return this.given(path) ? this.number(path) : undefined;
  }

  /** A text or choice that is required or has a default. */
  text(path: string): string {
    return this.#get(path, "string") as string;
  }

  /** A text or choice, `undefined` when not given. */
  textIfGiven(path: string): string | undefined {
    return this.given(path) ? this.text(path) : undefined;
  }

  /** A list, empty when not given. */
  list(path: string): readonly string[] {
    return this.#get(path, "object") as readonly string[];
  }

  /** Refuses the field at `path` with a sentence that names it. */
  refuse(path: string, problem: string): never {
    return refuse(`${this.path}.${path}`, problem);
  }

  #get(path: string, type: string): Value {
    const field = fieldAt(this.#root, path);
    const value = this.#checked.values.get(this.#prefix + path) ??
      (field.kind === "list" ? [] : defaultOf(field));
    const actual: string = typeof value;
    if (actual !== type) throw new TypeError(`Cannot read "${path}" as ${type}: it is ${actual}`);
    return value as Value;
  }
}

/**
 * Checks `raw` against `root`. Throws `ClusterError` `bad-config` for the first thing that is wrong, in the order of
 * the description; unknown keys come before the values of their group.
 *
 * @param path How messages call `raw`.
 */
export function checkGroup(
  root: GroupField,
  raw: unknown,
  path: string,
  env: EnvLookup,
): CheckedValues {
  const check = new Check(root, path, env);
  check.group(root, raw, "");
  return new CheckedValues(path, root, check);
}

class Check implements Checked {
  readonly values = new Map<string, Value>();
  readonly given = new Set<string>();
  readonly groups = new Map<string, readonly CheckedValues[]>();
  readonly #sources = new Map<string, string>();
  readonly #root: GroupField;
  readonly #path: string;
  readonly #env: EnvLookup;

  constructor(root: GroupField, path: string, env: EnvLookup) {
    this.#root = root;
    this.#path = path;
    this.#env = env;
  }

  group(group: GroupField, raw: unknown, at: string): void {
    if (!isRecord(raw)) {
      refuse(this.#full(at), `current value is ${shown(raw)}, allowed is an object`);
    }
    if (group.open !== true) this.#refuseUnknownKeys(group, raw, at);
    for (const [key, field] of Object.entries(group.fields)) {
      const path = at === "" ? key : `${at}.${key}`;
      if (Object.hasOwn(raw, key)) {
        this.#field(field, raw[key], path, path);
      } else if (field.required === true) {
        refuse(this.#full(path), `it is missing, allowed is ${allowed(field)}`);
      }
    }
  }

  #field(field: Field, raw: unknown, path: string, source: string): void {
    if (field.kind === "alias") {
      return this.#field(fieldAt(this.#root, field.of), raw, field.of, source);
    }
    const already = this.given.has(path) ? this.values.get(path) : undefined;
    this.given.add(path);
    if (field.kind === "group") return this.group(field, raw, path);
    if (field.kind === "groups") {
      this.groups.set(path, this.#groups(field, raw, this.#full(source)));
      return;
    }
    const value = field.kind === "list"
      ? this.#list(field, raw, source)
      : this.#scalar(field, raw, this.#full(source));
    if (already !== undefined && already !== value) {
      const other = this.#full(this.#sources.get(path) ?? path);
      refuse(
        this.#full(source),
        `it is not the same as ${other}, leave one of them out`,
      );
    }
    this.values.set(path, value);
    this.#sources.set(path, source);
  }

  #groups(field: GroupsField, raw: unknown, full: string): readonly CheckedValues[] {
    if (!Array.isArray(raw)) {
      refuse(full, `current value is ${shown(raw)}, allowed is ${allowed(field)}`);
    }
    if (raw.length > field.lengthMax) {
      refuse(full, `it has ${raw.length} entries, allowed are ${field.lengthMax}`);
    }
    return Array.from(
      raw,
      (item: unknown, index) => checkGroup(field.item, item, `${full}[${index}]`, this.#env),
    );
  }

  #list(field: ListField, raw: unknown, source: string): readonly string[] {
    const full = this.#full(source);
    if (!Array.isArray(raw)) {
      refuse(full, `current value is ${shownFor(field.item, raw)}, allowed is ${allowed(field)}`);
    }
    if (raw.length > LIST_LENGTH_MAX) {
      refuse(full, `it has ${raw.length} entries, allowed are ${LIST_LENGTH_MAX}`);
    }
    // Array.from visits holes, which map would skip.
    return Array.from(
      raw,
      (item: unknown, index) => this.#scalar(field.item, item, `${full}[${index}]`) as string,
    );
  }

  #scalar(field: Scalar, raw: unknown, full: string): Value {
    const variable = typeof raw === "string" ? /^env\.([A-Za-z_]\w*)$/.exec(raw)?.[1] : undefined;
    if (variable === undefined) {
      if (isNearlyVariable(field, raw)) {
        refuse(
          full,
          "it looks like env.NAME but is none, a name has letters, digits and _ only and " +
            "begins with no digit, rename the variable",
        );
      }
      const value = accepted(field, raw, false);
      if (value !== undefined) return value;
      refuse(full, `current value is ${shownFor(field, raw)}, allowed is ${allowed(field)}`);
    }
    const found = this.#env(variable);
    const quoted = JSON.stringify(variable);
    if (found === undefined) {
      refuse(
        full,
        `environment variable ${quoted} is not set, set it or write the value into the file`,
      );
    }
    const value = accepted(field, found, true);
    if (value !== undefined) return value;
    // What a variable holds may be a secret, whatever the field: it is never repeated.
    refuse(
      full,
      `what environment variable ${quoted} holds is not allowed, allowed is ${allowed(field)}`,
    );
  }

  #refuseUnknownKeys(group: GroupField, raw: Record<string, unknown>, at: string): void {
    const known = Object.keys(group.fields);
    for (const key of Object.keys(raw)) {
      if (Object.hasOwn(group.fields, key)) continue;
      refuse(
        childPath(this.#full(at), key),
        `there is no such key, the nearest known key is ${
          JSON.stringify(nearest(key, known) ?? "")
        }`,
      );
    }
  }

  #full(at: string): string {
    return at === "" ? this.#path : `${this.#path}.${at}`;
  }
}

/** The value when it is allowed. `fromText`: numbers and flags are written as text, as in an environment variable. */
function accepted(field: Scalar, raw: unknown, fromText: boolean): Value | undefined {
  switch (field.kind) {
    case "flag": {
      const value = fromText && (raw === "true" || raw === "false") ? raw === "true" : raw;
      return typeof value === "boolean" ? value : undefined;
    }
    case "number": {
      const readable = (fromText || field.orText === true) && typeof raw === "string" &&
        /^-?\d{1,15}(\.\d{1,9})?$/.test(raw);
      const value = readable ? Number(raw) : raw;
      return typeof value === "number" && fits(field, value) ? value : undefined;
    }
    case "choice":
      return typeof raw === "string" && field.choices.includes(raw) ? raw : undefined;
    case "text":
      return typeof raw === "string" && raw.length <= TEXT_LENGTH_MAX && field.format.accepts(raw)
        ? raw
        : undefined;
  }
}

/** Whether a misspelt variable would be taken for the value itself, which for a secret means that everybody knows it. */
function isNearlyVariable(field: Scalar, raw: unknown): boolean {
  if (typeof raw !== "string" || field.kind !== "text") return false;
  return field.secret === true ? raw.startsWith("env.") : NEARLY_A_VARIABLE.test(raw);
}

function fits(field: NumberField, value: number): boolean {
  return Number.isFinite(value) && (!field.integer || Number.isInteger(value)) &&
    (field.above === true ? value > field.minimum : value >= field.minimum) &&
    value <= field.maximum;
}

function defaultOf(field: Field): Value | undefined {
  return field.kind === "list" || field.kind === "group" || field.kind === "groups" ||
      field.kind === "alias"
    ? undefined
    : field.default;
}

function shownFor(field: Field, raw: unknown): string {
  const secret = field.kind === "text" && field.secret === true;
  return secret && (typeof raw === "string" || typeof raw === "number") ? "hidden" : shown(raw);
}

/** What a field allows, ready to stand after "allowed is". */
export function allowed(field: Field): string {
  switch (field.kind) {
    case "flag":
      return "true or false";
    case "number": {
      const kind = field.integer ? "an integer" : "a number";
      const low = field.above === true ? `above ${field.minimum} and` : `from ${field.minimum}`;
      const range = `${low} ${field.above === true ? "up to" : "to"} ${field.maximum}`;
      return `${kind} ${range}${field.orText === true ? ", also as text" : ""}`;
    }
    case "choice":
      return anyOf(field.choices);
    case "text":
      return field.format.allowed;
    case "list":
      return `a list whose entries are each ${field.item.format.allowed}`;
    case "groups":
      return "a list of objects";
    case "group":
    case "alias":
      return "an object";
  }
}
