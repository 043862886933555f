/**
 * Tells members directly what is said of them, so that they can refute (memberlist.md 8.4, 2).
 *
 * @module
 */

import { bytesToIp, formatAddress } from "../address.ts";
import type { Alive } from "../wire/messages.ts";
import type { MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { Outbox } from "./outbox.ts";

/** Shortest time between two tellings of one member. */
const TELL_INTERVAL_MS = 1000;

/** Sends accusations to the accused. */
export class Teller {
  readonly #state: MachineState;
  readonly #outbox: Outbox;

  /** Bounded by `state.unsolicited`. */
  constructor(state: MachineState, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  /** A stale alive message of somebody we hold suspect or gone came: it does not know, so tell it. */
  tell(record: MemberRecord): void {
    const { now, self, encode } = this.#state;
    if (record.state === "alive") return;
    if (record.toldMs >= 0 && now - record.toldMs < TELL_INTERVAL_MS) return;
    if (!this.#take()) return;
    record.toldMs = now;
    const type = record.state === "suspect" ? "suspect" : "dead";
    const { name: node, incarnation, address } = record;
    const bytes = encode({ type, node, incarnation, from: self.name });
    this.#outbox.sendParts(address, [bytes], record);
  }

  /** The same toward the address in the message: the member is forgotten, or now claims to live there. */
  tellStranger(message: Alive, incarnation: number): void {
    if (!this.#take()) return;
    const { encode, self } = this.#state;
    const to = formatAddress(bytesToIp(message.addr) as string, message.port);
    const bytes = encode({ type: "dead", node: message.node, incarnation, from: self.name });
    this.#outbox.sendParts(to, [bytes], undefined);
  }

  #take(): boolean {
    if (this.#state.unsolicited.take(this.#state.now)) return true;
    this.#state.counters.reflectionsRefused++;
    return false;
  }
}
