/**
 * The entity types every node knows, and which of them go first (`docs/protocol.md`, lanes).
 *
 * @module
 */

/** 0 security and deletes, 1 limits and counters, 2 configuration, 3 bulk and logs. Lower goes first. */
export type Lane = 0 | 1 | 2 | 3;

/** How many lanes there are. */
export const LANES = 4;

/** Shares of a batch when all lanes are full, by lane. */
export const LANE_WEIGHTS: readonly number[] = [8, 4, 2, 1];

/** All shares together. */
export const LANES_WEIGHT = 15;

/** Security and revocation; deletes of every type travel here too. */
export const SECURITY_LANE: Lane = 0;
/** Limits and counters. */
export const LIMITS_LANE: Lane = 1;
/** Configuration: every type that is nothing else. */
export const CONFIGURATION_LANE: Lane = 2;
/** Bulk and logs. */
export const BULK_LANE: Lane = 3;

/** The built-in entity types, by group. */
export const BUILT_IN_TYPES: readonly string[] = Object.freeze([
  "model_catalog",
  "provider",
  "model_config",
  "pricing",
  "pricing_override",
  "governance",
  "virtual_key",
  "team",
  "customer",
  "business_unit_governance",
  "user_governance",
  "access_profile",
  "api_key",
  "auth_config",
  "rbac",
  "proxy_config",
  "client_config",
  "routing_rule",
  "load_balancing",
  "load_balancing_log",
  "mcp_tool",
  "mcp_tool_group",
  "guardrail",
  "guardrail_config",
  "guardrail_sampling",
  "plugin",
  "observability_connector",
  "prompt_deployment",
  "kv_store",
  "cluster_diagnostic",
]);

const SPECIAL: ReadonlyMap<string, Lane> = new Map<string, Lane>([
  ["auth_config", SECURITY_LANE],
  ["rbac", SECURITY_LANE],
  ["api_key", SECURITY_LANE],
  ["virtual_key", SECURITY_LANE],
  ["limit", LIMITS_LANE],
  ["_cell", LIMITS_LANE],
  ["model_catalog", BULK_LANE],
  ["pricing", BULK_LANE],
  ["load_balancing_log", BULK_LANE],
]);

/** The lane of a type's live values; `custom` holds what the application said of its own types. */
export function laneOf(type: string, custom?: ReadonlyMap<string, Lane>): Lane {
  return SPECIAL.get(type) ?? custom?.get(type) ?? CONFIGURATION_LANE;
}
