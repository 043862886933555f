import { MICROS_PER_UNIT } from "../../../../src/core/limits/amounts.ts";
import { type ResolvedLimit, resolveLimit } from "../../../../src/core/limits/definition.ts";
import type {
  OwnerConfig,
  OwnerDecision,
  OwnerEffect,
  OwnerInput,
  OwnerMember,
} from "../../../../src/core/limits/owner/contract.ts";
import { Owner } from "../../../../src/core/limits/owner/machine.ts";
import type { OwnerMessage } from "../../../../src/core/limits/owner/messages.ts";
import { Windows } from "../../../../src/core/limits/windows.ts";

/** Cluster time at the start of every test. */
export const START = Date.UTC(2026, 2, 1);

/** Micro-units of an amount. */
export function units(amount: number): number {
  return amount * MICROS_PER_UNIT;
}

/** A limit of ten per minute, unless told otherwise. */
export function limitOf(id: string, fields: Record<string, unknown> = {}): ResolvedLimit {
  const windows = new Windows({ window: () => undefined });
  const value = { limit: 10, window: "1m", strength: "owner", created: `${START}.0.n`, ...fields };
  const resolution = resolveLimit(id, value, { windows, strengths: new Set(["owner"]) });
  if (!resolution.ok) throw new Error(resolution.problem);
  return resolution.limit;
}

/** A message on its way. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: OwnerMessage;
}

/** A few machines and what is between them. */
export class Bench {
  now = 0;
  readonly owners: Map<string, Owner> = new Map();
  readonly decisions: OwnerDecision[] = [];
  readonly events: string[] = [];
  readonly written: string[] = [];
  /** What has not arrived yet, in the order in which it was sent. */
  sent: Sent[] = [];
  /** Messages of which this is true are lost. */
  loses: (sent: Sent) => boolean = () => false;
  readonly #out: OwnerEffect[] = [];

  /** Nodes that see one another, with these limits. */
  constructor(
    names: readonly string[],
    limits: readonly ResolvedLimit[],
    config: Partial<OwnerConfig> = {},
  ) {
    for (const name of names) {
      const self = { node: name, boot: `${name}.1` };
      const owner = new Owner({ self, calendar: { window: () => undefined }, config });
      this.owners.set(name, owner);
    }
    for (const name of names) {
      for (const limit of limits) this.hand(name, { type: "limit", limit });
    }
    this.members(names);
    this.settle();
  }

  /** Everybody sees these ready, and the others so. */
  members(ready: readonly string[], others: readonly OwnerMember[] = []): void {
    const members: OwnerMember[] = [...others];
    for (const name of ready) members.push({ node: name, boot: `${name}.1`, state: "ready" });
    for (const name of this.owners.keys()) this.hand(name, { type: "members", members });
  }

  /** The machine of a node. */
  at(name: string): Owner {
    return this.owners.get(name) as Owner;
  }

  /** Who decides for a limit. */
  ownerOf(id: string): string {
    for (const [name, owner] of this.owners) if (owner.office(id).isOpen) return name;
    throw new Error(`nobody decides for ${id}`);
  }

  /** Hands something in. */
  hand(name: string, input: OwnerInput): void {
    const owner = this.at(name);
    const out = this.#out;
    owner.handle({ type: "wall", wallMs: START + this.now }, this.now, out);
    owner.handle(input, this.now, out);
    for (let effect = out.shift(); effect !== undefined; effect = out.shift()) {
      if (effect.type === "send") {
        this.sent.push({ from: name, to: effect.to, message: effect.message });
      } else if (effect.type === "decided") this.decisions.push(effect.decision);
      else if (effect.type === "event") this.events.push(effect.event.type);
      else if (effect.type === "writeCell") this.written.push(effect.key);
      else owner.handle({ type: "replayed", prefix: effect.prefix }, this.now, out);
    }
  }

  /** Delivers until nothing is under way. */
  settle(): void {
    for (let i = 0; this.sent.length > 0; i++) {
      if (i > 10_000) throw new Error("messages without end");
      const next = this.sent.shift() as Sent;
      if (!this.loses(next) && this.owners.has(next.to)) {
        this.hand(next.to, { type: "message", from: next.from, message: next.message });
      }
    }
  }

  /** Lets time pass; what is due happens and arrives at once. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.settle();
      const due = [...this.owners].map(([name, owner]) => ({
        name,
        at: owner.nextDeadline() ?? Infinity,
      }));
      due.sort((a, b) => a.at - b.at);
      const first = due[0];
      if (first === undefined || first.at > end) break;
      this.now = Math.max(this.now, first.at);
      this.hand(first.name, { type: "tick" });
    }
    this.now = end;
  }

  /** A call of one item, decided within two seconds. */
  take(name: string, limit: string, amount: number, reserveMs = 0): OwnerDecision {
    return this.takeAll(name, [{ limit, amount: units(amount) }], reserveMs);
  }

  /** A call of many items. */
  takeAll(
    name: string,
    items: readonly { readonly limit: string; readonly amount: number }[],
    reserveMs = 0,
  ): OwnerDecision {
    const before = this.decisions.length;
    this.at(name).consume(before, items, this.now, START + this.now, reserveMs);
    this.pass(2);
    for (let i = 0; i < 40 && this.decisions.length === before; i++) this.pass(50);
    const decision = this.decisions[before];
    if (decision === undefined) throw new Error("nothing was decided");
    return decision;
  }

  /** What a node counts of a limit. */
  used(name: string, id: string): number {
    return (this.at(name).used(id)?.used ?? 0) / MICROS_PER_UNIT;
  }
}
