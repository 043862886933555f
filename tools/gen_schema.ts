/**
 * Writes the JSON Schema of configuration files: `deno run -A tools/gen_schema.ts`, with `--check` it only fails when
 * the committed file differs.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { configJsonSchema } from "../src/config/json_schema.ts";

/** Where the schema is, from the root of the repository. */
export const SCHEMA_FILE = "schema/cluster_config.schema.json";

/** The file's text. */
export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

if (process.argv[1]?.endsWith("gen_schema.ts")) {
  if (!process.argv.includes("--check")) {
    writeFileSync(SCHEMA_FILE, schemaText());
  } else if (readFileSync(SCHEMA_FILE, "utf8") !== schemaText()) {
    console.error(`Cannot pass: ${SCHEMA_FILE} is not what tools/gen_schema.ts writes, run it`);
    process.exitCode = 1;
  }
}
