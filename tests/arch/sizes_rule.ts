/**
 * How long files may grow: 300 lines need a reason, 500 are split.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder } from "../../tools/project.ts";

const REPORTED_ABOVE = 300;
const LINES_MAX = 500;

/** A published, hand-written source file that is long. */
export interface LongFile {
  readonly file: string;
  readonly lines: number;
  /** Beyond what any reason excuses. */
  readonly isTooLong: boolean;
}

/** The long files of `mod.ts`, `src` and `adapters` under `root`, longest first. */
export function longFiles(root: string): LongFile[] {
  return ["mod.ts", ...filesUnder(root, ["src", "adapters"])]
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".gen.ts"))
    .map((file) => {
      const lines = readFileSync(join(root, file), "utf8").trimEnd().split("\n").length;
      return { file, lines, isTooLong: lines > LINES_MAX };
    })
    .filter(({ lines }) => lines > REPORTED_ABOVE)
    .sort((a, b) => b.lines - a.lines);
}
