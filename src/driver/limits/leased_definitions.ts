/**
 * Which limits are leased, and as what the roles know them.
 *
 * @module
 */

import type { Version } from "../../core/hlc.ts";
import type { Counter } from "../../core/limits/counter.ts";
import type { ResolvedLimit } from "../../core/limits/definition.ts";
import type { LeasedLimitFacts } from "../../core/limits/leased/contract.ts";
import { leasedKey, leasedSpan, leaseWindowAt } from "../../core/limits/leased/lease_windows.ts";
import { LeasedStrength } from "../../core/limits/leased/leased_strength.ts";
import type { Strength } from "../../core/limits/strength.ts";
import type { Windows } from "../../core/limits/windows.ts";
import type { Leasing } from "./leasing.ts";

/** See the module. */
export class LeasedDefinitions {
  readonly #leasing: Leasing;
  readonly #windows: Windows;
  /** Versions of definitions, by id of the limit. */
  readonly #versions: Map<string, Version> = new Map();
  /** Keys of leased limits, by id of the limit. */
  readonly #keys: Map<string, string> = new Map();
  /** Keys that deleted limits had, by id, until nobody remembers the delete. */
  readonly #gone: Map<string, string> = new Map();

  /** Knows none. */
  constructor(leasing: Leasing, windows: Windows) {
    this.#leasing = leasing;
    this.#windows = windows;
  }

  /** A definition of this version is about to come. */
  expect(id: string, version: Version): void {
    this.#versions.set(id, version);
  }

  /** The limit is this now; `undefined`: there is none that can be used. */
  define(id: string, limit: ResolvedLimit | undefined): void {
    const before = this.#keys.get(id);
    if (limit?.strength === "leased") {
      const facts = this.#facts(limit);
      this.#leasing.limit(facts);
      this.#keys.set(id, facts.key);
      if (before !== undefined && before !== facts.key) this.#leasing.noLimit(before);
      return;
    }
    this.#versions.delete(id);
    if (before === undefined) return;
    this.#keys.delete(id);
    this.#gone.set(id, before);
    this.#leasing.noLimit(before);
  }

  /** Nobody remembers the delete of a limit any more. */
  forget(id: string): void {
    const key = this.#gone.get(id);
    this.#gone.delete(id);
    if (key !== undefined) this.#leasing.forget(key);
  }

  /** Who decides for a leased limit. */
  strength(limit: ResolvedLimit, counter: Counter): Strength {
    return new LeasedStrength(this.#leasing.limit(this.#facts(limit)), limit, counter);
  }

  #facts(limit: ResolvedLimit): LeasedLimitFacts {
    const { id, shape, whenIsolated, limit: cap } = limit;
    return {
      key: leasedKey(limit),
      version: this.#versions.get(id) as Version,
      cap,
      span: leasedSpan(shape),
      whenIsolated,
      windowAt: (wallMs) => leaseWindowAt(this.#windows, shape, wallMs),
    };
  }
}
