/**
 * Exchange of full state (memberlist.md 2.4, 3.7, 3.8).
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";
import type { ClusterErrorCode } from "../errors.ts";
import type { PushPull } from "../wire/messages.ts";
import type { Due, MachineState } from "./machine_state.ts";
import { rowOf } from "./member_rows.ts";
import type { Merger } from "./merger.ts";
import { pushPullScale } from "./scaling.ts";
import type { Streams } from "./streams.ts";

const NO_STATE = new Uint8Array(0);

/** How an exchange that we began ended. */
export type ExchangeDone = (code: ClusterErrorCode | undefined, detail: string) => void;

/** Exchanges state: on a timer, for joins, and with those who ask. */
export class PushPulls implements Due {
  readonly #state: MachineState;
  readonly #streams: Streams;
  readonly #merger: Merger;
  #running = 0;
  /** Our state as last said, and the revision it shows: a codec need not encode the same message twice. */
  #said: PushPull | undefined;
  #saidRevision = -1;

  /** `merger` takes in what comes. */
  constructor(state: MachineState, streams: Streams, merger: Merger) {
    this.#state = state;
    this.#streams = streams;
    this.#merger = merger;
  }

  /** Arms the timer: a random wait, then a full scaled interval. */
  start(): void {
    const { config, rng } = this.#state;
    if (config.pushPullIntervalMs > 0) this.#arm(rng.unit() * config.pushPullIntervalMs);
  }

  /** The periodic exchange with one random member. */
  due(): void {
    const { members, config } = this.#state;
    this.#arm(0);
    if (this.#running >= config.pushPullsMax) return;
    const [peer] = members.pick(
      1,
      (record) => record.state !== "alive" || this.#state.isSelf(record),
    );
    if (peer !== undefined) this.exchange(peer.address, false, () => {});
  }

  /** Exchanges state with whoever listens at `to`. */
  exchange(to: Address, join: boolean, done: ExchangeDone): void {
    const { config } = this.#state;
    const deadline = (): Millis => this.#state.now + config.tcpTimeoutMs;
    this.#running++;
    const end: ExchangeDone = (code, detail) => {
      this.#running--;
      done(code, detail);
    };
    const stream = this.#streams.dial(to, this.#ours(join), deadline(), {
      connected: () => this.#streams.extend(stream, deadline()),
      message: (message) => {
        if (message.type === "pushPull") {
          const refusal = this.#merger.merge(message, to, join, true);
          if (refusal === undefined) end(undefined, "");
          else end("refused", refusal);
        } else if (message.type === "err") {
          end("refused", `remote error: ${JSON.stringify(message.error)}`);
        } else {
          end("bad-data", `the peer answered with a ${message.type}`);
        }
      },
      failed: end,
    });
  }

  /** Answers an exchange that a peer began: first our state as it was, then the merge. */
  answer(stream: number, from: Address, message: PushPull): void {
    this.#streams.reply(stream, this.#ours(message.join));
    this.#merger.merge(message, from, message.join, false);
  }

  #ours(join: boolean): PushPull {
    const { members, delegate } = this.#state;
    const userState = delegate.localState?.(join) ?? NO_STATE;
    const said = this.#said;
    const same = said !== undefined && said.join === join &&
      members.revision === this.#saidRevision;
    // What the application says may change in place, so it is not kept.
    if (same && userState.length === 0 && said.userState.length === 0) return said;
    this.#said = { type: "pushPull", join, nodes: members.list.map(rowOf), userState };
    this.#saidRevision = members.revision;
    return this.#said;
  }

  #arm(extraMs: Millis): void {
    const { config, members, now } = this.#state;
    const interval = pushPullScale(config.pushPullIntervalMs, members.size);
    this.#state.arm(this, now + extraMs + interval);
  }
}
