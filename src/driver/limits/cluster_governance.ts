/**
 * Budgets and rate limits of virtual keys, teams and customers, as applications use them.
 *
 * @module
 */

import type { RefusalReason } from "../../core/limits/contract.ts";
import type {
  ConsumeOptions,
  ConsumeOutcome,
  LimitVerdict,
  SettleOutcome,
  TakeOptions,
} from "./cluster_limits.ts";

/** Whose limit it is. */
export type GovernedLevel = "key" | "key-provider" | "team" | "customer" | "provider" | "model";

/** A limit that a request is charged to. */
export interface GovernedLimit {
  /** Id of the limit, for `node.limits.read`: `governance/budget/{id}` or `governance/rate_limit/{id}/{kind}`. */
  readonly limit: string;
  /** Whose it is. */
  readonly level: GovernedLevel;
  /** What it counts. */
  readonly kind: "cost" | "requests" | "tokens";
}

/** Who asks, and for what. */
export interface GovernanceRequest {
  /** Id of the virtual key. */
  readonly virtualKey: string;
  /** Name of the provider: its limits are charged too, and those of the key's `provider_configs` for it. */
  readonly provider?: string;
  /** Name of the model: limits of its `model_configs` are charged too. */
  readonly model?: string;
}

/** How much. What is 0 only asks whether anything is left. */
export interface GovernanceUse {
  /** Calls. @default {1} */
  readonly requests?: number;
  /** Tokens, of prompt and answer together. @default {0} */
  readonly tokens?: number;
  /** In the currency of the budgets. @default {0} */
  readonly cost?: number;
}

/** Why a request was refused, if no limit did. */
export type GovernanceRefusal = "unknown-key" | "inactive-key";

/** A decision. */
export interface GovernanceVerdict extends Omit<LimitVerdict, "reason"> {
  /** Why it was refused. */
  readonly reason?: RefusalReason | GovernanceRefusal;
  /** Whose limit refused. */
  readonly level?: GovernedLevel;
}

/** A decision with what is left. */
export interface GovernanceOutcome extends GovernanceVerdict {
  /** What is left of each limit, in the order of `limitsOf`. */
  readonly items: ConsumeOutcome["items"];
}

/**
 * Charges a request to everything it falls under at once: the key's budget and rate limit, the team's, the customer's,
 * and those of provider and model; all of them are charged or none is. Budgets and rate limits are the entities of the
 * `governance` file: whoever refers to one shares it, and whoever changes one changes it on all nodes, without losing
 * counts.
 */
export interface ClusterGovernance {
  /** What a request is charged to; empty when the key is not there, not active, or free of limits. */
  limitsOf(request: GovernanceRequest): readonly GovernedLimit[];
  /** Takes at once, from what this node may decide by itself. Throws as `limits.tryConsume` does. */
  tryConsume(request: GovernanceRequest & GovernanceUse, options?: TakeOptions): GovernanceVerdict;
  /** Takes, and tells what is left. Rejects as `limits.consume` does. */
  consume(
    request: GovernanceRequest & GovernanceUse,
    options?: ConsumeOptions,
  ): Promise<GovernanceOutcome>;
  /** Says what a reservation really took; what is left out stands at its estimate. */
  settle(reservation: string, use: GovernanceUse): Promise<SettleOutcome>;
  /** Gives back all that a reservation took. */
  refund(reservation: string): Promise<SettleOutcome>;
}
