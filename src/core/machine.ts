/**
 * The shape every protocol engine of Althing has.
 *
 * @module
 */

/** Milliseconds on a monotonic clock; only differences mean anything. */
export type Millis = number;

/** Milliseconds since the Unix epoch, as a wall clock shows them; may jump. */
export type WallMillis = number;

/** Where a peer can be reached: `10.0.0.4:10101` or `[2001:db8::1]:10101`; always an IP, never a name. */
export type Address = string;

/**
 * A deterministic engine: same config, seed and inputs give the same effects.
 *
 * It owns no clock, timer, socket or random source. It never throws on anything the network sent;
 * a throw out of `handle` is a bug of ours.
 */
export interface Machine<Input, Effect> {
  /** Applies one input that happened at `now` and appends the consequences to `out`, in the order they must happen. */
  handle(input: Input, now: Millis, out: Effect[]): void;
  /** The earliest instant at which a `{ type: "tick" }` is wanted; `undefined` if none. */
  nextDeadline(): Millis | undefined;
}

/** Time has passed; handed in at or after {@linkcode Machine.nextDeadline}. */
export interface Tick {
  /** Discriminates the input. */
  readonly type: "tick";
}
