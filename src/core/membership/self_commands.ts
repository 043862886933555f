/**
 * What this node does about itself: start, metadata, leave, rejoin (memberlist.md 3.2, 3.9).
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { Dead } from "../wire/messages.ts";
import { Announcement } from "./announcement.ts";
import type { Arrivals } from "./arrivals.ts";
import type { MachineState } from "./machine_state.ts";
import type { Outbox } from "./outbox.ts";
import type { Refuter } from "./refuter.ts";
import type { Transitions } from "./transitions.ts";

/** Applies commands that concern our own record. */
export class SelfCommands {
  readonly #state: MachineState;
  readonly #arrivals: Arrivals;
  readonly #transitions: Transitions;
  readonly #refuter: Refuter;
  readonly #outbox: Outbox;

  /** Works on `state.self`. */
  constructor(
    state: MachineState,
    arrivals: Arrivals,
    transitions: Transitions,
    refuter: Refuter,
    outbox: Outbox,
  ) {
    this.#state = state;
    this.#arrivals = arrivals;
    this.#transitions = transitions;
    this.#refuter = refuter;
    this.#outbox = outbox;
  }

  /** Lists and announces ourselves. */
  start(): void {
    const { self, members } = this.#state;
    members.add(self);
    this.#arrivals.accept(self, this.#refuter.alive());
  }

  /** Replaces our metadata under the next incarnation. */
  setMeta(op: number, meta: Uint8Array, timeoutMs: Millis): void {
    const { config, leaving } = this.#state;
    if (meta.length > config.metaBytesMax) {
      this.#state.fail(
        op,
        "too-large",
        `Cannot set metadata of ${meta.length} bytes: metaBytesMax is ${config.metaBytesMax}, shorten it or raise the limit`,
      );
      return;
    }
    if (leaving) {
      this.#state.fail(op, "closed", "Cannot set metadata: this node has left, rejoin first");
      return;
    }
    const incarnation = this.#refuter.nextIncarnation();
    const wait = new Announcement(
      this.#state,
      op,
      "metadata update",
      timeoutMs,
      config.retransmitMult,
    );
    this.#arrivals.accept(
      this.#state.self,
      { ...this.#refuter.alive(), incarnation, meta: meta.slice() },
      wait,
    );
    wait.begin();
  }

  /** Says farewell, to a few directly and to all by gossip. A second leave is a success. */
  leave(op: number, timeoutMs: Millis): void {
    const state = this.#state;
    if (state.leaving) {
      state.settle(op, { ok: true });
      return;
    }
    state.leaving = true;
    const { name: node, incarnation } = state.self;
    const message: Dead = { type: "dead", node, incarnation, from: node };
    const wait = new Announcement(state, op, "leave", timeoutMs, state.config.retransmitMult);
    this.#transitions.dead(message, undefined, wait);
    const bytes = state.encode(message);
    for (const peer of state.members.pick(state.config.leaveFanout, (r) => r.state !== "alive")) {
      this.#outbox.sendParts(peer.address, [bytes], peer);
      wait.sent();
    }
    wait.begin();
  }

  /** Comes back after a leave, under the next incarnation. */
  rejoin(op: number): void {
    const state = this.#state;
    if (state.leaving) {
      state.leaving = false;
      const incarnation = this.#refuter.nextIncarnation();
      this.#arrivals.accept(state.self, { ...this.#refuter.alive(), incarnation });
    }
    state.settle(op, { ok: true });
  }
}
