/**
 * Which shard a limit belongs to, and which node serves a shard: highest random weight (Thaler and Ravishankar 1998),
 * so that a node that comes or goes moves only its own shards.
 *
 * @module
 */

import { compareUtf8 } from "../utf8_order.ts";

/** Into how many shards the limits hash, where something serves many of them at once. */
export const SHARDS = 64;

/** The shard of a limit's key, 0 to {@linkcode SHARDS} - 1. */
export function shardOf(key: string): number {
  return (hashText(key, 0x51ed270b) >>> 0) % SHARDS;
}

/** How much a name weighs for a shard, a whole number of 32 bits. */
export function weightOf(name: string, shard: number): number {
  return hashText(name, mix(Math.imul(shard + 1, 0x9e3779b1))) >>> 0;
}

/** The names by weight for a shard, heaviest first; ties by UTF-8 order. */
export function rankFor(shard: number, names: Iterable<string>): string[] {
  const weighed = [...names].map((name) => ({ name, weight: weightOf(name, shard) }));
  weighed.sort((a, b) => b.weight - a.weight || compareUtf8(a.name, b.name));
  return weighed.map(({ name }) => name);
}

/** The name that serves a shard; `undefined` without names. */
export function ownerOf(shard: number, names: Iterable<string>): string | undefined {
  let owner: string | undefined;
  let heaviest = -1;
  for (const name of names) {
    const weight = weightOf(name, shard);
    if (weight < heaviest) continue;
    if (weight === heaviest && owner !== undefined && compareUtf8(owner, name) < 0) continue;
    owner = name;
    heaviest = weight;
  }
  return owner;
}

function hashText(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x9e3779b1);
    h ^= h >>> 15;
  }
  return mix(h ^ text.length);
}

/** The 32-bit finaliser of MurmurHash3 (A. Appleby, public domain). */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
