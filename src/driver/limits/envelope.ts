/**
 * What the limits of two nodes say to each other: JSON, in one message or in pieces.
 *
 * @module
 */

import type { LeasedMessage } from "../../core/limits/leased/messages.ts";
import type { Millis } from "../../core/machine.ts";
import { leasedMessages } from "./leased_shapes.ts";
import { finite, flag, object, type Shape, text } from "./shapes.ts";

/** Asks the receiver to count the sender among those that must hear of what it takes, and says how the sender is. */
export interface Touch {
  /** On the sender's monotonic clock; comes back. */
  readonly at: Millis;
  /** Its first sync is done. */
  readonly ready: boolean;
  /** It is about to leave. */
  readonly leaving: boolean;
  /** How it votes on leased limits. */
  readonly voter: string;
}

/** The answer to a {@linkcode Touch}. */
export interface Touched {
  /** As the question said. */
  readonly at: Millis;
  /** Boot that asked. */
  readonly asker: string;
  /** Whether the asker is counted. */
  readonly counted: boolean;
}

/** One message; everything but the sender's boot may be left out. */
export interface Envelope {
  /** Boot id of the sender. */
  readonly boot: string;
  readonly touch?: Touch;
  readonly touched?: Touched;
  readonly leased?: readonly LeasedMessage[];
}

const envelope: Shape = object({ boot: text }, {
  touch: object({ at: finite, ready: flag, leaving: flag, voter: text }),
  touched: object({ at: finite, asker: text, counted: flag }),
  leased: leasedMessages,
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** To bytes. */
export function encodeEnvelope(said: Envelope): Uint8Array {
  return encoder.encode(JSON.stringify(said));
}

/** From bytes; `undefined` when they are no envelope. Never throws; fields that this version does not know stay out of the way. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return envelope(value) ? value as Envelope : undefined;
  } catch {
    return undefined;
  }
}
