/**
 * As much of a JSON Schema validator (draft 2020-12) as our schema uses; it throws on a keyword it does not know, so
 * that no part of the schema is passed over in silence.
 *
 * @module
 */

type Json = Record<string, unknown>;

const IGNORED = new Set(["$schema", "$defs", "title", "description", "default"]);

/** The path of the first place where `value` breaks `schema`, and the keyword; `undefined` when it is valid. */
export function firstViolation(
  root: Json,
  value: unknown,
  schema: Json = root,
  path: string = "",
): string | undefined {
  for (const [keyword, operand] of Object.entries(schema)) {
    if (IGNORED.has(keyword) || keyword === "then") continue;
    const violation = check(root, keyword, operand, value, schema, path);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function check(
  root: Json,
  keyword: string,
  operand: unknown,
  value: unknown,
  schema: Json,
  path: string,
): string | undefined {
  const ok = (child: unknown, at: unknown, where: string = path): string | undefined =>
    firstViolation(root, at, child as Json, where);
  const verdict = (good: boolean): string | undefined => good ? undefined : `${path} ${keyword}`;
  const object = isObject(value) ? value : undefined;
  switch (keyword) {
    case "$ref":
      return ok((root["$defs"] as Json)[String(operand).replace("#/$defs/", "")], value);
    case "type":
      return verdict(hasType(value, String(operand)));
    case "const":
      return verdict(value === operand);
    case "enum":
      return verdict((operand as unknown[]).includes(value));
    case "not":
      return verdict(ok(operand, value) !== undefined);
    case "anyOf":
      return verdict((operand as unknown[]).some((child) => ok(child, value) === undefined));
    case "allOf":
      return first(operand as unknown[], (child) => ok(child, value));
    case "if":
      return ok(operand, value) === undefined ? ok(schema["then"], value) : undefined;
    case "required":
      return object && verdict((operand as string[]).every((key) => Object.hasOwn(object, key)));
    case "properties":
      return object && first(
        Object.entries(operand as Json).filter(([key]) => Object.hasOwn(object, key)),
        ([key, child]) => ok(child, object[key], `${path}/${key}`),
      );
    case "additionalProperties": {
      if (operand !== false) throw new Error(`unexpected additionalProperties at ${path}`);
      const known = schema["properties"] as Json;
      return object && verdict(Object.keys(object).every((key) => Object.hasOwn(known, key)));
    }
    case "items":
      return Array.isArray(value)
        ? first([...value.entries()], ([index, item]) => ok(operand, item, `${path}/${index}`))
        : undefined;
    case "minItems":
      return Array.isArray(value) ? verdict(value.length >= Number(operand)) : undefined;
    case "maxItems":
      return Array.isArray(value) ? verdict(value.length <= Number(operand)) : undefined;
    case "minLength":
      return typeof value === "string" ? verdict([...value].length >= Number(operand)) : undefined;
    case "maxLength":
      return typeof value === "string" ? verdict([...value].length <= Number(operand)) : undefined;
    case "pattern":
      return typeof value === "string"
        ? verdict(new RegExp(String(operand), "u").test(value))
        : undefined;
    case "minimum":
      return typeof value === "number" ? verdict(value >= Number(operand)) : undefined;
    case "exclusiveMinimum":
      return typeof value === "number" ? verdict(value > Number(operand)) : undefined;
    case "maximum":
      return typeof value === "number" ? verdict(value <= Number(operand)) : undefined;
    default:
      throw new Error(`unknown keyword ${keyword} at ${path}`);
  }
}

function first<T>(
  items: readonly T[],
  find: (item: T) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    default:
      throw new Error(`unknown type ${type}`);
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
