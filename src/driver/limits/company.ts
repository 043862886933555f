/**
 * Who else counts and votes: gossip's members joined with what they say of themselves.
 *
 * @module
 */

import type { LeasedMember } from "../../core/limits/leased/contract.ts";
import type { WriterId } from "../../core/limits/contract.ts";
import type { Millis } from "../../core/machine.ts";
import type { MemberState } from "../../core/membership/contract.ts";
import type { KnownMember } from "../member_view.ts";
import type { NodeMeta } from "../node_meta.ts";
import type { Touch } from "./envelope.ts";

/** Says in metadata that a node keeps limits. */
export const LIMITS_CAPABILITY = "limits:v1";

/** How long a member that died without a word may come back: as long as the longest tolerated absence. */
const ABSENCE_MS_MAX = 86_400_000;

/** Members that died and were forgotten by gossip; more push the oldest out. */
const ABSENT_MAX = 1_024;

interface Companion {
  readonly boot: string;
  readonly state: MemberState;
  /** When gossip forgot it; `undefined` while it does not. */
  readonly forgottenAt: Millis | undefined;
}

/** What a boot said of itself. */
type Word = Pick<Touch, "ready" | "leaving" | "voter">;

/** The members, ourselves included. */
export class Company {
  readonly #self: WriterId;
  readonly #expected: number;
  /** By node id. */
  #known: Map<string, Companion> = new Map();
  /** By node id: what its newest boot said. */
  readonly #words: Map<string, Word & { readonly boot: string }> = new Map();

  /** `expected`: how many nodes the cluster is meant to have; 0: not known. */
  constructor(self: WriterId, expected: number) {
    this.#self = self;
    this.#expected = expected;
  }

  /** Gossip's members now. */
  look(members: readonly KnownMember[], now: Millis): void {
    const newest = new Map<string, { readonly meta: NodeMeta; readonly state: MemberState }>();
    for (const { member: { state }, meta } of members) {
      if (meta === undefined || !meta.capabilities.includes(LIMITS_CAPABILITY)) continue;
      const rival = newest.get(meta.nodeId);
      if (rival === undefined || rival.meta.startedMs < meta.startedMs) {
        newest.set(meta.nodeId, { meta, state });
      }
    }
    newest.delete(this.#self.node);
    const next = new Map<string, Companion>();
    for (const [node, { meta: { bootId }, state }] of newest) {
      next.set(node, { boot: bootId, state, forgottenAt: undefined });
    }
    this.#remember(next, now);
    this.#known = next;
    for (const node of this.#words.keys()) if (!next.has(node)) this.#words.delete(node);
  }

  /** A boot said how it is. */
  said(node: string, boot: string, { ready, leaving, voter }: Touch): void {
    this.#words.set(node, { boot, ready, leaving, voter });
  }

  /** The present boot of a node that has not left, as gossip has it. */
  bootOf(node: string): string | undefined {
    const companion = this.#known.get(node);
    return companion === undefined || companion.state === "left" ? undefined : companion.boot;
  }

  /** Nodes that have not left, dead ones too. */
  *nodes(): Generator<string> {
    for (const [node, { state }] of this.#known) if (state !== "left") yield node;
  }

  /** Nodes that can hear us. */
  *reachable(): Generator<string> {
    for (const [node, { state }] of this.#known) {
      if (state === "alive" || state === "suspect") yield node;
    }
  }

  /** All that have not left, and those of them that are alive and through with their first sync. */
  counting(isReady: boolean): {
    readonly members: readonly WriterId[];
    readonly alive: readonly WriterId[];
  } {
    const members: WriterId[] = [this.#self];
    const alive: WriterId[] = isReady ? [this.#self] : [];
    for (const [node, { boot, state }] of this.#known) {
      if (state === "left") continue;
      members.push({ node, boot });
      const isAlive = state === "alive" || state === "suspect";
      if (isAlive && this.#wordOf(node, boot)?.ready === true) alive.push({ node, boot });
    }
    return { members, alive };
  }

  /** Those whose way of voting is known. */
  voting(voter: string, isLeaving: boolean): readonly LeasedMember[] {
    const { node, boot } = this.#self;
    const members: LeasedMember[] = [
      { node, boot, voter, state: isLeaving ? "leaving" : "alive" },
    ];
    for (const [name, companion] of this.#known) {
      const word = this.#wordOf(name, companion.boot);
      if (word === undefined) continue;
      members.push({
        node: name,
        boot: companion.boot,
        voter: word.voter,
        state: stateOf(companion.state, word.leaving),
      });
    }
    return members;
  }

  #wordOf(node: string, boot: string): Word | undefined {
    const word = this.#words.get(node);
    return word?.boot === boot ? word : undefined;
  }

  /** Keeps whom gossip forgot, unless everybody that there should be is there. */
  #remember(next: Map<string, Companion>, now: Millis): void {
    const absent: [string, Companion][] = [];
    for (const [node, companion] of this.#known) {
      if (next.has(node) || companion.state === "left") continue;
      const forgottenAt = companion.forgottenAt ?? now;
      if (now - forgottenAt > ABSENCE_MS_MAX) continue;
      absent.push([node, { ...companion, state: "dead", forgottenAt }]);
    }
    absent.sort(([, a], [, b]) => (b.forgottenAt as Millis) - (a.forgottenAt as Millis));
    const room = this.#expected > 0 ? this.#expected - next.size - 1 : ABSENT_MAX;
    for (const [node, companion] of absent.slice(0, Math.max(0, room))) next.set(node, companion);
  }
}

function stateOf(state: MemberState, isLeaving: boolean): LeasedMember["state"] {
  if (state === "left" || state === "dead") return state;
  return isLeaving ? "leaving" : "alive";
}
