/**
 * Checks our wire against a file of vectors made with Go's memberlist: everything decodes to what the file says,
 * and encodes to the same bytes, nonces included.
 *
 * @module
 */

import { checkMalformed } from "./check_malformed.ts";
import { checkMessage } from "./check_messages.ts";
import { checkCompression, checkEncryption, checkPacket, checkStream } from "./check_layers.ts";
import type { Fields } from "./go_fields.ts";

/** The outcome, ready to print. */
export interface VectorReport {
  readonly passed: number;
  readonly failed: number;
  /** Vectors checked per section. */
  readonly sections: Readonly<Record<string, number>>;
  /** One line per vector that failed. */
  readonly failures: readonly string[];
}

const CHECKS: Readonly<Record<string, (vector: Fields) => void>> = {
  messages: checkMessage,
  compression: checkCompression,
  encryption: checkEncryption,
  packets: checkPacket,
  streams: checkStream,
  malformed: checkMalformed,
};

/** What the file says about itself. */
const PROSE: readonly string[] = ["about", "keys", "malformedNote"];

/** The sections that a complete file has. */
export const SECTIONS: readonly string[] = Object.keys(CHECKS);

/** Checks a parsed file. A section nobody can check, a file without vectors and an exception are failures too. */
export function checkVectors(file: unknown): VectorReport {
  const failures: string[] = [];
  const sections: Record<string, number> = {};
  let passed = 0;
  const content = typeof file === "object" && file !== null ? file : {};
  for (const [section, vectors] of Object.entries(content)) {
    const check = CHECKS[section];
    if (check === undefined || !Array.isArray(vectors)) {
      if (!PROSE.includes(section)) failures.push(`${section}: no known section`);
      continue;
    }
    sections[section] = vectors.length;
    for (const vector of vectors as Fields[]) {
      try {
        check(vector);
        passed += 1;
      } catch (cause) {
        const problem = cause instanceof Error ? cause.message : String(cause);
        failures.push(`${section} ${vector?.["id"]}: ${problem}`);
      }
    }
  }
  if (passed + failures.length === 0) failures.push("the file holds no vectors");
  return { passed, failed: failures.length, sections, failures };
}
