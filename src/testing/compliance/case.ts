/** @module */

import { ClusterError, type ClusterErrorCode } from "../../core/errors.ts";
import type { Millis } from "../../core/machine.ts";

/** One rule of a port, ready for any test runner: `it(c.claim, { skip: c.skip ?? false }, () => c.run())`. */
export interface ComplianceCase {
  /** The rule, as a sentence about the implementation. */
  readonly claim: string;
  /** Rejects with an error that names the rule when it is broken. */
  run(): Promise<void>;
  /** Why the case does not apply; to be told to the runner. */
  readonly skip?: string;
}

/** What every suite takes. */
export interface ComplianceSetup {
  /** Claims that an implementation is known to break, each with its reason; a claim that no case has is refused. */
  readonly excused?: Readonly<Record<string, string>>;
  /** Lets time pass on the implementation's clock; default: really waits. For implementations on a virtual clock. */
  readonly pass?: (ms: Millis) => Promise<void>;
}

/** A rule's check; throws when it is broken. */
export type Rule = (bench: Bench) => Promise<void> | void;

/** Makes the cases of `rules`; a rule given as text instead of a check is skipped for that reason. */
export function casesOf(
  setup: ComplianceSetup,
  rules: Readonly<Record<string, Rule | string>>,
): ComplianceCase[] {
  for (const claim of Object.keys(setup.excused ?? {})) {
    if (!Object.hasOwn(rules, claim)) {
      throw new RangeError(`Cannot excuse a broken rule: no case claims "${claim}"`);
    }
  }
  const bench = new Bench(setup.pass ?? wait);
  return Object.entries(rules).map(([claim, rule]) => {
    const skip = typeof rule === "string" ? rule : setup.excused?.[claim];
    return {
      claim,
      ...(skip === undefined ? {} : { skip }),
      async run(): Promise<void> {
        if (typeof rule === "string") return;
        try {
          await rule(bench);
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`Broke the rule "${claim}": ${reason}`, { cause });
        }
      },
    };
  });
}

/** What a check measures with. */
export class Bench {
  /** Lets time pass. */
  readonly pass: (ms: Millis) => Promise<void>;

  /** See {@linkcode ComplianceSetup.pass}. */
  constructor(pass: (ms: Millis) => Promise<void>) {
    this.pass = pass;
  }

  /** Throws `message` unless `condition` holds. */
  expect(condition: boolean, message: string): void {
    if (!condition) throw new Error(message);
  }

  /** Throws unless both read the same; bytes are compared by content. */
  same(actual: unknown, expected: unknown, what: string): void {
    const [a, b] = [textOf(actual), textOf(expected)];
    if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
  }

  /** Waits until `check` holds. */
  async until(what: string, check: () => boolean, withinMs: Millis = 5_000): Promise<void> {
    for (let waited = 0; !check(); waited += 5) {
      if (waited >= withinMs) throw new Error(`waited ${withinMs} ms in vain until ${what}`);
      await this.pass(5);
    }
  }

  /** The outcome of `promise`, or an error when it takes longer than `withinMs`. */
  async within<T>(withinMs: Millis, what: string, promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.until(`${what} settled`, () => settled, withinMs);
    return promise;
  }

  /** Whether `promise` is still unsettled after `ms`. */
  async isPending(promise: Promise<unknown>, ms: Millis): Promise<boolean> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    for (let waited = 0; waited < ms && !settled; waited += 5) await this.pass(5);
    return !settled;
  }

  /** Waits for a `ClusterError` of `code` whose message holds `mention`. */
  async rejects(
    promise: Promise<unknown>,
    code: ClusterErrorCode,
    what: string,
    mention = "",
  ): Promise<void> {
    let error: unknown;
    const caught = promise.then(
      () => false,
      (reason: unknown) => {
        error = reason;
        return true;
      },
    );
    this.expect(await this.within(10_000, what, caught), `${what} was not rejected`);
    if (!ClusterError.is(error, code)) {
      throw new Error(`${what} was not rejected with ClusterError "${code}": ${String(error)}`);
    }
    this.expect(error.message.includes(mention), `"${error.message}" does not say "${mention}"`);
  }
}

/** UTF-8 bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes of hexadecimal text. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** `count` bytes whose value depends on their place, with a period that no buffer size shares. */
export function pattern(count: number, start = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (start + i) % 251);
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    const hex = Array.from(value.subarray(0, 64), (byte) => byte.toString(16).padStart(2, "0"));
    return `${value.length} bytes ${hex.join("")}${
      value.length > 64 ? `… sum ${sumOf(value)}` : ""
    }`;
  }
  return value === undefined ? "undefined" : JSON.stringify(value);
}

/** FNV-1a, so that long byte strings compare whole. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}

function wait(ms: Millis): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
