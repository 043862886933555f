/**
 * Governance over limits.
 *
 * @module
 */

import type { Entities } from "../entities.ts";
import type {
  ClusterGovernance,
  GovernanceOutcome,
  GovernanceRequest,
  GovernanceUse,
  GovernanceVerdict,
  GovernedLimit,
} from "./cluster_governance.ts";
import type {
  ConsumeOptions,
  LimitItem,
  LimitVerdict,
  SettleOutcome,
  TakeOptions,
} from "./cluster_limits.ts";
import { GovernanceChains } from "./governance_chain.ts";
import { type GovernedKind, kindOf } from "./governance_limits.ts";
import type { LimitsApi } from "./limits_api.ts";

/** See {@linkcode ClusterGovernance}. */
export class GovernanceApi implements ClusterGovernance {
  readonly #limits: LimitsApi;
  readonly chains: GovernanceChains;

  constructor(limits: LimitsApi, entities: (type: string) => Entities) {
    this.#limits = limits;
    this.chains = new GovernanceChains(entities);
  }

  limitsOf(request: GovernanceRequest): readonly GovernedLimit[] {
    const chain = this.chains.of(request);
    return chain.ok ? chain.limits : [];
  }

  tryConsume(
    request: GovernanceRequest & GovernanceUse,
    options?: TakeOptions,
  ): GovernanceVerdict {
    const chain = this.chains.of(request);
    if (!chain.ok) return { admitted: false, reason: chain.reason };
    if (chain.limits.length === 0) return { admitted: true };
    const verdict = this.#limits.tryConsume(itemsOf(chain.limits, request), options);
    return withLevel(verdict, chain.limits);
  }

  async consume(
    request: GovernanceRequest & GovernanceUse,
    options?: ConsumeOptions,
  ): Promise<GovernanceOutcome> {
    const chain = this.chains.of(request);
    if (!chain.ok) return { admitted: false, reason: chain.reason, items: [] };
    if (chain.limits.length === 0) return { admitted: true, items: [] };
    const outcome = await this.#limits.consume(itemsOf(chain.limits, request), options);
    return withLevel(outcome, chain.limits);
  }

  async settle(reservation: string, use: GovernanceUse): Promise<SettleOutcome> {
    const reserved = this.#limits.reserved(reservation);
    if (reserved === undefined) return "unknown";
    const items: LimitItem[] = [];
    for (const { limit } of reserved) {
      const kind = kindOf(limit);
      const amount = kind === undefined ? undefined : use[kind];
      if (amount !== undefined) items.push({ limit, amount });
    }
    return await this.#limits.settle(reservation, items);
  }

  async refund(reservation: string): Promise<SettleOutcome> {
    return await this.#limits.refund(reservation);
  }
}

function itemsOf(limits: readonly GovernedLimit[], use: GovernanceUse): LimitItem[] {
  const { requests = 1, tokens = 0, cost = 0 } = use;
  const amounts: Readonly<Record<GovernedKind, number>> = { requests, tokens, cost };
  return limits.map(({ limit, kind }) => ({ limit, amount: amounts[kind] }));
}

function withLevel<T extends LimitVerdict>(
  verdict: T,
  limits: readonly GovernedLimit[],
): T & GovernanceVerdict {
  const level = limits.find(({ limit }) => limit === verdict.limit)?.level;
  return level === undefined ? verdict : { ...verdict, level };
}
