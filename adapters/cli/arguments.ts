import { ClusterError } from "../../mod.ts";

/** A parsed command line: positional words and `--name value` options. */
export interface Arguments {
  readonly command: string | undefined;
  /** Values by name; a flag without value is `""`. */
  readonly options: ReadonlyMap<string, string>;
}

/** Options that take no value. */
const FLAGS: ReadonlySet<string> = new Set(["help", "version", "json"]);

/** Parses `command --name value --flag`; throws `ClusterError` `bad-config` for what is not in `known`. */
export function parseArguments(words: readonly string[], known: readonly string[]): Arguments {
  const options = new Map<string, string>();
  let command: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (!word.startsWith("-")) {
      if (command !== undefined) {
        throw new ClusterError(
          "bad-config",
          `Cannot read the command line: unexpected word "${word}"`,
        );
      }
      command = word;
      continue;
    }
    const [name = "", inline] = word.replace(/^--?/, "").split(/=(.*)/s);
    if (!known.includes(name)) {
      const choices = known.map((option) => `--${option}`).join(", ");
      throw new ClusterError(
        "bad-config",
        `Cannot read the command line: unknown option "${word}", known are ${choices}`,
      );
    }
    if (FLAGS.has(name)) {
      options.set(name, "");
      continue;
    }
    const value = inline ?? words[++i];
    if (value === undefined) {
      throw new ClusterError(
        "bad-config",
        `Cannot read the command line: option "${word}" needs a value`,
      );
    }
    options.set(name, value);
  }
  return { command, options };
}
