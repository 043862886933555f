/**
 * A small project on disk with a violation in it, to prove that a checker sees it.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Writes `files` into a fresh folder, hands it to `check`, and removes it. */
export function withPlanted<T>(
  files: Readonly<Record<string, string>>,
  check: (root: string) => T,
): T {
  const root = mkdtempSync(join(tmpdir(), "althing-planted-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return check(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
