/**
 * Writes one version into every place that holds it: `deno run -A tools/set_version.ts 1.2.3`.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isMain, ROOT } from "./project.ts";

/** Where the version stands, and how it is written there. */
const PLACES: readonly { readonly file: string; readonly pattern: RegExp }[] = [
  { file: "deno.json", pattern: /^( {2}"version": ")[^"]+(",)$/m },
  { file: "package.json", pattern: /^( {2}"version": ")[^"]+(",)$/m },
  { file: "src/version.ts", pattern: /^(export const VERSION: string = ")[^"]+(";)$/m },
];

/** Writes `version` everywhere under `root`. Throws before writing when a place is not found. */
export function setVersion(version: string, root: string = ROOT): void {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) {
    throw new TypeError(
      `Cannot set the version: ${JSON.stringify(version)} is no semantic version`,
    );
  }
  const texts = PLACES.map(({ file, pattern }) => {
    const text = readFileSync(join(root, file), "utf8");
    if (!pattern.test(text)) throw new Error(`Cannot set the version: ${file} has no line for it`);
    return { file, text: text.replace(pattern, `$1${version}$2`) };
  });
  for (const { file, text } of texts) writeFileSync(join(root, file), text);
}

if (isMain(import.meta.url)) setVersion(process.argv[2] ?? "");
