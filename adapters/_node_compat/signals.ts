/** @module */

import process from "node:process";
import type { Signals } from "../../mod.ts";

/** SIGTERM and SIGINT of this process; while somebody listens they no longer end it by themselves. */
export function nodeSignals(): Signals {
  return {
    onStop(stop) {
      const onTerm = (): void => stop("SIGTERM");
      const onInt = (): void => stop("SIGINT");
      process.on("SIGTERM", onTerm);
      process.on("SIGINT", onInt);
      return () => {
        process.off("SIGTERM", onTerm);
        process.off("SIGINT", onInt);
      };
    },
  };
}
