/**
 * Budgets and rate limits of the `governance` file as limits.
 *
 * @module
 */

import { GOVERNANCE_PREFIX } from "./limits_api.ts";

/** The entity type of budgets and rate limits. */
export const GOVERNANCE_TYPE = "governance";

/** What a limit counts. */
export type GovernedKind = "cost" | "requests" | "tokens";

const BUDGET = "budget/";
const RATE_LIMIT = "rate_limit/";

/** Windows that a calendar can align. */
const ALIGNED: readonly unknown[] = ["1d", "1w", "1M", "1Y"];

/** Items have no creation stamp of their own: nodes that read the same file count together, from the same instants. */
const CREATED = "0.0.governance";

/** A limit and its definition; `undefined`: the item does not ask for one. */
export interface GovernedDefinition {
  readonly id: string;
  readonly definition: Readonly<Record<string, unknown>> | undefined;
}

/** The limit of a budget. */
export function budgetLimit(id: string): string {
  return `${GOVERNANCE_PREFIX}${BUDGET}${id}`;
}

/** A limit of a rate limit. */
export function rateLimit(id: string, kind: "requests" | "tokens"): string {
  return `${GOVERNANCE_PREFIX}${RATE_LIMIT}${id}/${kind}`;
}

/** What a limit of ours counts; `undefined` when it is none. */
export function kindOf(limit: string): GovernedKind | undefined {
  if (limit.startsWith(GOVERNANCE_PREFIX + BUDGET)) return "cost";
  if (!limit.startsWith(GOVERNANCE_PREFIX + RATE_LIMIT)) return undefined;
  return limit.endsWith("/tokens") ? "tokens" : "requests";
}

/**
 * The limits of an entity of type `governance`; none for other keys. `value` is `undefined` when the entity is gone. What
 * can't work is left for whoever checks definitions to refuse.
 *
 * Fields beyond the published ones: `strength` (`approximate` unless set), `when_isolated` (with `approximate`: `share`
 * unless set), `zone` and `shadow`, as limits have them.
 */
export function governedDefinitions(key: string, value: unknown): GovernedDefinition[] {
  const item = typeof value === "object" && value !== null
    ? value as Readonly<Record<string, unknown>>
    : undefined;
  if (key.startsWith(BUDGET)) {
    const id = budgetLimit(key.slice(BUDGET.length));
    return [{ id, definition: item && definition(item, "max_limit", "reset_duration", "cost") }];
  }
  if (!key.startsWith(RATE_LIMIT)) return [];
  const id = key.slice(RATE_LIMIT.length);
  return (["requests", "tokens"] as const).map((kind) => {
    const name = kind === "requests" ? "request" : "token";
    return {
      id: rateLimit(id, kind),
      definition: item && definition(item, `${name}_max_limit`, `${name}_reset_duration`, kind),
    };
  });
}

function definition(
  item: Readonly<Record<string, unknown>>,
  most: string,
  duration: string,
  unit: GovernedKind,
): Readonly<Record<string, unknown>> | undefined {
  const limit = item[most] ?? undefined;
  if (limit === undefined && unit !== "cost") return undefined;
  const window = item[duration];
  const strength = item["strength"] ?? "approximate";
  const whenIsolated = item["when_isolated"] ??
    (strength === "approximate" ? "share" : undefined);
  // Other windows begin at whole multiples since 1970 anyway.
  const calendar = item["calendar_aligned"] === true && ALIGNED.includes(window);
  return {
    limit,
    window,
    strength,
    unit,
    created: CREATED,
    ...(whenIsolated === undefined ? {} : { whenIsolated }),
    ...(calendar ? { calendar } : {}),
    ...(calendar && item["zone"] !== undefined ? { zone: item["zone"] } : {}),
    ...(item["shadow"] === undefined ? {} : { shadow: item["shadow"] }),
  };
}
