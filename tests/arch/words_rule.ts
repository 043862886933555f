/**
 * Words that betray unfinished work, tests that do not run, tests that sleep, and paths or hosts of
 * one machine. The patterns are written so that this file does not match itself.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder } from "../../tools/project.ts";

interface WordRule {
  readonly claim: string;
  readonly pattern: RegExp;
  /** Which files it is about. */
  readonly files: RegExp;
}

const RULES: readonly WordRule[] = [
  {
    claim: "unfinished work",
    pattern: /\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b|not implemente[d]|placeholde[r]/,
    files: /^(src|adapters|proto|examples|tools|bench|tests|docs)\/|^[^/]+\.(ts|md)$/,
  },
  {
    claim: "a test that does not run or singles others out",
    pattern: /\b(it|test|describe)\.(ski[p]|onl[y]|tod[o])\b|Deno\.test\.(onl[y]|ignor[e])/,
    files: /^tests\/.*\.ts$/,
  },
  {
    claim: "a sleeping test (use tests/eventually.ts)",
    pattern: /await (slee[p]|dela[y])\(|setTimeou[t]\([^,]+, *[0-9_]{3,}\)/,
    files: /^tests\/(?!interop\/)[^/]+\/.*_test\.ts$/,
  },
  {
    claim: "a path of one machine",
    pattern: /(^|[\s"'`(=:])\/(wor[k]|roo[t]|tm[p]|home\/\w+|Users\/\w+)(\/|["'`\s]|$)/,
    files: /./,
  },
  {
    claim: "the host of a registry",
    pattern: /registry\.npmj[s]\.org|npm\.js[r]\.io|proxy\.golan[g]\.org|\besm\.s[h]\b/,
    files: /./,
  },
];

/** Files whose content is no text of ours. */
const NOT_READ = /^(LICENSE|proto\/gen\/)|\.(png|ico|gz|bin|sum)$/;

/** Every such word under `root`, one sentence each. */
export function wordFindings(root: string): string[] {
  const findings: string[] = [];
  for (const file of filesUnder(root)) {
    const rules = NOT_READ.test(file) ? [] : RULES.filter((rule) => rule.files.test(file));
    if (rules.length === 0) continue;
    readFileSync(join(root, file), "utf8").split("\n").forEach((line, index) => {
      for (const { claim, pattern } of rules) {
        const match = pattern.exec(line);
        if (match === null) continue;
        findings.push(`${file}:${index + 1} shows ${claim}: ${JSON.stringify(match[0].trim())}`);
      }
    });
  }
  return findings;
}
