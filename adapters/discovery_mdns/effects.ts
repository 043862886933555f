/**
 * What the machines of this folder want done.
 *
 * @module
 */

import type { MdnsPacket } from "./packet.ts";

/** Who sent a packet. */
export interface Sender {
  readonly ip: string;
  readonly port: number;
}

/** Effects, carried out in the order of the calls. */
export interface MdnsEffects {
  /** Sends to everybody on all links. */
  sendAll(packet: MdnsPacket): void;
  /** Sends to everybody on one link, or to one alone. */
  send(link: string, packet: MdnsPacket, to?: Sender): void;
  /** This node is known under this name now. */
  announced(instance: string): void;
  /** Somebody else has the name: it is tried under another one. */
  renamed(from: string, to: string): void;
}

/** Uniform dice in `[0, 1)`. */
export type Dice = () => number;
