/**
 * Answers to what is said about ourselves (memberlist.md 3.6).
 *
 * @module
 */

import type { Address } from "../machine.ts";
import type { Alive } from "../wire/messages.ts";
import type { BroadcastWatch } from "./audience.ts";
import { INCARNATION_MAX } from "./admission.ts";
import type { MachineState } from "./machine_state.ts";
import type { News } from "./news.ts";
import type { Outbox } from "./outbox.ts";

/** Outbids accusations with a higher incarnation. */
export class Refuter {
  readonly #state: MachineState;
  readonly #news: News;
  readonly #outbox: Outbox;

  /** Speaks for `state.self`. */
  constructor(state: MachineState, news: News, outbox: Outbox) {
    this.#state = state;
    this.#news = news;
    this.#outbox = outbox;
  }

  /** Our own alive message as it stands. */
  alive(): Alive {
    const { name, incarnation, addr, port, meta, vsn } = this.#state.self;
    return { type: "alive", node: name, incarnation, addr, port, meta, vsn };
  }

  /** Announces ourselves with the incarnation we have. */
  announce(watch?: BroadcastWatch): Uint8Array {
    return this.#news.publish(this.#state.self.name, this.alive(), watch);
  }

  /** The incarnation after ours and after `accused`; it stops at the ceiling instead of wrapping to 0. */
  nextIncarnation(accused: number = 0): number {
    const { self } = this.#state;
    return Math.max(
      self.incarnation,
      Math.min(INCARNATION_MAX, Math.max(self.incarnation, accused) + 1),
    );
  }

  /**
   * Outbids `accused`. With `replyTo`, the address the accusation came from, the answer also goes straight there:
   * who accuses us may be nobody we gossip with, as after a partition.
   */
  refute(accused: number, accuser: string, replyTo: Address | undefined): void {
    const { self, members, counters } = this.#state;
    self.incarnation = this.nextIncarnation(accused);
    members.changed(self);
    counters.refutations++;
    this.#state.adjustHealth(1);
    const bytes = this.announce();
    this.#state.emit({ type: "refuted", incarnation: self.incarnation, accuser });
    if (replyTo === undefined) return;
    if (this.#state.unsolicited.take(this.#state.now)) {
      this.#outbox.sendParts(replyTo, [bytes], undefined);
    } else {
      counters.reflectionsRefused++;
    }
  }
}
