/**
 * Knows what we sent when it comes back: the system hands multicast packets to all programs of the machine that listen,
 * and so to us.
 *
 * @module
 */

import type { Millis } from "../../mod.ts";

/** An echo comes at once or not at all. */
const WITHIN_MS: Millis = 2_000;
/** As many are waited for; a link sends fewer in that time. */
const SENT_MAX = 128;

/** The echoes of one link. */
export class Echoes {
  #sent: { readonly text: string; readonly atMs: Millis }[] = [];

  /** We sent this to everybody. */
  sent(bytes: Uint8Array, now: Millis): void {
    this.#sent = [
      ...this.#sent.filter(({ atMs }) => atMs > now - WITHIN_MS),
      { text: textOf(bytes), atMs: now },
    ].slice(-SENT_MAX);
  }

  /** Whether this, from an address of ours, is what we sent; each once, as others may say the same. */
  isEcho(bytes: Uint8Array, now: Millis): boolean {
    const text = textOf(bytes);
    const found = this.#sent.findIndex((each) => each.text === text && each.atMs > now - WITHIN_MS);
    if (found < 0) return false;
    this.#sent.splice(found, 1);
    return true;
  }
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
