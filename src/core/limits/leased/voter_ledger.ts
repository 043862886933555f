/**
 * What a voter has written down of one shard.
 *
 * Invariant: a row only grows, as long as its window is kept; a window is let go only together with the word that it is
 * closed, and nothing is ever stored in a closed window again. So of any two majorities that stored and were asked, one
 * voter either still has the row or says that its window is closed.
 *
 * @module
 */

import { compareVersions } from "../../hlc.ts";
import type { Millis, WallMillis } from "../../machine.ts";
import type { HolderRow, LeaseWindow, LedgerSlice, LimitTerms, Row } from "./contract.ts";
import type { Verdict } from "./messages.ts";

/** How far a window may be from a voter's cluster time, at most. */
export const DRIFT_MS_MAX = 1_000;

/** How far this window may be from a voter's cluster time. */
export function driftMs(window: LeaseWindow): Millis {
  return Math.min(DRIFT_MS_MAX, (window.endMs - window.startMs) / 100);
}

interface Book {
  terms: LimitTerms;
  span: number;
  closed: number;
  readonly windows: Map<number, { readonly window: LeaseWindow; readonly rows: Map<string, Row> }>;
}

/** See the module. */
export class VoterLedger {
  readonly #books: Map<string, Book> = new Map();

  /** How many limits are kept. */
  get size(): number {
    return this.#books.size;
  }

  /** Merges a slice, unless it must be refused; `wallMs` is this voter's cluster time. */
  store(slice: LedgerSlice, wallMs: WallMillis): Verdict["verdict"] {
    const book = this.#books.get(slice.limit) ?? {
      terms: termsOf(slice),
      span: slice.span,
      closed: -Infinity,
      windows: new Map(),
    };
    const { order, startMs, endMs } = slice.window;
    if (compareVersions(slice.version, book.terms.version) < 0) return "version";
    const isMarker = slice.rows.length === 0 && slice.closed !== undefined && order <= slice.closed;
    const toleranceMs = driftMs(slice.window);
    if (!isMarker && wallMs < startMs - toleranceMs) return "early";
    this.#books.set(slice.limit, book);
    book.terms = termsOf(slice);
    book.span = slice.span;
    const isLate = wallMs > endMs + toleranceMs;
    // A window that counts alone and is over may be closed at once; one of a ring still counts.
    const over = isLate && slice.span === 1 ? order : order - slice.span;
    this.#close(book, Math.max(slice.closed ?? -Infinity, over));
    if (order <= book.closed) return "late";
    merge(book, slice.window, slice.rows);
    return isLate ? "late" : "stored";
  }

  /** Takes back what was written to storage; nothing is refused. */
  restore(slice: LedgerSlice): void {
    const known = this.#books.get(slice.limit);
    const book = known ??
      { terms: termsOf(slice), span: slice.span, closed: -Infinity, windows: new Map() };
    this.#books.set(slice.limit, book);
    if (compareVersions(slice.version, book.terms.version) > 0) book.terms = termsOf(slice);
    book.span = slice.span;
    this.#close(book, Math.max(slice.closed ?? -Infinity, slice.window.order - slice.span));
    if (slice.window.order > book.closed) merge(book, slice.window, slice.rows);
  }

  /** Newest terms stored of a limit. */
  terms(limit: string): LimitTerms | undefined {
    return this.#books.get(limit)?.terms;
  }

  /** One window of a limit as it is stored, or that it is closed. */
  slice(limit: string, order: number): LedgerSlice | undefined {
    const book = this.#books.get(limit);
    return book === undefined ? undefined : sliceOf(limit, book, order);
  }

  /** Everything. */
  slices(): LedgerSlice[] {
    const slices: LedgerSlice[] = [];
    for (const [limit, book] of this.#books) {
      for (const order of book.windows.keys()) slices.push(sliceOf(limit, book, order));
      if (book.windows.size === 0) slices.push(sliceOf(limit, book, book.closed));
    }
    return slices;
  }

  /** The limit was deleted so long ago that nobody will grant of it any more. */
  forget(limit: string): void {
    this.#books.delete(limit);
  }

  #close(book: Book, order: number): void {
    if (order <= book.closed) return;
    book.closed = order;
    for (const each of book.windows.keys()) if (each <= order) book.windows.delete(each);
  }
}

function merge(book: Book, window: LeaseWindow, rows: readonly HolderRow[]): void {
  let kept = book.windows.get(window.order);
  if (kept === undefined) book.windows.set(window.order, kept = { window, rows: new Map() });
  for (const row of rows) {
    const known = kept.rows.get(row.holder);
    kept.rows.set(row.holder, known === undefined ? rowOf(row) : largerRow(known, row));
  }
}

function sliceOf(limit: string, book: Book, order: number): LedgerSlice {
  const { terms, span, closed, windows } = book;
  const kept = windows.get(order);
  const window = kept?.window ?? { order, startMs: 0, endMs: 0 };
  const rows = [...kept?.rows ?? []].map(([holder, row]) => ({ holder, ...row }));
  const slice = { limit, ...terms, window, span, rows };
  return closed === -Infinity ? slice : { ...slice, closed };
}

function termsOf({ version, cap }: LimitTerms): LimitTerms {
  return { version, cap };
}

function rowOf({ granted, returned, spent }: Row): Row {
  return { granted, returned, spent };
}

/** Merge by maximum. */
export function largerRow(a: Row, b: Row): Row {
  return {
    granted: Math.max(a.granted, b.granted),
    returned: Math.max(a.returned, b.returned),
    spent: Math.max(a.spent, b.spent),
  };
}
