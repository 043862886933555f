/**
 * The order of epochs and of lists.
 *
 * @module
 */

import { compareUtf8 } from "../../utf8_order.ts";
import type { Epoch, VoterList } from "./contract.ts";

/** By number, then node, then boot. 0 only for the same attempt of the same boot. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.number - b.number || compareUtf8(a.node, b.node) || compareUtf8(a.boot, b.boot);
}

/** Which of two lists is newer: by epoch, then by number. */
export function compareLists(a: VoterList, b: VoterList): number {
  return compareEpochs(a.epoch, b.epoch) || a.number - b.number;
}

/** The newer of two lists, either of which may be missing. */
export function newerList(
  a: VoterList | undefined,
  b: VoterList | undefined,
): VoterList | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareLists(a, b) >= 0 ? a : b;
}
