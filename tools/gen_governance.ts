/**
 * Writes the example governance file: `deno run -A tools/gen_governance.ts`, with `--check` it only fails when the
 * committed file differs. The company, its people and its keys are invented; the same file comes out every time.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

/** Where the example is, from the root of the repository. */
export const GOVERNANCE_FILE = "examples/gateway/governance.json";

type Item = Record<string, unknown>;

const CUSTOMERS = [
  ["northwind", "Northwind Retail", 12_000],
  ["halvorsen", "Halvorsen Logistics", 6_000],
  ["lumen-health", "Lumen Health", 9_000],
  ["internal", "Our own teams", 20_000],
] as const;

/** Team, its customer, dollars a month, what it uses models for. */
const TEAMS = [
  ["storefront", "northwind", 3_000, ["search", "recommendations", "copywriting"]],
  ["customer-care", "northwind", 2_500, ["chat", "mail-triage", "call-summaries"]],
  ["pricing", "northwind", 1_200, ["forecast", "competitor-watch"]],
  ["routing", "halvorsen", 1_500, ["eta", "dispatch-assistant"]],
  ["customs", "halvorsen", 2_000, ["document-reading", "tariff-lookup", "translations"]],
  ["patient-portal", "lumen-health", 2_800, ["symptom-intake", "letters", "translations"]],
  ["coding-desk", "lumen-health", 3_200, ["claims-coding", "chart-summaries"]],
  ["research", "lumen-health", 2_400, ["literature", "trial-matching"]],
  ["platform", "internal", 4_000, ["gateway-tests", "evaluations", "incident-notes"]],
  ["engineering", "internal", 6_000, ["code-review", "code-completion", "test-writing"]],
  ["data-science", "internal", 5_000, ["labelling", "embeddings", "notebooks"]],
  ["people", "internal", 800, ["handbook-chat", "job-posts"]],
] as const;

const PROVIDERS = [
  ["openai", ["gpt-4o", "gpt-4o-mini", "o3-mini", "text-embedding-3-large"]],
  ["anthropic", ["claude-3-5-sonnet", "claude-3-5-haiku", "claude-3-opus"]],
  ["azure", ["gpt-4o", "gpt-4o-mini"]],
  ["bedrock", ["claude-3-5-sonnet", "nova-pro", "titan-embed-text-v2"]],
  ["vertex", ["gemini-1.5-pro", "gemini-1.5-flash"]],
  ["mistral", ["mistral-large-latest", "codestral-latest"]],
  ["groq", ["llama-3.3-70b-versatile", "llama-3.1-8b-instant"]],
  ["ollama", ["llama3.2", "nomic-embed-text"]],
] as const;

const RATE_TIERS = [
  ["trial", 20, 20_000],
  ["small", 60, 60_000],
  ["standard", 300, 400_000],
  ["large", 1_200, 2_000_000],
  ["batch", 3_000, 10_000_000],
] as const;

const WINDOWS = [["per-minute", "1m", 1], ["per-hour", "1h", 40], ["per-day", "1d", 500]] as const;

const ENVIRONMENTS = ["production", "staging"] as const;

/** The whole object, as it stands in a configuration file. */
export function exampleGovernance(): { readonly governance: Record<string, readonly Item[]> } {
  const keys = virtualKeys();
  return {
    governance: {
      budgets: budgets(),
      rate_limits: rateLimits(),
      customers: CUSTOMERS.map(([id, name]) => ({
        id,
        name,
        budget_id: `customer-${id}-monthly`,
        calendar_aligned: true,
      })),
      teams: TEAMS.map(([id, customer], index) => ({
        id,
        name: title(id),
        customer_id: customer,
        budget_id: `team-${id}-monthly`,
        rate_limit_id: `${index % 3 === 0 ? "batch" : "large"}-per-hour`,
      })),
      providers: PROVIDERS.map(([name, models]) => ({
        name,
        budget_id: `provider-${name}-daily`,
        network_config: { default_request_timeout_in_seconds: 60, max_retries: 2 },
        keys: [{
          name: `${name}-primary`,
          value: `env.${name.toUpperCase()}_API_KEY`,
          models,
          weight: 1,
        }],
      })),
      model_configs: modelConfigs(),
      virtual_keys: keys,
      routing_rules: routingRules(),
    },
  };
}

function budgets(): readonly Item[] {
  const monthly = (id: string, dollars: number): Item => ({
    id,
    max_limit: dollars,
    reset_duration: "1M",
    calendar_aligned: true,
  });
  return [
    ...CUSTOMERS.map(([id, , dollars]) => monthly(`customer-${id}-monthly`, dollars)),
    ...TEAMS.map(([id, , dollars]) => monthly(`team-${id}-monthly`, dollars)),
    ...TEAMS.map(([id, , dollars]) => ({
      id: `team-${id}-daily`,
      max_limit: dollars / 10,
      reset_duration: "1d",
      calendar_aligned: true,
      team_id: id,
    })),
    ...PROVIDERS.map(([name], index) => ({
      id: `provider-${name}-daily`,
      max_limit: 500 + 250 * (PROVIDERS.length - index),
      reset_duration: "1d",
    })),
    ...RATE_TIERS.slice(0, 4).map(([tier, requests]) => ({
      id: `key-${tier}-weekly`,
      max_limit: requests / 2,
      reset_duration: "1w",
    })),
  ];
}

