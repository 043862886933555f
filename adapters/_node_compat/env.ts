/** @module */

import process from "node:process";
import type { Env } from "../../mod.ts";

/** The variables of this process, read when asked for. */
export function nodeEnv(): Env {
  return {
    get(name) {
      // What `process.env` inherits ("toString") is no variable.
      const value: unknown = process.env[name];
      return typeof value === "string" ? value : undefined;
    },
  };
}
