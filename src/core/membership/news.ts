/**
 * What is worth gossiping about members.
 *
 * @module
 */

import type { Address } from "../machine.ts";
import type { PacketMessage } from "../wire/messages.ts";
import type { BroadcastWatch } from "./audience.ts";
import type { MachineState } from "./machine_state.ts";
import type { Outbox } from "./outbox.ts";

/** Encodes and queues membership news, always under the member's name (memberlist.md 8.3, 11). */
export class News {
  readonly #state: MachineState;
  readonly #outbox: Outbox;

  /** Queues into `state.broadcasts`. */
  constructor(state: MachineState, outbox: Outbox) {
    this.#state = state;
    this.#outbox = outbox;
  }

  /**
   * Replaces older news about `name`; `knownBy` lists who needs it least. What fits no packet is left to the state
   * exchange and counted.
   */
  publish(
    name: string,
    message: PacketMessage,
    watch?: BroadcastWatch,
    knownBy?: readonly Address[],
  ): Uint8Array {
    const { broadcasts, counters, encode } = this.#state;
    const bytes = encode(message);
    if (bytes.length > this.#outbox.room()) {
      counters.broadcastsRefused++;
      watch?.finished();
    } else {
      counters.queueOverflow += broadcasts.add(name, bytes, watch, knownBy);
    }
    return bytes;
  }
}
