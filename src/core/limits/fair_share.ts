/**
 * Dividing what is left.
 *
 * @module
 */

import { MICROS_PER_UNIT } from "./amounts.ts";

/**
 * What falls to party `me` when `left` micro-units are divided by weight among parties that are all in the same order
 * everywhere: whole units by largest remainder, ties to the earlier party, and what is less than a unit to the next in
 * line. Equal weights when all are 0. The parts of all parties add up to `left`.
 */
export function fairShare(left: number, weights: readonly number[], me: number): number {
  if (!(left > 0)) return 0;
  let sum = 0;
  for (const weight of weights) sum += weight;
  const units = Math.floor(left / MICROS_PER_UNIT);
  const quota = (party: number): number =>
    sum > 0 ? units * ((weights[party] as number) / sum) : units / weights.length;
  let whole = 0;
  for (let party = 0; party < weights.length; party++) whole += Math.floor(quota(party));
  const mine = quota(me);
  const remainder = mine - Math.floor(mine);
  let rank = 0;
  for (let party = 0; party < weights.length; party++) {
    if (party === me) continue;
    const other = quota(party) - Math.floor(quota(party));
    if (other > remainder || (other === remainder && party < me)) rank++;
  }
  const extra = units - whole;
  if (rank < extra) return (Math.floor(mine) + 1) * MICROS_PER_UNIT;
  const fraction = rank === extra ? left - units * MICROS_PER_UNIT : 0;
  return Math.floor(mine) * MICROS_PER_UNIT + fraction;
}
