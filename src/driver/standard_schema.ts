/**
 * Validators of any library that follows Standard Schema (standardschema.dev, version 1), described structurally.
 *
 * @module
 */

import { ClusterError } from "../core/errors.ts";

/** What a validator says. */
export type SchemaVerdict<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** A validator. */
export interface StandardSchema<T> {
  /** The part that the standard names. */
  readonly "~standard": {
    /** Version of the standard. */
    readonly version: 1;
    /** Who made it. */
    readonly vendor: string;
    /** Checks a value; must answer synchronously here. */
    readonly validate: (value: unknown) => SchemaVerdict<T> | Promise<SchemaVerdict<T>>;
  };
}

/**
 * The value as the schema gives it back. Throws `ClusterError` `bad-data` with the first issue, `TypeError` for a
 * schema that validates asynchronously.
 */
export function validated<T>(schema: StandardSchema<T>, value: unknown, what: string): T {
  const verdict = schema["~standard"].validate(value);
  if (verdict instanceof Promise) {
    throw new TypeError(
      `Cannot write ${what}: its schema validates asynchronously, a synchronous one is needed`,
    );
  }
  if (verdict.issues === undefined) return verdict.value;
  const [first] = verdict.issues;
  throw new ClusterError(
    "bad-data",
    `Cannot write ${what}: ${first?.message ?? "the schema refuses it"}`,
  );
}
