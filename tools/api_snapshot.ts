/**
 * Keeps the names of the public surface under version control: every export of every entry, types
 * included, in `tests/arch/exports.snapshot.txt`. Without an argument writes the file; with
 * `--check` fails when it differs from the sources.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { run } from "./process.ts";
import { denoManifest, isMain, ROOT } from "./project.ts";
import { denoProgram } from "./runtimes.ts";

/** The committed list: an entry's subpath on a line, then its names, two spaces in. */
export const SNAPSHOT: string = join(ROOT, "tests/arch/exports.snapshot.txt");

interface DocOutput {
  readonly nodes: Readonly<
    Record<string, { readonly symbols?: readonly { readonly name: string }[] }>
  >;
}

/** The surface as `deno doc` reads it from the sources. Needs Deno. */
export async function currentSurface(): Promise<string> {
  const blocks: string[] = [];
  for (const [subpath, source] of Object.entries(denoManifest().exports)) {
    const result = await run([denoProgram(), "doc", "--json", source]);
    if (result.code !== 0) {
      throw new Error(`Cannot read the exports of ${source}: ${result.output}`);
    }
    const { nodes } = JSON.parse(result.stdout) as DocOutput;
    const names = new Set<string>();
    for (const { symbols = [] } of Object.values(nodes)) for (const s of symbols) names.add(s.name);
    blocks.push([subpath, ...[...names].sort().map((name) => `  ${name}`)].join("\n"));
  }
  return `${blocks.join("\n")}\n`;
}

/** The committed surface: names by subpath. */
export function committedSurface(): Map<string, ReadonlySet<string>> {
  const surface = new Map<string, Set<string>>();
  let names = new Set<string>();
  for (const line of readFileSync(SNAPSHOT, "utf8").split("\n")) {
    if (line.startsWith("  ")) names.add(line.trim());
    else if (line !== "") surface.set(line, names = new Set());
  }
  return surface;
}

/** Lines that one of two surfaces has and the other lacks, for a reader. */
export function surfaceChanges(committed: string, current: string): string[] {
  const flat = (text: string): Set<string> => {
    let subpath = "";
    const lines = new Set<string>();
    for (const line of text.split("\n")) {
      if (line.startsWith("  ")) lines.add(`${subpath}: ${line.trim()}`);
      else subpath = line;
    }
    return lines;
  };
  const before = flat(committed);
  const after = flat(current);
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `new     ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `missing ${line}`),
  ];
}

if (isMain(import.meta.url)) {
  const current = await currentSurface();
  if (process.argv.includes("--check")) {
    const changes = surfaceChanges(readFileSync(SNAPSHOT, "utf8"), current);
    for (const change of changes) console.error(change);
    if (changes.length > 0) console.error(`Meant so? Then run tools/api_snapshot.ts`);
    process.exitCode = changes.length === 0 ? 0 : 1;
  } else writeFileSync(SNAPSHOT, current);
}
