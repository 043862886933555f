/**
 * The JSON Schema of a configuration file, derived from the same description as the check, so that editors complete
 * the file. It is more lenient than `resolveConfig`: relations that need arithmetic are not in it. In one place it is
 * stricter: it looks at `config_store` also when `storage` is set.
 *
 * @module
 */

import type { Field, GroupField, TextField } from "./field.ts";
import { LIST_LENGTH_MAX } from "./field.ts";
import { TEXT_LENGTH_MAX } from "./formats.ts";
import { CLUSTER_CONFIG, CONFIG_STORE, DISCOVERY_NEEDS, POSTGRES } from "./schema.ts";

/** A JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/** A text that names an environment variable. */
const ENV_REF = { $ref: "#/$defs/env" } as const;

/** The schema (draft 2020-12) of a whole file: `cluster_config` strict, all else left open. */
export function configJsonSchema(): JsonObject {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Althing cluster configuration",
    description: "The part of a gateway's configuration file that the cluster reads.",
    type: "object",
    required: ["cluster_config"],
    properties: {
      $schema: { type: "string", description: "Where editors find this schema." },
      cluster_config: {
        ...schemaOf(CLUSTER_CONFIG, CLUSTER_CONFIG),
        allOf: [needsPeers(), needsBroker(), ...needsOfDiscovery(), needsOfDiscoveries()],
      },
      governance: governance(),
      config_store: configStore(),
    },
    $defs: {
      env: {
        description: "Read from this environment variable.",
        type: "string",
        pattern: "^env\\.[A-Za-z_][A-Za-z0-9_]*$",
      },
    },
  };
}

function schemaOf(field: Field, root: GroupField): JsonObject {
  const description = field.derived === undefined
    ? field.doc
    : `${field.doc} Default: ${field.derived}.`;
  switch (field.kind) {
    case "flag":
      return { description, ...withDefault(field), anyOf: [{ type: "boolean" }, ENV_REF] };
    case "number": {
      const lowest = field.above === true ? "exclusiveMinimum" : "minimum";
      const type = field.integer ? "integer" : "number";
      const number = { type, [lowest]: field.minimum, maximum: field.maximum };
      const asText = { type: "string", pattern: "^[0-9]+$" };
      const either = field.orText === true ? [number, asText, ENV_REF] : [number, ENV_REF];
      return { description, ...withDefault(field), anyOf: either };
    }
    case "choice":
      return { description, ...withDefault(field), anyOf: [{ enum: field.choices }, ENV_REF] };
    case "text":
      return { description, ...withDefault(field), ...textSchema(field) };
    case "list":
      return {
        description,
        default: [],
        type: "array",
        maxItems: LIST_LENGTH_MAX,
        items: textSchema(field.item),
      };
    case "groups":
      return {
        description,
        default: [],
        type: "array",
        maxItems: field.lengthMax,
        items: schemaOf(field.item, root),
      };
    case "alias":
      return { description, ...omit(schemaOf(aliased(root, field.of), root), "description") };
    case "group": {
      const entries = Object.entries(field.fields);
      const required = entries.filter(([, value]) => value.required === true).map(([key]) => key);
      return {
        description,
        type: "object",
        ...(required.length === 0 ? {} : { required }),
        properties: Object.fromEntries(
          entries.map(([key, value]) => [key, schemaOf(value, root)]),
        ),
        ...(field.open === true ? {} : { additionalProperties: false }),
      };
    }
  }
}

function textSchema(field: TextField): JsonObject {
  const { pattern } = field.format;
  const text = { type: "string", maxLength: TEXT_LENGTH_MAX };
  return pattern === undefined ? text : { anyOf: [{ ...text, pattern }, ENV_REF] };
}

function withDefault(field: { readonly default?: unknown }): JsonObject {
  return field.default === undefined ? {} : { default: field.default };
}

