/**
 * Which limits a request is charged to: those of its key, of the key's team, of the customer, and of the provider and
 * the model it goes to.
 *
 * @module
 */

import type { Entities } from "../entities.ts";
import type { GovernanceRequest, GovernedLevel, GovernedLimit } from "./cluster_governance.ts";
import { budgetLimit, GOVERNANCE_TYPE, kindOf, rateLimit } from "./governance_limits.ts";

/** Chains that are kept. */
const CHAINS_MAX = 10_000;

/** Types that a chain is made of. */
export const CHAIN_TYPES: ReadonlySet<string> = new Set([
  GOVERNANCE_TYPE,
  "virtual_key",
  "team",
  "customer",
  "provider",
  "model_config",
]);

/** Fields of a budget that name whom it belongs to, and the level they mean. */
const OWNERS: readonly (readonly [field: string, level: GovernedLevel])[] = [
  ["virtual_key_id", "key"],
  ["team_id", "team"],
  ["customer_id", "customer"],
];

type Item = Readonly<Record<string, unknown>>;

/** What a request is charged to, or why it can't be. */
export type Chain =
  | { readonly ok: true; readonly limits: readonly GovernedLimit[] }
  | { readonly ok: false; readonly reason: "unknown-key" | "inactive-key" };

/** See the module. */
export class GovernanceChains {
  readonly #entities: (type: string) => Entities;
  readonly #chains: Map<string, Chain> = new Map();
  /** Budgets that name their owner, by level and owner. */
  #owned: Map<string, string[]> | undefined;

  /** Reads entities as `node.entities` does. */
  constructor(entities: (type: string) => Entities) {
    this.#entities = entities;
  }

  /** An entity of one of {@linkcode CHAIN_TYPES} changed. */
  changed(): void {
    this.#chains.clear();
    this.#owned = undefined;
  }

  /** The chain of a request; quick when it was asked for before. */
  of({ virtualKey, provider, model }: GovernanceRequest): Chain {
    const name = JSON.stringify([virtualKey, provider, model]);
    let chain = this.#chains.get(name);
    if (chain === undefined) {
      chain = this.#resolve(virtualKey, provider, model);
      if (this.#chains.size >= CHAINS_MAX) this.#chains.clear();
      this.#chains.set(name, chain);
    }
    return chain;
  }

  #resolve(virtualKey: string, provider: string | undefined, model: string | undefined): Chain {
    const key = this.#item("virtual_key", virtualKey);
    if (key === undefined) return { ok: false, reason: "unknown-key" };
    if (key["is_active"] === false) return { ok: false, reason: "inactive-key" };
    const limits = new Map<string, GovernedLimit>();
    const add = (level: GovernedLevel, id: string, item: Item | undefined): void => {
      for (const limit of this.#limitsOf(level, id, item)) {
        if (!limits.has(limit.limit)) limits.set(limit.limit, limit);
      }
    };
    add("key", virtualKey, key);
    for (const config of listOf(key["provider_configs"])) {
      if (provider !== undefined && config["provider"] === provider) {
        add("key-provider", provider, config);
      }
    }
    const teamId = textOf(key["team_id"]);
    const team = teamId === undefined ? undefined : this.#item("team", teamId);
    if (teamId !== undefined) add("team", teamId, team);
    const customerId = textOf(key["customer_id"]) ?? textOf(team?.["customer_id"]);
    if (customerId !== undefined) {
      add("customer", customerId, this.#item("customer", customerId));
    }
    if (provider !== undefined) add("provider", provider, this.#item("provider", provider));
    if (model !== undefined) {
      for (const { key: id, value } of this.#entities("model_config").list()) {
        const config = itemOf(value);
        const isFor = config?.["model_name"] === model &&
          (textOf(config["provider"]) === undefined || config["provider"] === provider);
        if (isFor) add("model", id, config);
      }
    }
    return { ok: true, limits: [...limits.values()] };
  }

  /** The limits that an item refers to, and the budgets that name it as their owner. */
  #limitsOf(level: GovernedLevel, id: string, item: Item | undefined): GovernedLimit[] {
    const budgets = [textOf(item?.["budget_id"]), ...this.#ownedBy(level, id)];
    const ids = budgets.filter((each) => each !== undefined).map(budgetLimit);
    const rate = textOf(item?.["rate_limit_id"]);
    if (rate !== undefined) ids.push(...this.#rateLimits(rate));
    return ids.map((limit) => ({ limit, level, kind: kindOf(limit) as GovernedLimit["kind"] }));
  }

  /** Those that the item sets; of an item that is not there all, so that a request under it is refused. */
  #rateLimits(id: string): string[] {
    const item = this.#item(GOVERNANCE_TYPE, `rate_limit/${id}`);
    const isSet = (field: string): boolean => item === undefined || (item[field] ?? null) !== null;
    return [
      ...(isSet("request_max_limit") ? [rateLimit(id, "requests")] : []),
      ...(isSet("token_max_limit") ? [rateLimit(id, "tokens")] : []),
    ];
  }

  #ownedBy(level: GovernedLevel, id: string): readonly string[] {
    if (this.#owned === undefined) {
      this.#owned = new Map();
      for (const { key, value } of this.#entities(GOVERNANCE_TYPE).list()) {
        if (!key.startsWith("budget/")) continue;
        for (const [field, owner] of OWNERS) {
          const name = textOf(itemOf(value)?.[field]);
          if (name === undefined) continue;
          const place = `${owner}/${name}`;
          const known = this.#owned.get(place);
          if (known === undefined) this.#owned.set(place, [key.slice("budget/".length)]);
          else known.push(key.slice("budget/".length));
        }
      }
      for (const ids of this.#owned.values()) ids.sort();
    }
    return this.#owned.get(`${level}/${id}`) ?? [];
  }

  #item(type: string, key: string): Item | undefined {
    return itemOf(this.#entities(type).get(key));
  }
}

function itemOf(value: unknown): Item | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Item
    : undefined;
}

function listOf(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value.map(itemOf).filter((item) => item !== undefined) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
