/**
 * `deno task setup`: makes `node_modules` complete and current. Quick and silent when it is.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { run } from "./process.ts";
import { isMain, ROOT } from "./project.ts";
import { denoProgram } from "./runtimes.ts";

const STAMP = join(ROOT, "node_modules", ".althing-setup");

/**
 * Installs what the manifests and the lock name, unless the last installation was for the same
 * ones. Throws with the installer's output when it fails.
 */
export async function ensureSetup(): Promise<void> {
  if (isCurrent()) return;
  const frozen = process.env["CI"] === "true" ? ["--frozen"] : [];
  const result = await run([denoProgram(), "install", ...frozen], { timeoutMs: 10 * 60_000 });
  if (result.code !== 0) {
    throw new Error(
      `Cannot install the packages: deno install ended with ${result.code}\n${result.output}`,
    );
  }
  writeFileSync(STAMP, fingerprint());
  if (result.seconds >= 1) console.log(`packages installed in ${result.seconds.toFixed(1)} s`);
}

function isCurrent(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === fingerprint();
}

function fingerprint(): string {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}`);
  for (const name of ["package.json", "deno.lock"]) {
    const path = join(ROOT, name);
    hash.update(existsSync(path) ? readFileSync(path) : "absent");
  }
  const imports = (JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
    imports?: unknown;
  }).imports;
  return hash.update(JSON.stringify(imports ?? {})).digest("hex");
}

if (isMain(import.meta.url)) await ensureSetup();
