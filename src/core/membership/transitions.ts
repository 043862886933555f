/**
 * The state machine of members: what alive, suspect and dead messages do (memberlist.md 3.3 to 3.5).
 *
 * @module
 */

import type { Address } from "../machine.ts";
import type { Dead, Suspect } from "../wire/messages.ts";
import { acceptableName, plausibleAccusation } from "./admission.ts";
import type { BroadcastWatch } from "./audience.ts";
import type { Countdown } from "./countdown.ts";
import type { MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { News } from "./news.ts";
import type { Refuter } from "./refuter.ts";

/** Applies accusations and deaths; newcomers and comebacks are in `Arrivals`. */
export class Transitions {
  readonly #state: MachineState;
  readonly #news: News;
  readonly #refuter: Refuter;
  readonly #countdown: Countdown;

  /** `countdown` starts and ends suspicions. */
  constructor(state: MachineState, news: News, refuter: Refuter, countdown: Countdown) {
    this.#state = state;
    this.#news = news;
    this.#refuter = refuter;
    this.#countdown = countdown;
  }

  /** Applies an accusation. `from` is the address of the packet that carried it, if one did. */
  suspect(message: Suspect, from: Address | undefined): void {
    const record = this.#accused(message);
    if (record === undefined) return;
    if (record.suspicion !== undefined) return this.#confirm(record, message, from);
    if (record.state !== "alive") return this.#raise(record, message, from);
    if (this.#state.isSelf(record)) {
      this.#refuter.refute(message.incarnation, message.from, from);
      return;
    }
    record.incarnation = message.incarnation;
    this.#state.members.setState(record, "suspect", this.#state.now);
    this.#countdown.begin(record, message.from);
    this.#state.members.changed(record);
    this.#publish(record, message, from);
    this.#state.emit({ type: "suspected", member: record.view() });
  }

  /** Applies a death sentence, or a leave when it is of the member itself. */
  dead(message: Dead, from: Address | undefined, watch?: BroadcastWatch): void {
    const record = this.#accused(message);
    if (record === undefined) return;
    if (!record.live) return this.#raise(record, message, from);
    if (this.#state.isSelf(record) && !this.#state.leaving) {
      this.#refuter.refute(message.incarnation, message.from, from);
      return;
    }
    const evidence = record.suspicion?.evidence();
    this.#countdown.end(record);
    record.evidence = evidence;
    record.incarnation = message.incarnation;
    const left = message.from === message.node;
    this.#state.members.setState(record, left ? "left" : "dead", this.#state.now);
    this.#state.members.changed(record);
    this.#publish(record, message, from, watch);
    this.#state.emit({ type: "gone", member: record.view() });
  }

  /** The member in question, when what is said of it is neither unknown, nor stale, nor absurd. */
  #accused(message: Suspect | Dead): MemberRecord | undefined {
    const record = this.#state.members.get(message.node);
    if (record === undefined || message.incarnation < record.incarnation) return undefined;
    if (!plausibleAccusation(message.incarnation, record.incarnation)) {
      this.#state.counters.incarnationsRefused++;
      return undefined;
    }
    return acceptableName(message.from) ? record : undefined;
  }

  #confirm(record: MemberRecord, message: Suspect, from: Address | undefined): void {
    const confirmed = this.#countdown.confirm(record, message.from);
    if (message.incarnation > record.incarnation) this.#raise(record, message, from);
    else if (confirmed) this.#publish(record, message, from);
  }

  /**
   * Evidence of a higher incarnation about somebody suspect or gone: nothing changes, but an older alive message
   * must not revive it any more (memberlist.md 8.3, 6). It is news, as others may hold the lower one.
   */
  #raise(record: MemberRecord, message: Suspect | Dead, from: Address | undefined): void {
    if (message.incarnation === record.incarnation || this.#state.isSelf(record)) return;
    record.incarnation = message.incarnation;
    this.#state.members.changed(record);
    this.#publish(record, message, from);
  }

  /** Passes it on, but not back to where it came from. */
  #publish(
    record: MemberRecord,
    message: Suspect | Dead,
    from: Address | undefined,
    watch?: BroadcastWatch,
  ): void {
    this.#news.publish(record.name, message, watch, from === undefined ? [] : [from]);
  }
}
