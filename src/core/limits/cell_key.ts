/**
 * Keys of counter cells: whose column of which window of which counter.
 *
 * @module
 */

/** What a cell's key says. */
export interface CellAddress {
  readonly limit: string;
  /** Creation stamp of the limit, as its definition has it. */
  readonly created: string;
  /** Id of the window. */
  readonly window: string;
  /** The one writer: node id. */
  readonly node: string;
  /** The one writer: boot id. */
  readonly boot: string;
}

/** The key of a cell: five parts with `|` in between, `%` and `|` within them as `%25` and `%7C`. */
export function cellKey(address: CellAddress): string {
  return windowKeyPrefix(address.limit, address.created, address.window) +
    `${escaped(address.node)}|${escaped(address.boot)}`;
}

/** What the keys of all cells of one window begin with, and no others. */
export function windowKeyPrefix(limit: string, created: string, window: string): string {
  return `${escaped(limit)}|${escaped(created)}|${escaped(window)}|`;
}

/** Reads a key; `undefined` when it is none that {@linkcode cellKey} makes. */
export function parseCellKey(key: string): CellAddress | undefined {
  const parts = key.split("|");
  if (parts.length !== 5) return undefined;
  if (key.includes("%") && /%(?!25|7C)/.test(key)) return undefined;
  const [limit, created, window, node, boot] = parts.map(unescaped);
  if (!limit || !created || !window || !node || !boot) return undefined;
  return { limit, created, window, node, boot };
}

/** Names a writer in tables and orders writers; unambiguous. */
export function writerKey(node: string, boot: string): string {
  return `${escaped(node)}|${escaped(boot)}`;
}

function escaped(part: string): string {
  return /[%|]/.test(part) ? part.replaceAll("%", "%25").replaceAll("|", "%7C") : part;
}

function unescaped(part: string): string {
  return part.includes("%") ? part.replaceAll("%7C", "|").replaceAll("%25", "%") : part;
}
