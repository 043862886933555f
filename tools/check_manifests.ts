/**
 * `deno.json` leads, `package.json` follows: finds every place where they, the lock, the version
 * file or the sources disagree.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type DenoManifest,
  denoManifest,
  filesUnder,
  isMain,
  type NpmManifest,
  npmManifest,
  ROOT,
} from "./project.ts";
import { packageOf, specifiersOf } from "./source_imports.ts";

/** The disagreements in the project at `root`, one sentence each. */
export function manifestFindings(root: string = ROOT): string[] {
  const deno = denoManifest(root);
  const npm = npmManifest(root);
  return [
    ...identityFindings(root, deno, npm),
    ...exportFindings(root, deno, npm),
    ...dependencyFindings(deno, npm),
    ...usageFindings(root, deno, npm),
    ...lockFindings(root),
  ];
}

function identityFindings(root: string, deno: DenoManifest, npm: NpmManifest): string[] {
  const findings: string[] = [];
  for (const field of ["name", "version", "license"] as const) {
    if (deno[field] !== npm[field]) {
      findings.push(`${field} differs: ${deno[field]} in deno.json, ${npm[field]} in package.json`);
    }
  }
  const path = join(root, "src/version.ts");
  const source = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (!source.includes(`VERSION: string = ${JSON.stringify(deno.version)};`)) {
    findings.push(`src/version.ts does not say ${deno.version}: run tools/set_version.ts`);
  }
  return findings;
}

function exportFindings(root: string, deno: DenoManifest, npm: NpmManifest): string[] {
  const findings: string[] = [];
  for (const key of new Set([...Object.keys(deno.exports), ...Object.keys(npm.exports)])) {
    const source = deno.exports[key];
    const built = npm.exports[key];
    if (source === undefined) findings.push(`deno.json does not export ${key}`);
    else if (!existsSync(join(root, source))) {
      findings.push(`deno.json exports ${key} from ${source}, which does not exist`);
    } else if (built !== builtPath(source)) {
      findings.push(
        `package.json exports ${key} as ${built ?? "nothing"} instead of ${builtPath(source)}`,
      );
    }
  }
  for (const file of filesUnder(root, ["adapters"])) {
    const name = /^adapters\/([^_/][^/]*)\/mod\.ts$/.exec(file)?.[1];
    if (name !== undefined && deno.exports[`./${name}`] !== `./${file}`) {
      findings.push(`deno.json does not export ./${name} from ./${file}`);
    }
  }
  if (existsSync(join(root, "src/testing/mod.ts")) && deno.exports["./testing"] === undefined) {
    findings.push("deno.json does not export ./testing from ./src/testing/mod.ts");
  }
  for (const [name, built] of Object.entries(npm.bin ?? {})) {
    const source = join(root, built.replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts"));
    if (!existsSync(source)) findings.push(`bin ${name} comes from no source: ${built}`);
    else if (!readFileSync(source, "utf8").startsWith("#!/usr/bin/env node\n")) {
      findings.push(`the source of bin ${name} does not start with #!/usr/bin/env node`);
    }
  }
  return findings;
}

function builtPath(source: string): string {
  return source.replace(/^\.\//, "./dist/").replace(/\.ts$/, ".js");
}

function dependencyFindings(deno: DenoManifest, npm: NpmManifest): string[] {
  const findings: string[] = [];
  const wanted = { ...npm.dependencies, ...npm.peerDependencies };
  for (const [name, specifier] of Object.entries(deno.imports)) {
    if (specifier !== `npm:${name}@${wanted[name]}`) {
      findings.push(
        `${name} differs: ${specifier} in deno.json, ${wanted[name] ?? "nothing"} in package.json`,
      );
    }
  }
  for (const name of Object.keys(wanted)) {
    if (deno.imports[name] === undefined) findings.push(`deno.json does not import ${name}`);
  }
  for (const name of Object.keys(npm.peerDependencies ?? {})) {
    if (npm.peerDependenciesMeta?.[name]?.optional !== true) {
      findings.push(`peer ${name} is not optional: the core must install without it`);
    }
  }
  for (const [name, version] of Object.entries(npm.devDependencies ?? {})) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) {
      findings.push(`development dependency ${name} is not pinned: ${version}`);
    }
  }
  return findings;
}

/** Bare specifiers of published sources that a manifest does not know. */
function usageFindings(root: string, deno: DenoManifest, npm: NpmManifest): string[] {
  const installed = { ...npm.dependencies, ...npm.peerDependencies };
  const findings: string[] = [];
  for (const file of ["mod.ts", ...filesUnder(root, ["src", "adapters", "proto"])]) {
    if (!file.endsWith(".ts") || !existsSync(join(root, file))) continue;
    for (const specifier of specifiersOf(readFileSync(join(root, file), "utf8"))) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const name = packageOf(specifier);
      if (deno.imports[name] === undefined || installed[name] === undefined) {
        findings.push(`${file} imports ${JSON.stringify(specifier)}, which the manifests lack`);
      }
    }
  }
  return findings;
}

function lockFindings(root: string): string[] {
  const path = join(root, "deno.lock");
  if (!existsSync(path)) return ["deno.lock is missing"];
  const host = /https?:\/\/[^"\s]+/.exec(readFileSync(path, "utf8"))?.[0];
  return host === undefined ? [] : [`deno.lock names a host: ${host}`];
}

if (isMain(import.meta.url)) {
  const findings = manifestFindings();
  for (const each of findings) console.error(each);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
