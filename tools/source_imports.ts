/**
 * Reads the imports of a source file without a parser. The formatter's layout is relied on: a
 * comment line starts with `//`, `/*` or `*`.
 *
 * @module
 */

import { posix } from "node:path";

/** The file's code with whole-line and trailing comments blanked out; lines keep their numbers. */
export function codeOf(source: string): string {
  return source.split("\n").map((line) => {
    // A generator method starts with `*` too, but with no space after it.
    if (/^\s*(\/\/|\/\*|\*\s|\*\/|\*$)/.test(line)) return "";
    return line.replace(/(^|\s)\/\/\s.*$/, "");
  }).join("\n");
}

/** Every specifier a source file imports or re-exports from, dynamic and type-only ones included. */
export function specifiersOf(source: string): string[] {
  const code = codeOf(source);
  const found: string[] = [];
  for (
    const pattern of [/\bfrom\s+"([^"]+)"/g, /\bimport\s+"([^"]+)"/g, /\bimport\(\s*"([^"]+)"/g]
  ) {
    for (const match of code.matchAll(pattern)) found.push(match[1] as string);
  }
  return found;
}

/** Where a relative specifier in `file` points, from the root; `undefined` for a package or builtin. */
export function targetOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.normalize(posix.join(posix.dirname(file), specifier));
}

/** The package of a bare specifier: `"@a/b"` of `"@a/b/c"`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0] as string;
}
