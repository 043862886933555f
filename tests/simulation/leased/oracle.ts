/**
 * What is true of the whole cluster, whatever its nodes believe: every admitted unit is counted here, by the window its
 * right names, and held against the largest cap that was in force during that window.
 *
 * @module
 */

import type { Version } from "../../../src/core/hlc.ts";
import type { LeaseWindow } from "../../../src/core/limits/leased/contract.ts";

/** One definition of a limit. */
export interface CapVersion {
  readonly version: Version;
  readonly cap: number;
  readonly writtenAt: number;
  /** When anything was first admitted under it; `Infinity`: never. */
  firstUsedAt: number;
}

/** One limit and its definitions, oldest first. */
export class LimitTruth {
  readonly key: string;
  readonly windowMs: number;
  readonly span: number;
  readonly versions: CapVersion[] = [];
  /** Reserved, by window. */
  readonly reserved: Map<number, number> = new Map();
  /** Used up but not reserved, by window: settled above the estimate, or below it when the window was over. */
  readonly beside: Map<number, number> = new Map();

  /** A limit with its first cap. */
  constructor(key: string, windowMs: number, span: number, cap: number) {
    this.key = key;
    this.windowMs = windowMs;
    this.span = span;
    this.define(cap, 0);
  }

  /** The newest definition; its version. */
  get newest(): CapVersion {
    return this.versions.at(-1) as CapVersion;
  }

  /** Somebody writes another cap. */
  define(cap: number, now: number): void {
    const version = { wallMs: this.versions.length + 1, logic: 0, origin: "a", boot: "a" };
    this.versions.push({ version, cap, writtenAt: now, firstUsedAt: Infinity });
  }

  /** The window that holds an instant of cluster time. */
  windowAt(wallMs: number): LeaseWindow {
    const order = Math.floor(wallMs / this.windowMs);
    return { order, startMs: order * this.windowMs, endMs: (order + 1) * this.windowMs };
  }

  /** Reserved in the ring that ends with `order`. */
  inRing(order: number, amounts: ReadonlyMap<number, number> = this.reserved): number {
    let sum = 0;
    for (let each = order - this.span + 1; each <= order; each++) {
      sum += amounts.get(each) ?? 0;
    }
    return sum;
  }

  /** Counts `amount`; negative when less was needed. */
  count(order: number, amount: number): void {
    this.reserved.set(order, (this.reserved.get(order) ?? 0) + amount);
  }

  /** Notes what is used up though not reserved. */
  countBeside(order: number, amount: number): void {
    this.beside.set(order, (this.beside.get(order) ?? 0) + amount);
  }

  /**
   * The largest cap in force during a window: a definition is in force from when it is written until the first use of a
   * newer one; what was in force when the window (or its ring) began counts.
   */
  largestCap(order: number, slackMs: number, wallOf: (now: number) => number): number {
    const startMs = (order - this.span + 1) * this.windowMs;
    let superseded = false;
    let largest = 0;
    for (let i = this.versions.length - 1; i >= 0; i--) {
      const version = this.versions[i] as CapVersion;
      if (!superseded) largest = Math.max(largest, version.cap);
      if (wallOf(version.firstUsedAt) < startMs - slackMs) superseded = true;
    }
    return largest;
  }
}
