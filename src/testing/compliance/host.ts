/** @module */

import type { Env, Files, Signals } from "../../ports/host.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface FilesSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly files: Files;
  /** A UTF-8 file and its text; the file begins with a byte order mark, the text does not. */
  readonly known: { readonly path: string; readonly text: string };
  /** A file that is not UTF-8. */
  readonly binaryPath: string;
  /** A path where nothing is. */
  readonly missingPath: string;
}

/** The rules of {@linkcode Files}. */
export function filesCases(setup: FilesSetup): ComplianceCase[] {
  const { files, known, binaryPath, missingPath } = setup;
  return casesOf(setup, {
    "reads UTF-8 without the byte order mark": async (bench) => {
      bench.same(await files.readText(known.path), known.text, "text");
    },

    "refuses with bad-data what is not there, naming the path": async (bench) => {
      await bench.rejects(files.readText(missingPath), "bad-data", "the reading", missingPath);
    },

    "refuses with bad-data what is not UTF-8, naming the path": async (bench) => {
      await bench.rejects(files.readText(binaryPath), "bad-data", "the reading", binaryPath);
    },
  });
}

/** What is judged. */
export interface EnvSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly env: Env;
  /** A variable that is set. */
  readonly known: { readonly name: string; readonly value: string };
  /** A variable that is set to the empty string. */
  readonly emptyName: string;
}

/** The rules of {@linkcode Env}. */
export function envCases(setup: EnvSetup): ComplianceCase[] {
  const { env, known, emptyName } = setup;
  return casesOf(setup, {
    "answers what is set, empty values too": (bench) => {
      bench.same(env.get(known.name), known.value, known.name);
      bench.same(env.get(emptyName), "", emptyName);
    },

    "answers undefined for everything else, inherited names too": (bench) => {
      for (const name of ["NO_SUCH_VARIABLE_HERE", "toString", "constructor", "__proto__"]) {
        bench.same(env.get(name), undefined, name);
      }
    },
  });
}

/** What is judged. */
export interface SignalsSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly signals: Signals;
  /** Sends the signal to this process. */
  readonly raise: (signal: "SIGTERM" | "SIGINT") => void;
}

/** The rules of {@linkcode Signals}. */
export function signalsCases(setup: SignalsSetup): ComplianceCase[] {
  const { signals, raise } = setup;
  return casesOf(setup, {
    "tells every listener of each signal, until it leaves": async (bench) => {
      const [staying, leaving]: [string[], string[]] = [[], []];
      const stay = signals.onStop((signal) => staying.push(signal));
      const leave = signals.onStop((signal) => leaving.push(signal));
      try {
        for (const [i, signal] of (["SIGTERM", "SIGINT", "SIGTERM"] as const).entries()) {
          raise(signal);
          await bench.until(`${signal} was told`, () => staying.length > i && leaving.length > i);
        }
        leave();
        leave();
        raise("SIGINT");
        await bench.until("the last was told", () => staying.length === 4);
      } finally {
        leave();
        stay();
      }
      bench.same(staying, ["SIGTERM", "SIGINT", "SIGTERM", "SIGINT"], "told to who stayed");
      bench.same(leaving, ["SIGTERM", "SIGINT", "SIGTERM"], "told to who left");
    },
  });
}
