/**
 * The vocabulary in which `schema.ts` describes a configuration: data, from which the check and the JSON Schema are
 * derived.
 *
 * @module
 */

import type { TextFormat } from "./formats.ts";

/** What every field has. */
interface FieldBase {
  /** What it means, for people: shown by editors. */
  readonly doc: string;
  /** It must be there. */
  readonly required?: boolean;
  /** Where the default comes from when it is no constant. */
  readonly derived?: string;
}

/** `true` or `false`. */
export interface FlagField extends FieldBase {
  readonly kind: "flag";
  readonly default?: boolean;
}

/** A number within bounds. */
export interface NumberField extends FieldBase {
  readonly kind: "number";
  readonly integer: boolean;
  /** The least value; just below the least when `above` is set. */
  readonly minimum: number;
  readonly maximum: number;
  /** `minimum` itself is not allowed. */
  readonly above?: boolean;
  /** The number may also be written as text. */
  readonly orText?: boolean;
  readonly default?: number;
}

/** One of a few words. */
export interface ChoiceField extends FieldBase {
  readonly kind: "choice";
  readonly choices: readonly string[];
  readonly default?: string;
}

/** Some text. */
export interface TextField extends FieldBase {
  readonly kind: "text";
  readonly format: TextFormat;
  /** Never repeated in a message. */
  readonly secret?: boolean;
  readonly default?: string;
}

/** A list of texts; empty unless given. */
export interface ListField extends FieldBase {
  readonly kind: "list";
  readonly item: TextField;
}

/** A list of objects; empty unless given. */
export interface GroupsField extends FieldBase {
  readonly kind: "groups";
  readonly item: GroupField;
  readonly lengthMax: number;
}

/** An object. */
export interface GroupField extends FieldBase {
  readonly kind: "group";
  readonly fields: Readonly<Record<string, Field>>;
  /** Keys that are not described belong to somebody else and are left alone. */
  readonly open?: boolean;
}

/** Another place for a value; `of` is a path from the root group. Both may be given when they agree. */
export interface AliasField extends FieldBase {
  readonly kind: "alias";
  readonly of: string;
}

/** One field. */
export type Field =
  | FlagField
  | NumberField
  | ChoiceField
  | TextField
  | ListField
  | GroupsField
  | GroupField
  | AliasField;

/** Lists are no longer than this. */
export const LIST_LENGTH_MAX = 10_000;

/** The field at a dotted path of a group; aliases are followed. Throws `TypeError` when there is none. */
export function fieldAt(root: GroupField, path: string): Exclude<Field, AliasField> {
  let field: Field = root;
  for (const key of path.split(".")) {
    const next: Field | undefined = field.kind === "group" ? field.fields[key] : undefined;
    if (next === undefined) throw new TypeError(`Cannot find a field: "${path}" is not described`);
    field = next;
  }
  return field.kind === "alias" ? fieldAt(root, field.of) : field;
}
