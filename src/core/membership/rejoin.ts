/**
 * Heals partitions: redials what should be there but is not (memberlist.md 8.4, 1).
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import type { Address, Machine, Millis, Tick } from "../machine.ts";
import { Rng } from "../rng.ts";
import type { Member, MembershipEvent } from "./contract.ts";
import { REJOIN_DEFAULTS, type RejoinOptions } from "./rejoin_options.ts";
import { TokenBucket } from "./token_bucket.ts";

/** What the world tells the rejoin machine. */
export type RejoinInput =
  | Tick
  /** Replaces the configured and discovered addresses. */
  | { readonly type: "candidates"; readonly addresses: readonly Address[] }
  /** What the membership machine told. */
  | { readonly type: "event"; readonly event: MembershipEvent };

/** What the rejoin machine asks of the world. */
export type RejoinEffect =
  /** Hand these to a `join` command of the membership machine. */
  | { readonly type: "join"; readonly addresses: readonly Address[] }
  /** Nobody else has been alive for a while although `candidates` addresses are known. Told once per episode. */
  | { readonly type: "isolated"; readonly candidates: number };

interface Target {
  readonly address: Address;
  candidate: boolean;
  /** Until when a dead member's address is remembered; 0: it is not one. */
  deadUntilMs: Millis;
  attempts: number;
  /** It answered, but no member has this address (a balancer, a second network). */
  answered: boolean;
}

/** The key of the isolation deadline; no address. */
const ISOLATION = "";

/** Watches membership events and asks for joins, with jittered exponential backoff per address. */
export class Rejoin implements Machine<RejoinInput, RejoinEffect> {
  readonly #options: Required<RejoinOptions>;
  readonly #rng: Rng;
  readonly #budget: TokenBucket;
  readonly #deadlines: Deadlines<Address> = new Deadlines();
  readonly #targets: Map<Address, Target> = new Map();
  /** Addresses of live members by name, and how many live at each. */
  readonly #liveByName: Map<string, Address> = new Map();
  readonly #liveAt: Map<Address, number> = new Map();
  #remembered = 0;
  #left = false;
  #toldIsolated = false;

  /** Knows no candidates yet. */
  constructor(options: RejoinOptions) {
    this.#options = { ...REJOIN_DEFAULTS, ...options };
    this.#rng = new Rng(options.seed);
    this.#budget = new TokenBucket(this.#options.joinsPerSecondMax);
  }

  /** Addresses that would be tried if they fell silent or are being tried now. */
  get size(): number {
    return this.#targets.size;
  }

  nextDeadline(): Millis | undefined {
    return this.#deadlines.next();
  }

  handle(input: RejoinInput, now: Millis, out: RejoinEffect[]): void {
    if (input.type === "tick") this.#tick(now, out);
    else if (input.type === "candidates") this.#candidates(input.addresses, now);
    else this.#event(input.event, now);
    this.#watchIsolation(now);
  }

