/**
 * Promises a text makes to its reader: that a task it names can be run, and that a file it names or
 * links to is there.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { denoManifest, filesUnder } from "../../tools/project.ts";

/** Broken promises in the Markdown files under `root`, one sentence each. */
export function textFindings(root: string): string[] {
  const tasks = denoManifest(root).tasks ?? {};
  const findings: string[] = [];
  for (const file of filesUnder(root).filter((each) => each.endsWith(".md"))) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, task = ""] of text.matchAll(/\bdeno(?:@[\d.]+)? task ([a-z][\w:-]*)/g)) {
      if (tasks[task] === undefined) findings.push(`${file} names the task ${task}, which is none`);
    }
    for (
      const [, link = ""] of text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)
    ) {
      const target = posix.normalize(posix.join(dirname(file), link));
      if (!existsSync(join(root, target))) {
        findings.push(`${file} links to ${link}, which is not there`);
      }
    }
    for (const path of namedPaths(text)) {
      if (!existsSync(join(root, path)) && !existsSync(join(root, dirname(file), path))) {
        findings.push(`${file} names ${path}, which is not there`);
      }
    }
  }
  return findings;
}

/** Files of this project in code font, such as `src/core/rng.ts`; patterns are none. */
function namedPaths(text: string): string[] {
  const roots = "src|adapters|proto|tests|tools|bench|docs|examples|schema|\\.ci";
  const found = text.matchAll(new RegExp(`\`((?:${roots})/[\\w./-]+)\``, "g"));
  return [...found].map(([, path = ""]) => path).filter((path) => !/NNNN|\.\.\./.test(path));
}
