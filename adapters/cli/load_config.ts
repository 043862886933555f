/**
 * Reads a configuration file: JSON or YAML, by its extension.
 *
 * @module
 */

import { ClusterError, type Files } from "../../mod.ts";
import { findJsonFault } from "./json_syntax.ts";

/** How to read YAML. */
export interface LoadConfigOptions {
  /**
   * Turns YAML text into plain data; throws an `Error` whose message is one line when it can't.
   *
   * @default the `yaml` package, loaded when a YAML file comes along
   */
  readonly parseYaml?: (text: string) => unknown;
  /**
   * Loads the `yaml` package; tests replace it.
   *
   * @default {() => import("yaml")}
   */
  readonly importYaml?: () => Promise<YamlPackage>;
}

/** What is used of the `yaml` package. */
export interface YamlPackage {
  /** Parses one document. */
  parse(text: string, options: { readonly logLevel: "error" }): unknown;
}

/**
 * The content of the file at `path`, not checked yet: hand it to `resolveConfig`.
 *
 * Rejects with `ClusterError`: `bad-config` with line and column when the text does not parse (also when a key is there
 * twice) or the extension is unknown, `unsupported` when the `yaml` package is missing, and with what `files` says when
 * the file can't be read.
 */
export async function loadConfig(
  path: string,
  files: Files,
  options: LoadConfigOptions = {},
): Promise<unknown> {
  const extension = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase();
  switch (extension) {
    case "json":
      return parseJson(path, withoutMark(await files.readText(path)));
    case "yaml":
    case "yml": {
      const text = withoutMark(await files.readText(path));
      return parseWith(options.parseYaml ?? await yamlParser(path, options), path, text);
    }
    default:
      throw new ClusterError(
        "bad-config",
        `Cannot read ${JSON.stringify(path)}: its extension is ${
          extension === undefined ? "missing" : JSON.stringify(extension)
        }, allowed is "json", "yaml" or "yml"`,
      );
  }
}

function parseJson(path: string, text: string): unknown {
  const fault = findJsonFault(text);
  if (fault === undefined) return JSON.parse(text);
  throw new ClusterError(
    "bad-config",
    `Cannot read ${JSON.stringify(path)}: line ${fault.line}, column ${fault.column}: ` +
      fault.problem,
  );
}

function parseWith(parse: (text: string) => unknown, path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new ClusterError("bad-config", `Cannot read ${JSON.stringify(path)}: ${reason(error)}`, {
      cause: error,
    });
  }
}

async function yamlParser(
  path: string,
  options: LoadConfigOptions,
): Promise<(text: string) => unknown> {
  const load = options.importYaml ?? ((): Promise<YamlPackage> => import("yaml"));
  try {
    const yaml = await load();
    return (text) => yaml.parse(text, { logLevel: "error" });
  } catch (error) {
    throw new ClusterError(
      "unsupported",
      `Cannot read ${JSON.stringify(path)}: the package "yaml" is not installed, ` +
        "install it or write the file as JSON",
      { cause: error },
    );
  }
}

/** The first line of what the parser says, with the place in front as for JSON. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.split("\n", 1)[0]?.replace(/:$/, "") ?? "";
  const place = / at line (\d+), column (\d+)$/.exec(line);
  return place === null
    ? line
    : `line ${place[1]}, column ${place[2]}: ${line.slice(0, place.index)}`;
}

function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}
