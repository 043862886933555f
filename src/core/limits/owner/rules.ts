/**
 * What the guarantee rests on, by name. Tests switch one off at a time and see it caught; nothing else does.
 *
 * @module
 */

/** See the module. */
export interface OwnerRules {
  /** A repeat is answered from memory. */
  readonly remembersCharges: boolean;
  /** A cancel that overtakes its charge is remembered. */
  readonly remembersCancels: boolean;
  /** The owner answers only when the next on the ring has the charge. */
  readonly waitsForNext: boolean;
  /** Another next is given everything before it is relied on. */
  readonly syncsNext: boolean;
  /** A new owner pulls before it decides. */
  readonly pullsFirst: boolean;
  /** Who is pulled from decides no more, and confirms charges of nobody but who pulled last. */
  readonly yieldsWhenPulled: boolean;
  /** A new owner is told of charges, so that it knows repeats. */
  readonly handsOnCharges: boolean;
}

/** The rules that hold. */
export const OWNER_RULES: OwnerRules = {
  remembersCharges: true,
  remembersCancels: true,
  waitsForNext: true,
  syncsNext: true,
  pullsFirst: true,
  yieldsWhenPulled: true,
  handsOnCharges: true,
};
