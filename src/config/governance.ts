/**
 * Reads the `governance` object that gateways already use: each item becomes an entity.
 *
 * @module
 */

import { utf8Length } from "../core/wire/utf8.ts";
import { isRecord } from "./check.ts";
import { refuse, shown } from "./refuse.ts";

/** An entity that a file puts into the cluster. */
export interface EntitySeed {
  /** One of the built-in types of `cluster.md` 4. */
  readonly type: string;
  /** Unique within the type. */
  readonly key: string;
  /** The item as the file has it, every field kept: JSON data. */
  readonly value: Readonly<Record<string, unknown>>;
}

/** What {@linkcode governanceSeeds} found. */
export interface GovernanceSeeds {
  /** What is referred to comes before what refers to it; within a section in the order of the file. */
  readonly seeds: readonly EntitySeed[];
  /** Sections of the object that are not entities here, such as `auth_config`; they were left alone. */
  readonly ignored: readonly string[];
}

/** An array within `governance`. */
interface Section {
  readonly name: string;
  readonly type: string;
  /** The field that identifies an item. */
  readonly id: string;
  /** In front of the id in the entity's key. */
  readonly prefix: string;
}

const SECTIONS: readonly Section[] = [
  { name: "budgets", type: "governance", id: "id", prefix: "budget/" },
  { name: "rate_limits", type: "governance", id: "id", prefix: "rate_limit/" },
  { name: "customers", type: "customer", id: "id", prefix: "" },
  { name: "teams", type: "team", id: "id", prefix: "" },
  { name: "providers", type: "provider", id: "name", prefix: "" },
  { name: "model_configs", type: "model_config", id: "id", prefix: "" },
  { name: "virtual_keys", type: "virtual_key", id: "id", prefix: "" },
  { name: "routing_rules", type: "routing_rule", id: "id", prefix: "" },
];

const JSON_KINDS = "allowed is an object, a list, a text, a finite number, true, false or null";

/** Ids are no longer than this, in UTF-16 units. */
const ID_LENGTH_MAX = 256;

/** Values nest no deeper than this. */
const DEPTH_MAX = 32;

/**
 * Turns a `governance` object into entities. Items are identified by `id`, providers by `name`; all their fields pass
 * untouched, `env.NAME` texts too: what a gateway keeps out of its file stays out of the cluster.
 *
 * Throws `ClusterError` `bad-config` naming the path when an array, an item or an id is not usable, when an id repeats,
 * or when a value is not JSON data. Values are the caller's objects, not copies.
 *
 * @param path How messages call the object.
 */
export function governanceSeeds(
  governance: unknown,
  path: string = "governance",
): GovernanceSeeds {
  if (!isRecord(governance)) {
    refuse(path, `current value is ${shown(governance)}, allowed is an object`);
  }
  const seeds: EntitySeed[] = [];
  for (const section of SECTIONS) {
    if (!Object.hasOwn(governance, section.name)) continue;
    readSection(section, governance[section.name], `${path}.${section.name}`, seeds);
  }
  const known = new Set(SECTIONS.map((section) => section.name));
  const ignored = Object.keys(governance).filter((name) => !known.has(name));
  return Object.freeze({ seeds: Object.freeze(seeds), ignored: Object.freeze(ignored) });
}

function readSection(section: Section, raw: unknown, path: string, out: EntitySeed[]): void {
  if (!Array.isArray(raw)) refuse(path, `current value is ${shown(raw)}, allowed is a list`);
  const places = new Map<string, string>();
  for (const [index, item] of raw.entries()) {
    const place = `${path}[${index}]`;
    if (!isRecord(item)) refuse(place, `current value is ${shown(item)}, allowed is an object`);
    const idPath = `${place}.${section.id}`;
    const id = Object.hasOwn(item, section.id) ? item[section.id] : undefined;
    if (typeof id !== "string" || id === "" || id.length > ID_LENGTH_MAX) {
      refuse(
        idPath,
        `current value is ${shown(id)}, allowed is a text of 1 to ${ID_LENGTH_MAX} characters`,
      );
    }
    if (utf8Length(id) < 0) {
      refuse(idPath, "it holds half of a surrogate pair and has no UTF-8 form");
    }
    const earlier = places.get(id);
    if (earlier !== undefined) {
      refuse(idPath, `${shown(id)} is taken by ${earlier}, give each its own`);
    }
    places.set(id, place);
    refuseUnlessJson(item, place, 0);
    out.push(Object.freeze({ type: section.type, key: section.prefix + id, value: item }));
  }
}

/** YAML can express what JSON cannot (not-a-number, cycles): replicated, it would change in silence. */
function refuseUnlessJson(value: unknown, path: string, depth: number): void {
  if (depth > DEPTH_MAX) refuse(path, `it nests deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      refuseUnlessJson(item, `${path}[${index}]`, depth + 1);
    }
  } else if (isRecord(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      refuse(path, `it is an object of a class, ${JSON_KINDS}`);
    }
    for (const [key, item] of Object.entries(value)) {
      refuseUnlessJson(item, `${path}.${key}`, depth + 1);
    }
  } else if (
    value !== null && typeof value !== "string" && typeof value !== "boolean" &&
    !(typeof value === "number" && Number.isFinite(value))
  ) {
    refuse(path, `current value is ${shown(value)}, ${JSON_KINDS}`);
  }
}