function aliased(root: GroupField, path: string): Field {
  let field: Field = root;
  for (const key of path.split(".")) {
    field = (field as GroupField).fields[key] as Field;
  }
  return field;
}

function omit(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

const ON: JsonObject = { const: true };

/** Holds when the node is in a cluster of type mesh; an `env.NAME` in either place makes it not hold. */
const MESH = {
  properties: { enabled: ON, type: { const: "mesh" } },
  required: ["enabled"],
} as const;

function needsPeers(): JsonObject {
  return {
    if: MESH,
    then: {
      anyOf: [
        { properties: { peers: { minItems: 1 } }, required: ["peers"] },
        {
          properties: {
            discovery: {
              properties: { enabled: { not: { const: false } } },
              required: ["enabled"],
            },
          },
          required: ["discovery"],
        },
        { properties: { discoveries: { minItems: 1 } }, required: ["discoveries"] },
      ],
    },
  };
}

function needsBroker(): JsonObject {
  return {
    if: { properties: { enabled: ON, type: { const: "broker" } }, required: ["enabled", "type"] },
    then: { properties: { broker: { required: ["address"] } }, required: ["broker"] },
  };
}

function needsOfDiscovery(): readonly JsonObject[] {
  const when = (discovery: JsonObject, required: readonly string[]): JsonObject => ({
    properties: { ...MESH.properties, discovery: { properties: discovery, required } },
    required: ["enabled", "discovery"],
  });
  const need = (keys: readonly string[]): JsonObject => ({
    properties: { discovery: { required: keys } },
  });
  return [
    { if: when({ enabled: ON }, ["enabled"]), then: need(["type"]) },
    ...Object.entries(DISCOVERY_NEEDS).filter(([, keys]) => keys.length > 0).map((
      [type, keys],
    ) => ({
      if: when({ enabled: ON, type: { const: type } }, ["enabled", "type"]),
      then: need(keys),
    })),
  ];
}

/** An entry is on unless it says otherwise. */
function needsOfDiscoveries(): JsonObject {
  const isOn = { enabled: ON };
  const allOf = [
    { if: { properties: isOn }, then: { required: ["type"] } },
    ...Object.entries(DISCOVERY_NEEDS).filter(([, keys]) => keys.length > 0).map((
      [type, keys],
    ) => ({
      if: { properties: { ...isOn, type: { const: type } }, required: ["type"] },
      then: { required: keys },
    })),
  ];
  return { if: MESH, then: { properties: { discoveries: { items: { allOf } } } } };
}

function configStore(): JsonObject {
  const isOn = { properties: { enabled: ON }, required: ["enabled"] };
  const isPostgres = {
    properties: { enabled: ON, type: { const: "postgres" } },
    required: ["enabled", "type"],
  };
  const { description, type, properties } = schemaOf(CONFIG_STORE, CONFIG_STORE);
  return {
    description,
    type,
    properties: { enabled: (properties as JsonObject)["enabled"] },
    allOf: [
      { if: isOn, then: { properties } },
      {
        if: isPostgres,
        then: { properties: { config: schemaOf(POSTGRES, POSTGRES) }, required: ["config"] },
      },
    ],
  };
}

function governance(): JsonObject {
  const items = (id: string, doc: string): JsonObject => ({
    description: doc,
    type: "array",
    items: {
      type: "object",
      required: [id],
      properties: { [id]: { type: "string", minLength: 1, maxLength: 256 } },
    },
  });
  return {
    description: "Entities that the node puts into the cluster when it starts.",
    type: "object",
    properties: {
      budgets: items("id", "Spending caps."),
      rate_limits: items("id", "Caps on requests and tokens."),
      customers: items("id", "Customers."),
      teams: items("id", "Teams."),
      providers: items("name", "Providers."),
      model_configs: items("id", "Limits of models."),
      virtual_keys: items("id", "Keys that clients present."),
      routing_rules: items("id", "Rules that choose provider and model."),
    },
  };
}
