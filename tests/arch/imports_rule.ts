/**
 * Which way imports point, as CONTRIBUTING.md says it. Type-only imports obey the same arrows.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder } from "../../tools/project.ts";
import { packageOf, specifiersOf, targetOf } from "../../tools/source_imports.ts";

/** Every forbidden import under `root`, one sentence each. */
export function importFindings(root: string): string[] {
  const findings: string[] = [];
  const files = ["mod.ts", ...filesUnder(root, ["src", "adapters", "proto/gen"])];
  for (const file of files.filter((each) => each.endsWith(".ts"))) {
    for (const specifier of specifiersOf(readFileSync(join(root, file), "utf8"))) {
      const target = targetOf(file, specifier);
      const allowed = target === undefined
        ? mayUsePackage(file, specifier)
        : mayImport(file, target);
      if (!allowed) findings.push(`${file} may not import ${JSON.stringify(specifier)}`);
    }
  }
  return findings;
}

/** Rooms of the core that must not know one another. `wire` is below them. */
const CORE_ROOM = /^src\/core\/([^/]+)\/./;

/** Rooms of `src` and what each may import besides itself. */
const SRC_ARROWS: Readonly<Record<string, readonly string[]>> = {
  ports: ["src/core/"],
  driver: [
    "src/core/",
    "src/ports/",
    "src/config/",
    "src/discovery/",
    "src/version.ts",
    "proto/gen/",
  ],
  config: ["src/core/", "src/ports/", "src/version.ts"],
  discovery: ["src/core/", "src/ports/", "src/version.ts"],
  testing: ["src/", "proto/gen/"],
};

const RUNTIME_ADAPTERS: readonly string[] = ["deno", "node", "bun"];

/** Adapters that speak gRPC: over the guarded sessions of `_http2`, with generated messages. */
const GRPC_ADAPTERS: readonly string[] = ["connect", "discovery_etcd"];

function mayImport(file: string, target: string): boolean {
  if (file === "mod.ts") return target.startsWith("src/") && !target.startsWith("src/testing/");
  if (file.startsWith("proto/gen/")) return target.startsWith("proto/gen/");
  if (file.startsWith("src/core/")) return mayImportInCore(file, target);
  const room = /^src\/([^/]+)\/./.exec(file)?.[1];
  if (room !== undefined) {
    const arrows = SRC_ARROWS[room] ?? [];
    return target.startsWith(`src/${room}/`) || arrows.some((arrow) => target.startsWith(arrow));
  }
  const adapter = /^adapters\/([^/]+)\/./.exec(file)?.[1];
  return adapter !== undefined && mayImportInAdapter(adapter, target);
}

function mayImportInCore(file: string, target: string): boolean {
  if (!target.startsWith("src/core/")) return false;
  const from = CORE_ROOM.exec(file)?.[1];
  const to = CORE_ROOM.exec(target)?.[1];
  // Loose files know loose files only; a room knows itself, the wire and the loose files.
  return to === undefined || to === from || (from !== undefined && to === "wire");
}

function mayImportInAdapter(adapter: string, target: string): boolean {
  if (target === "mod.ts" || target.startsWith(`adapters/${adapter}/`)) return true;
  if (target.startsWith("adapters/")) {
    if (adapter === "cli") return true;
    if (GRPC_ADAPTERS.includes(adapter) && target.startsWith("adapters/_http2/")) return true;
    return RUNTIME_ADAPTERS.includes(adapter) &&
      (target.startsWith("adapters/_node_compat/") || target.startsWith("adapters/connect/"));
  }
  return GRPC_ADAPTERS.includes(adapter) && target.startsWith("proto/gen/");
}

function mayUsePackage(file: string, specifier: string): boolean {
  if (file.startsWith("adapters/")) return true;
  return /^(src\/driver|src\/testing|proto\/gen)\//.test(file) &&
    packageOf(specifier) === "@bufbuild/protobuf";
}
