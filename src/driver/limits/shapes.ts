/**
 * Says whether data that came from the network has a shape.
 *
 * @module
 */

/** Whether a value has a shape. Never throws. */
export type Shape = (value: unknown) => boolean;

/** Names are no longer than this, in UTF-16 units: ids with every character escaped, and what is put around them. */
const TEXT_LENGTH_MAX = 4_096;

/** Lists are no longer than this. */
const LIST_LENGTH_MAX = 65_536;

/** A text. */
export const text: Shape = (value) => typeof value === "string" && value.length <= TEXT_LENGTH_MAX;

/** A whole number that is exact. */
export const whole: Shape = Number.isSafeInteger;

/** A whole number from 0. */
export const count: Shape = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

/** A finite number. */
export const finite: Shape = Number.isFinite;

/** True or false. */
export const flag: Shape = (value) => typeof value === "boolean";

/** One of these texts. */
export function oneOf(...words: readonly string[]): Shape {
  return (value) => typeof value === "string" && words.includes(value);
}

/** A list. */
export function list(item: Shape): Shape {
  return (value) => Array.isArray(value) && value.length <= LIST_LENGTH_MAX && value.every(item);
}

/** An object with these fields; those of `optional` may be left out, others are ignored. */
export function object(
  fields: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>> = {},
): Shape {
  const required = Object.entries(fields);
  const others = Object.entries(optional);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const record = value as Readonly<Record<string, unknown>>;
    return required.every(([name, shape]) => Object.hasOwn(record, name) && shape(record[name])) &&
      others.every(([name, shape]) => !Object.hasOwn(record, name) || shape(record[name]));
  };
}

/** An object whose `type` says which of these shapes it has. */
export function variant(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value) => {
    if (typeof value !== "object" || value === null) return false;
    const type = (value as { readonly type?: unknown }).type;
    return typeof type === "string" && Object.hasOwn(shapes, type) &&
      (shapes[type] as Shape)(value);
  };
}
