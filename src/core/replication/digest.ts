/**
 * A 16-ary hash tree over the store, so that two stores find what differs by exchanging little (Merkle 1987; here with
 * XOR instead of a hash of hashes, so that a write costs one walk and the shape of the tree does not matter).
 *
 * @module
 */

/** What hangs in the tree. The place is fixed, the digest changes with every write. */
export interface DigestItem {
  /** Hash of the key, leading half first. */
  readonly hashHigh: number;
  readonly hashLow: number;
  /** Hash of key and version, as last told to the tree. */
  digestHigh: number;
  digestLow: number;
}

/** XOR of the digests below a prefix, and how many there are. */
export interface RangeSum {
  readonly hashHigh: number;
  readonly hashLow: number;
  readonly count: number;
}

/** Above this a leaf splits; at a quarter of it children are gathered in again. */
export const LEAF_KEYS_MAX = 64;

/** Hex digits of a full key hash: no prefix is longer. */
export const PREFIX_DIGITS_MAX = 16;

/** Leading halves of hashes are below this. */
const PLACES = 0x1_0000_0000;

interface Node<T> {
  high: number;
  low: number;
  count: number;
  children: (Node<T> | undefined)[] | undefined;
  items: T[] | undefined;
}

const EMPTY: RangeSum = Object.freeze({ hashHigh: 0, hashLow: 0, count: 0 });

/** The digits of a prefix as numbers; `undefined` when it is not one. */
export function parsePrefix(prefix: string): number[] | undefined {
  if (prefix.length > PREFIX_DIGITS_MAX) return undefined;
  const digits: number[] = [];
  for (let i = 0; i < prefix.length; i++) {
    const digit = "0123456789abcdef".indexOf(prefix.charAt(i));
    if (digit < 0) return undefined;
    digits.push(digit);
  }
  return digits;
}

/** The `index`-th hex digit of an item's hash. */
function digitAt(item: DigestItem, index: number): number {
  return index < 8
    ? (item.hashHigh >>> (28 - 4 * index)) & 15
    : (item.hashLow >>> (28 - 4 * (index - 8))) & 15;
}

/** The tree. Adding, changing and removing walk one path; nothing is recomputed. */
export class DigestTree<T extends DigestItem> {
  readonly #root: Node<T> = leaf();

  /** Sum over everything. */
  get root(): RangeSum {
    return sumOf(this.#root);
  }

  /** Adds an item that is not in the tree. */
  add(item: T): void {
    let node = this.#root;
    for (let depth = 0;; depth++) {
      xor(node, item.digestHigh, item.digestLow, 1);
      if (node.children === undefined) {
        (node.items as T[]).push(item);
        if (node.count > LEAF_KEYS_MAX && depth < PREFIX_DIGITS_MAX) split(node, depth);
        return;
      }
      const digit = digitAt(item, depth);
      node = node.children[digit] ??= leaf();
    }
  }

  /** Replaces the digest of an item that is in the tree. */
  change(item: T, digestHigh: number, digestLow: number): void {
    const high = item.digestHigh ^ digestHigh;
    const low = item.digestLow ^ digestLow;
    item.digestHigh = digestHigh;
    item.digestLow = digestLow;
    let node: Node<T> | undefined = this.#root;
    for (let depth = 0; node !== undefined; depth++) {
      xor(node, high, low, 0);
      node = node.children?.[digitAt(item, depth)];
    }
  }

  /** Takes out an item that is in the tree. */
  remove(item: T): void {
    let node = this.#root;
    let gather: Node<T> | undefined;
    for (let depth = 0;; depth++) {
      xor(node, item.digestHigh, item.digestLow, -1);
      if (node.children === undefined) break;
      if (gather === undefined && node.count <= LEAF_KEYS_MAX / 4) gather = node;
      node = node.children[digitAt(item, depth)] as Node<T>;
    }
    const items = node.items as T[];
    const last = items.pop() as T;
    if (last !== item) items[items.indexOf(item)] = last;
    if (gather !== undefined) {
      const rest = [...collect(gather)];
      gather.children = undefined;
      gather.items = rest;
    }
  }

  /** Sum over the items whose hash begins with these digits. */
  sum(digits: readonly number[]): RangeSum {
    let node: Node<T> | undefined = this.#root;
    for (let depth = 0; depth < digits.length; depth++) {
      if (node.children === undefined) return sumWithin(node.items as T[], digits);
      node = node.children[digits[depth] as number];
      if (node === undefined) return EMPTY;
    }
    return sumOf(node);
  }

  /**
   * The items of the leaf around a place, a leading half of a hash, from that place on, and where the next leaf begins;
   * `undefined` after the last.
   */
  rangeAt(place: number): { readonly items: T[]; readonly next: number | undefined } {
    let node: Node<T> | undefined = this.#root;
    let size = PLACES;
    for (let shift = 28; node?.children !== undefined && shift >= 0; shift -= 4) {
      node = node.children[(place >>> shift) & 15];
      size /= 16;
    }
    const next = Math.floor(place / size) * size + size;
    const items: T[] = [];
    if (node !== undefined) {
      for (const item of collect(node)) if ((item.hashHigh >>> 0) >= place) items.push(item);
    }
    return { items, next: next < PLACES ? next : undefined };
  }

  /** The items whose hash begins with these digits. The tree must not change meanwhile. */
  *below(digits: readonly number[]): Generator<T> {
    let node: Node<T> | undefined = this.#root;
    for (let depth = 0; depth < digits.length; depth++) {
      if (node.children === undefined) {
        for (const item of node.items as T[]) if (beginsWith(item, digits)) yield item;
        return;
      }
      node = node.children[digits[depth] as number];
      if (node === undefined) return;
    }
    yield* collect(node);
  }
}

function leaf<T>(): Node<T> {
  return { high: 0, low: 0, count: 0, children: undefined, items: [] };
}

function xor<T>(node: Node<T>, high: number, low: number, count: number): void {
  node.high ^= high;
  node.low ^= low;
  node.count += count;
}

function sumOf<T>(node: Node<T>): RangeSum {
  return { hashHigh: node.high >>> 0, hashLow: node.low >>> 0, count: node.count };
}

function beginsWith(item: DigestItem, digits: readonly number[]): boolean {
  for (let i = 0; i < digits.length; i++) if (digitAt(item, i) !== digits[i]) return false;
  return true;
}

function sumWithin(items: readonly DigestItem[], digits: readonly number[]): RangeSum {
  let high = 0, low = 0, count = 0;
  for (const item of items) {
    if (!beginsWith(item, digits)) continue;
    high ^= item.digestHigh;
    low ^= item.digestLow;
    count++;
  }
  return { hashHigh: high >>> 0, hashLow: low >>> 0, count };
}

function split<T extends DigestItem>(node: Node<T>, depth: number): void {
  const items = node.items as T[];
  const children: (Node<T> | undefined)[] = new Array(16).fill(undefined);
  for (const item of items) {
    const digit = digitAt(item, depth);
    const child = children[digit] ??= leaf<T>();
    xor(child, item.digestHigh, item.digestLow, 1);
    (child.items as T[]).push(item);
  }
  node.children = children;
  node.items = undefined;
}

function* collect<T>(node: Node<T>): Generator<T> {
  if (node.children === undefined) {
    yield* node.items as T[];
    return;
  }
  for (const child of node.children) if (child !== undefined) yield* collect(child);
}
