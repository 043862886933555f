/** @module */

import { readFile } from "node:fs/promises";
import { ClusterError, type Files } from "../../mod.ts";

/** Files of the local file system. */
export function nodeFiles(): Files {
  return {
    async readText(path) {
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
      } catch (cause) {
        const reason = cause instanceof TypeError ? "it is not valid UTF-8" : messageOf(cause);
        throw new ClusterError("bad-data", `Cannot read "${path}": ${reason}`, { cause });
      }
    },
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