function rateLimits(): readonly Item[] {
  return RATE_TIERS.flatMap(([tier, requests, tokens]) =>
    WINDOWS.flatMap(([window, duration, times]) => [
      {
        id: `${tier}-${window}`,
        request_max_limit: requests * times,
        request_reset_duration: duration,
      },
      {
        id: `${tier}-tokens-${window}`,
        token_max_limit: tokens * times,
        token_reset_duration: duration,
      },
    ])
  );
}

function virtualKeys(): readonly Item[] {
  let serial = 0;
  return TEAMS.flatMap(([team, , , uses]) =>
    uses.flatMap((use) =>
      ENVIRONMENTS.map((environment) => {
        const index = serial++;
        const tier = RATE_TIERS[environment === "production" ? 2 + index % 2 : index % 2];
        const chosen = [0, 3, 5].map((step) => PROVIDERS[(index + step) % PROVIDERS.length]);
        return {
          id: `vk-${team}-${use}-${environment}`,
          name: `${title(team)}: ${title(use)} (${environment})`,
          value: `sk-bf-EXAMPLE-NOT-A-KEY-${String(serial).padStart(4, "0")}`,
          is_active: index % 17 !== 16,
          team_id: team,
          rate_limit_id: `${tier?.[0]}-per-minute`,
          provider_configs: chosen.map((provider, place) => ({
            provider: provider?.[0],
            allowed_models: place === 0 ? ["*"] : provider?.[1].slice(0, 2),
            key_ids: ["*"],
            weight: [0.6, 0.3, 0.1][place],
          })),
        };
      })
    )
  );
}

function modelConfigs(): readonly Item[] {
  return PROVIDERS.slice(0, 5).flatMap(([provider, models]) =>
    models.slice(0, 2).map((model, index) => ({
      id: `${provider}-${model.replaceAll(".", "-")}`,
      model_name: model,
      provider,
      rate_limit_id: index === 0 ? "large-tokens-per-minute" : "batch-tokens-per-minute",
    }))
  );
}

function routingRules(): readonly Item[] {
  const rule = (
    id: string,
    expression: string,
    targets: readonly (readonly [provider: string, model: string, weight: number])[],
    fallbacks: readonly string[],
    priority: number,
  ): Item => ({
    id,
    name: title(id),
    enabled: true,
    priority,
    cel_expression: expression,
    targets: targets.map(([provider, model, weight]) => ({ provider, model, weight })),
    fallbacks,
  });
  return [
    rule(
      "gpt-4o-over-two-clouds",
      "model == 'gpt-4o'",
      [
        ["openai", "gpt-4o", 0.7],
        ["azure", "gpt-4o", 0.3],
      ],
      ["anthropic/claude-3-5-sonnet"],
      10,
    ),
    rule(
      "sonnet-over-two-clouds",
      "model == 'claude-3-5-sonnet'",
      [
        ["anthropic", "claude-3-5-sonnet", 0.5],
        ["bedrock", "claude-3-5-sonnet", 0.5],
      ],
      ["openai/gpt-4o"],
      20,
    ),
    rule(
      "staging-is-cheap",
      "headers['x-environment'] == 'staging'",
      [
        ["groq", "llama-3.1-8b-instant", 1],
      ],
      ["ollama/llama3.2"],
      30,
    ),
    rule("near-the-budget", "budget_used > 90.0", [["openai", "gpt-4o-mini", 1]], [], 40),
    rule(
      "code-goes-to-codestral",
      "headers['x-task'] == 'code'",
      [
        ["mistral", "codestral-latest", 1],
      ],
      ["anthropic/claude-3-5-sonnet"],
      50,
    ),
    rule(
      "embeddings-stay-home",
      "request_type == 'embedding'",
      [
        ["ollama", "nomic-embed-text", 1],
      ],
      ["openai/text-embedding-3-large"],
      60,
    ),
  ];
}

function title(id: string): string {
  const words = id.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The file's text. */
export function governanceText(): string {
  return `${JSON.stringify(exampleGovernance(), null, 2)}\n`;
}

if (process.argv[1]?.endsWith("gen_governance.ts")) {
  if (!process.argv.includes("--check")) {
    writeFileSync(GOVERNANCE_FILE, governanceText());
  } else if (readFileSync(GOVERNANCE_FILE, "utf8") !== governanceText()) {
    console.error(`Cannot pass: ${GOVERNANCE_FILE} is not what tools/gen_governance.ts writes`);
    process.exitCode = 1;
  }
}
