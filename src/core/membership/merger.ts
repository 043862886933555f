/**
 * Takes in the state of a peer (memberlist.md 3.7, 3.8): skips rows that can't be used, refuses a peer that can't
 * be understood itself.
 *
 * @module
 */

import { ipToBytes, parseAddress, sameIp } from "../address.ts";
import type { Address } from "../machine.ts";
import type { PushPull, PushPullNode } from "../wire/messages.ts";
import type { Arrivals } from "./arrivals.ts";
import type { MachineState } from "./machine_state.ts";
import { stateOfRow, viewOfRow } from "./member_rows.ts";
import type { Transitions } from "./transitions.ts";
import { VersionSpan } from "./version_check.ts";

/** Applies the rows of a push/pull. */
export class Merger {
  readonly #state: MachineState;
  readonly #arrivals: Arrivals;
  readonly #transitions: Transitions;

  /** Rows become alive, suspect and dead messages. */
  constructor(state: MachineState, arrivals: Arrivals, transitions: Transitions) {
    this.#state = state;
    this.#arrivals = arrivals;
    this.#transitions = transitions;
  }

  /**
   * Merges what `peer` sent; answers the reason when all of it is refused. `dialled`: `peer` is the address it
   * listens at, else its port says nothing.
   */
  merge(message: PushPull, peer: Address, join: boolean, dialled: boolean): string | undefined {
    const span = this.#span();
    const refusal = this.#refusePeer(message.nodes, span, peer, dialled) ??
      this.#refuseJoin(message, join);
    if (refusal !== undefined) {
      this.#state.counters.mergesRefused++;
      this.#state.notice({ type: "mergeRefused", from: peer, reason: refusal });
      return refusal;
    }
    let partial = 0;
    for (const row of message.nodes) if (!this.#apply(row, span)) partial++;
    if (message.userState.length > 0) {
      this.#state.delegate.mergeRemoteState?.(message.userState, join);
    }
    this.#state.emit({ type: "merged", from: peer, join, partial });
    return undefined;
  }

  #span(): VersionSpan {
    const span = new VersionSpan();
    for (const { state, vsn } of this.#state.members.list) if (state === "alive") span.add(vsn);
    span.add(this.#state.self.vsn);
    return span;
  }

  /** The peer's own row decides; where it can't be told, rows from its IP; else all. One usable among them suffices. */
  #refusePeer(
    rows: readonly PushPullNode[],
    span: VersionSpan,
    peer: Address,
    dialled: boolean,
  ): string | undefined {
    const alive = rows.filter((row) => stateOfRow(row) === "alive");
    const place = parseAddress(peer);
    const ip = ipToBytes(place?.ip ?? "") ?? new Uint8Array(0);
    const near = alive.filter((row) => sameIp(row.addr, ip));
    const exact = dialled ? near.filter((row) => row.port === place?.port) : [];
    const judged = [exact, near, alive].find((group) => group.length > 0) ?? [];
    const [first] = judged;
    if (first === undefined || judged.some((row) => span.admits(row.vsn))) return undefined;
    return `versions of ${JSON.stringify(first.name)} are incompatible with ours: theirs are ` +
      `[${first.vsn ?? ""}], ours [${this.#state.self.vsn}]`;
  }

  #refuseJoin(message: PushPull, join: boolean): string | undefined {
    const { delegate, now } = this.#state;
    if (!join || delegate.refuseMerge === undefined) return undefined;
    return delegate.refuseMerge(message.nodes.map((row) => viewOfRow(row, now)));
  }

  /** `false` when the row can't be used. */
  #apply(row: PushPullNode, span: VersionSpan): boolean {
    const { name: node, incarnation, addr, port, meta, vsn } = row;
    const self = this.#state.self.name;
    switch (stateOfRow(row)) {
      case "alive": {
        if (!span.admits(vsn)) return false;
        const refused = this.#state.counters.aliveRefused;
        this.#arrivals.alive(
          { type: "alive", node, incarnation, addr, port, meta, vsn },
          undefined,
        );
        return this.#state.counters.aliveRefused === refused;
      }
      case "left":
        this.#transitions.dead({ type: "dead", node, incarnation, from: node }, undefined);
        return true;
      // A death told second-hand is only a suspicion: the member may refute it.
      case "dead":
      case "suspect":
        this.#transitions.suspect({ type: "suspect", node, incarnation, from: self }, undefined);
        return true;
      default:
        return false;
    }
  }
}
