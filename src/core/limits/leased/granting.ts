/**
 * How much a holder gets.
 *
 * @module
 */

/** Of a limit, a holder may have this part open, divided by the living nodes. */
const OPEN_PARTS = 10;

/** Of what is free, one grant takes this part at most, divided by the living nodes. */
const FREE_PARTS = 2;

/** What the size of a grant depends on. */
export interface GrantRequest {
  readonly cap: number;
  /** What nobody has. */
  readonly free: number;
  /** What the holder has open, as far as it reported. */
  readonly open: number;
  readonly want: number;
  /** What its waiting caller needs. */
  readonly atLeast: number;
  readonly alive: number;
}

/**
 * The amount to grant: by demand, in small parts, but enough for who waits. Whoever waits for more than there is gets a
 * small part like anybody, for its smaller callers.
 */
export function grantSize({ cap, free, open, want, atLeast, alive }: GrantRequest): number {
  if (want <= 0 || free <= 0) return 0;
  const needed = atLeast > free ? 0 : Math.max(0, atLeast);
  const nodes = Math.max(1, alive);
  const part = Math.min(cap / (OPEN_PARTS * nodes) - open, free / (FREE_PARTS * nodes));
  return Math.min(free, Math.max(needed, 0, Math.min(want, Math.floor(part))));
}

/** Whether so little is free that idle holders should give back. */
export function isScarce(cap: number, free: number): boolean {
  return free * OPEN_PARTS < cap;
}