  #candidates(addresses: readonly Address[], now: Millis): void {
    const wanted = new Set(addresses.slice(0, this.#options.candidatesMax));
    wanted.delete(this.#options.self);
    for (const target of [...this.#targets.values()]) {
      if (target.candidate && !wanted.has(target.address)) {
        target.candidate = false;
        this.#forgetIfIdle(target);
      }
    }
    for (const address of wanted) {
      const target = this.#target(address);
      if (target.candidate) continue;
      target.candidate = true;
      this.#retry(target, now);
    }
  }

  #event(event: MembershipEvent, now: Millis): void {
    switch (event.type) {
      case "joined":
      case "updated":
      case "cleared":
        this.#present(event.member, now);
        return;
      case "gone":
        this.#gone(event.member, now);
        return;
      case "merged": {
        const target = this.#targets.get(event.from);
        if (target !== undefined) target.answered = true;
      }
    }
  }

  #present(member: Member, now: Millis): void {
    const { name, address } = member;
    if (address === this.#options.self) {
      if (this.#left) { for (const target of this.#targets.values()) this.#retry(target, now); }
      this.#left = false;
      return;
    }
    if (this.#liveByName.get(name) === address) return;
    this.#absent(name);
    this.#liveByName.set(name, address);
    this.#liveAt.set(address, (this.#liveAt.get(address) ?? 0) + 1);
    this.#deadlines.delete(address);
    const target = this.#targets.get(address);
    if (target !== undefined) this.#forgetDead(target);
  }

  #gone(member: Member, now: Millis): void {
    const { name, address, state } = member;
    if (address === this.#options.self) {
      this.#left = state === "left";
      return;
    }
    this.#absent(name);
    if (state === "left") {
      const known = this.#targets.get(address);
      if (known !== undefined) this.#forgetDead(known);
    }
    if (this.#liveAt.has(address)) return;
    if (state === "left") {
      const known = this.#targets.get(address);
      if (known !== undefined) this.#retry(known, now);
      return;
    }
    const target = this.#target(address);
    if (target.deadUntilMs === 0) this.#remembered++;
    target.deadUntilMs = now + this.#options.rememberMs;
    this.#retry(target, now);
    this.#forgetOldest();
  }

  #absent(name: string): void {
    const address = this.#liveByName.get(name);
    if (address === undefined) return;
    this.#liveByName.delete(name);
    const count = (this.#liveAt.get(address) ?? 1) - 1;
    if (count > 0) this.#liveAt.set(address, count);
    else this.#liveAt.delete(address);
  }

  #tick(now: Millis, out: RejoinEffect[]): void {
    const addresses: Address[] = [];
    for (
      let due = this.#deadlines.pop(now);
      due !== undefined;
      due = this.#deadlines.pop(now)
    ) {
      if (due === ISOLATION) {
        this.#toldIsolated = true;
        out.push({ type: "isolated", candidates: this.#targets.size });
      } else if (this.#isDue(this.#targets.get(due), now)) {
        addresses.push(due);
      }
    }
    if (addresses.length > 0) out.push({ type: "join", addresses });
  }

  #isDue(target: Target | undefined, now: Millis): boolean {
    if (target === undefined || this.#left) return false;
    if (target.deadUntilMs > 0 && target.deadUntilMs <= now) this.#forgetDead(target);
    if (!this.#targets.has(target.address) || this.#liveAt.has(target.address)) return false;
    const affordable = this.#budget.take(now);
    if (affordable) target.attempts++;
    this.#arm(target, now);
    return affordable;
  }

  #target(address: Address): Target {
    const known = this.#targets.get(address);
    if (known !== undefined) return known;
    const target: Target = {
      address,
      candidate: false,
      deadUntilMs: 0,
      attempts: 0,
      answered: false,
    };
    this.#targets.set(address, target);
    return target;
  }

  /** Starts the backoff over. */
  #retry(target: Target, now: Millis): void {
    target.attempts = 0;
    target.answered = false;
    if (!this.#liveAt.has(target.address)) this.#arm(target, now);
  }

  #arm(target: Target, now: Millis): void {
    const { baseMs, candidateCapMs, deadCapMs } = this.#options;
    const capMs = target.candidate && !target.answered ? candidateCapMs : deadCapMs;
    const waitMs = Math.min(capMs, baseMs * (1 << Math.min(target.attempts, 20)));
    this.#deadlines.set(target.address, now + waitMs * this.#rng.between(0.5, 1));
  }

  /** It is no dead member's address any more. */
  #forgetDead(target: Target): void {
    if (target.deadUntilMs > 0) this.#remembered--;
    target.deadUntilMs = 0;
    this.#forgetIfIdle(target);
  }

  #forgetIfIdle(target: Target): void {
    if (target.candidate || target.deadUntilMs > 0) return;
    this.#targets.delete(target.address);
    this.#deadlines.delete(target.address);
  }

  #forgetOldest(): void {
    for (const target of this.#targets.values()) {
      if (this.#remembered <= this.#options.rememberMax) return;
      if (target.deadUntilMs > 0) this.#forgetDead(target);
    }
  }

  #watchIsolation(now: Millis): void {
    if (this.#liveByName.size > 0 || this.#targets.size === 0 || this.#left) {
      this.#deadlines.delete(ISOLATION);
      this.#toldIsolated = false;
    } else if (!this.#toldIsolated && this.#deadlines.get(ISOLATION) === undefined) {
      this.#deadlines.set(ISOLATION, now + this.#options.isolatedAfterMs);
    }
  }
}
