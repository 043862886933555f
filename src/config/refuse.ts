/**
 * The sentences in which a configuration is refused.
 *
 * @module
 */

import { ClusterError } from "../core/errors.ts";

/** How much of a value or a key a sentence repeats. */
const SHOWN_LENGTH_MAX = 60;

/** Throws `ClusterError` `bad-config`; `problem` says what is and what is allowed or to be done, without a full stop. */
export function refuse(path: string, problem: string): never {
  throw new ClusterError("bad-config", `Cannot use ${path}: ${problem}`);
}

/** A value as a sentence repeats it: text quoted and cut, composite values by their kind only. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(clipped(value));
  if (value === null || typeof value === "boolean" || typeof value === "number") {
    return String(value);
  }
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The path of a key under `parent`, quoted where it would not read as a name. */
export function childPath(parent: string, key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) && key.length <= SHOWN_LENGTH_MAX
    ? `${parent}.${key}`
    : `${parent}[${JSON.stringify(clipped(key))}]`;
}

/** `"a", "b" or "c"`. */
export function anyOf(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  const last = quoted.pop() ?? "nothing";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

function clipped(text: string): string {
  return text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}...`;
}
