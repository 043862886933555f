/**
 * Who there is, and who owns which shard: by highest random weight among the nodes that are ready, so that the second
 * for a shard takes over when the first goes.
 *
 * @module
 */

import type { WriterId } from "../contract.ts";
import { rankFor } from "../rendezvous.ts";
import type { OwnerMember } from "./contract.ts";

/** The first two of a shard. */
export interface Place {
  readonly owner: WriterId | undefined;
  readonly next: WriterId | undefined;
}

const NOBODY: Place = { owner: undefined, next: undefined };

/** See the module. */
export class Roster {
  /** Alive and not left: those a new owner asks. */
  present: readonly OwnerMember[] = [];
  /** Whether at most half of the members that have not left are alive. */
  isIsolated = true;
  /** How many times this node became isolated. */
  isolations = 0;
  /** How many are alive, and how many have not left. */
  alive = 0;
  all = 0;
  readonly #self: WriterId;
  readonly #shards: number;
  readonly #members: Map<string, OwnerMember> = new Map();
  #places: readonly Place[] = [];
  #ranks: readonly (readonly string[])[] = [];

  /** Knows nobody. */
  constructor(self: WriterId, shards: number) {
    this.#shards = shards;
    this.#self = self;
  }

  /** Replaces the members. While we leave, we own nothing whatever they say. */
  set(members: readonly OwnerMember[], isLeaving: boolean): void {
    this.#members.clear();
    for (const member of members) {
      const isUs = member.node === this.#self.node;
      if (isUs && member.boot !== this.#self.boot) continue;
      this.#members.set(member.node, isUs && isLeaving ? { ...member, state: "leaving" } : member);
    }
    const known = [...this.#members.values()];
    this.present = known.filter(({ state }) => state !== "left" && state !== "dead");
    const ready = known.filter(({ state }) => state === "ready");
    const staying = known.filter(({ state }) => state !== "left");
    this.alive = ready.length + known.filter(({ state }) => state === "leaving").length;
    this.all = staying.length;
    const before = this.isIsolated;
    this.isIsolated = this.alive * 2 <= this.all;
    if (this.isIsolated && !before) this.isolations++;
    const nodes = ready.map(({ node }) => node);
    this.#ranks = Array.from({ length: this.#shards }, (_, shard) => rankFor(shard, nodes));
    this.#places = this.#ranks.map(([owner, next]) => ({
      owner: this.#named(owner),
      next: this.#named(next),
    }));
  }

  /** Who owns a shard, and who is next on its ring. */
  place(shard: number): Place {
    return this.#places[shard] ?? NOBODY;
  }

  /** Whether this boot is ours to own the shard. */
  isOurs(shard: number): boolean {
    return this.place(shard).owner?.boot === this.#self.boot;
  }

  /** Whether we come before `node` in a shard; only the ready have a rank. */
  outranks(shard: number, node: string): boolean {
    const ranks = this.#ranks[shard] ?? [];
    const ours = ranks.indexOf(this.#self.node);
    const theirs = ranks.indexOf(node);
    return ours >= 0 && theirs >= 0 && ours < theirs;
  }

  /** What is known of a boot: `gone` when it died, left or was replaced, `stranger` when its node is not known. */
  fate({ node, boot }: WriterId): "present" | "gone" | "stranger" {
    const member = this.#members.get(node);
    if (member === undefined) return "stranger";
    if (member.boot !== boot) return "gone";
    return member.state === "left" || member.state === "dead" ? "gone" : "present";
  }

  /** Whether a boot is there to answer. */
  isPresent(boot: string): boolean {
    return this.present.some((member) => member.boot === boot);
  }

  #named(node: string | undefined): WriterId | undefined {
    return node === undefined ? undefined : this.#members.get(node);
  }
}
