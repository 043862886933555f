/**
 * Suspicions of members: begun, confirmed, expired (memberlist.md 4.4).
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Dead } from "../wire/messages.ts";
import type { Due, MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import { suspicionTimeout } from "./scaling.ts";
import { Suspicion, type SuspicionBounds } from "./suspicion.ts";

/** Expiry of one member's suspicion; kept as the deadline's key. */
class Expiry implements Due {
  readonly #countdown: Countdown;
  readonly record: MemberRecord;

  constructor(countdown: Countdown, record: MemberRecord) {
    this.#countdown = countdown;
    this.record = record;
  }

  due(): void {
    this.#countdown.expired(this.record);
  }
}

/** Runs the suspicions of all members. */
export class Countdown {
  readonly #state: MachineState;
  readonly #expiries: Map<MemberRecord, Expiry> = new Map();
  /** Called when silence became death; set once by the machine. */
  onDeath: (message: Dead) => void = () => {};

  /** Deadlines go into `state.deadlines`. */
  constructor(state: MachineState) {
    this.#state = state;
  }

  /** Starts the suspicion of a member. */
  begin(record: MemberRecord, accuser: string): void {
    const { now, awareness } = this.#state;
    record.suspicion = new Suspicion({
      accuser,
      sinceMs: now,
      localHealth: awareness.score,
      lastAckAgoMs: record.lastAckMs < 0 ? undefined : now - record.lastAckMs,
    }, this.#bounds());
    const expiry = new Expiry(this, record);
    this.#expiries.set(record, expiry);
    this.#state.arm(expiry, record.suspicion.deadlineMs);
  }

  /** Counts another accuser; `true` when that is news. An overdue death follows on the next tick. */
  confirm(record: MemberRecord, by: string): boolean {
    const expiry = this.#expiries.get(record);
    if (record.suspicion === undefined || expiry === undefined) return false;
    if (!record.suspicion.confirm(by)) return false;
    this.#state.arm(expiry, record.suspicion.deadlineMs);
    this.#state.members.changed(record);
    return true;
  }

  /** Ends the suspicion, whatever comes of the member. */
  end(record: MemberRecord): void {
    const expiry = this.#expiries.get(record);
    if (expiry === undefined) return;
    this.#expiries.delete(record);
    this.#state.deadlines.delete(expiry);
    record.suspicion = undefined;
  }

  /** This process was blocked: nobody dies before `until`, as a refutation may still wait in a buffer. */
  reprieve(until: Millis): void {
    for (const [record, expiry] of this.#expiries) {
      if (record.suspicion?.reprieve(until) === true) {
        this.#state.arm(expiry, until);
        this.#state.members.changed(record);
      }
    }
  }

  /** Silence became death. */
  expired(record: MemberRecord): void {
    const { name: node, incarnation } = record;
    this.onDeath({ type: "dead", node, incarnation, from: this.#state.self.name });
  }

  #bounds(): SuspicionBounds {
    const { config, members } = this.#state;
    const { suspicionMult, suspicionMaxTimeoutMult, probeIntervalMs } = config;
    const minMs = suspicionTimeout(suspicionMult, members.size, probeIntervalMs);
    const wanted = suspicionMult - 2;
    // With too few others to agree, waiting for them would only make the timeout long.
    const confirmationsMax = wanted < 1 || members.size - 2 < wanted ? 0 : wanted;
    return { minMs, maxMs: suspicionMaxTimeoutMult * minMs, confirmationsMax };
  }
}
