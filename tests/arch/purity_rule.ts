/**
 * What the core must not touch: clocks, dice, timers, globals of a runtime, and arithmetic or text
 * order that differs between runtimes. `tsconfig.core.json` proves the absence of most globals;
 * this finds what the language itself offers.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder } from "../../tools/project.ts";
import { codeOf } from "../../tools/source_imports.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
}

const BANS: readonly Ban[] = [
  { pattern: /\bnew Date\b|\bDate[.(]/, why: "time comes in as `now`" },
  { pattern: /\bperformance\b/, why: "time comes in as `now`" },
  { pattern: /\bMath\.random\b/, why: "dice come in as a seeded `Rng`" },
  {
    pattern: /\bMath\.(a?(cos|sin|tan)h?|atan2|cbrt|expm?1?|hypot|log(2|10|1p)?|pow)\b/,
    why: "its last bits differ between runtimes; src/core/logarithm.ts has the one logarithm",
  },
  {
    pattern: /(?<!\b\d+n? )\*\*|(?<!\b\d+n )\*\*(?! \d+\b)/,
    why: "a power differs between runtimes unless of integers (bigint) or written numbers",
  },
  {
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    why: "deadlines are published by `nextDeadline()`, timers live in the driver",
  },
  { pattern: /\b(async|await|Promise)\b/, why: "a machine answers at once" },
  { pattern: /\b(globalThis|process|Deno|Bun|Buffer)\./, why: "the core knows no runtime" },
  { pattern: /\bcrypto\b[.(]/, why: "ciphers are passed in" },
  { pattern: /\bconsole\./, why: "what is worth telling is an effect" },
  {
    pattern: /\b(localeCompare|toLocale\w+|Intl)\b/,
    why: "the order of text must not depend on the machine",
  },
];

/** Every impure line of `src/core` under `root`, one sentence each. */
export function purityFindings(root: string): string[] {
  const findings: string[] = [];
  for (const file of filesUnder(root, ["src/core"])) {
    const lines = codeOf(readFileSync(join(root, file), "utf8")).split("\n");
    lines.forEach((line, index) => {
      for (const { pattern, why } of BANS) {
        const match = pattern.exec(line);
        if (match !== null) {
          findings.push(`${file}:${index + 1} uses ${JSON.stringify(match[0])}: ${why}`);
        }
      }
    });
  }
  return findings;
}
