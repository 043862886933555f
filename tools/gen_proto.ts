/**
 * `deno task proto`: generates `proto/gen` from `proto/`; with `--check` writes nothing and fails
 * when the committed files differ from what would be generated.
 *
 * @module
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { run } from "./process.ts";
import { filesUnder, isMain, ROOT } from "./project.ts";
import { bufProgram, denoProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";

/** As `buf.gen.yaml` names it: a script that wants Node. */
const PLUGIN_ON_NODE = "node_modules/.bin/protoc-gen-es";
const PLUGIN = "node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es";

/** Generates into `folder` (`proto/gen` below it). Throws with buf's output when it fails. */
async function generate(folder: string): Promise<void> {
  const template = readFileSync(join(ROOT, "buf.gen.yaml"), "utf8");
  // The plugin runs on this Deno, so that a machine without Node can generate too.
  const onDeno = JSON.stringify([denoProgram(), "run", "-A", join(ROOT, PLUGIN)]);
  const local = template.replace(PLUGIN_ON_NODE, onDeno);
  if (local === template) {
    throw new Error(
      `Cannot generate: buf.gen.yaml does not name ${JSON.stringify(PLUGIN_ON_NODE)}`,
    );
  }
  const scratch = mkdtempSync(join(tmpdir(), "althing-template-"));
  try {
    const path = join(scratch, "buf.gen.yaml");
    writeFileSync(path, local);
    const result = await run([bufProgram(), "generate", "--template", path, "--output", folder]);
    if (result.code !== 0) {
      throw new Error(`Cannot generate: buf ended with ${result.code}\n${result.output}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The committed generated files that differ from what `proto/` says, one sentence each. */
export async function protoFindings(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "althing-proto-"));
  try {
    await generate(folder);
    const fresh = filesUnder(join(folder, "proto/gen"));
    const committed = filesUnder(join(ROOT, "proto/gen"));
    const findings: string[] = [];
    for (const path of new Set([...fresh, ...committed])) {
      if (!fresh.includes(path)) findings.push(`proto/gen/${path} comes from no .proto file`);
      else if (!committed.includes(path)) findings.push(`proto/gen/${path} is missing`);
      else if (
        readFileSync(join(folder, "proto/gen", path), "utf8") !==
          readFileSync(join(ROOT, "proto/gen", path), "utf8")
      ) findings.push(`proto/gen/${path} differs from what its .proto file generates`);
    }
    return findings.length === 0 ? [] : [...findings, `run "deno task proto"`];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  await ensureSetup();
  if (process.argv.includes("--check")) {
    const findings = await protoFindings();
    for (const each of findings) console.error(each);
    process.exitCode = findings.length === 0 ? 0 : 1;
  } else {
    const folder = mkdtempSync(join(tmpdir(), "althing-proto-"));
    await generate(folder);
    rmSync(join(ROOT, "proto/gen"), { recursive: true, force: true });
    cpSync(join(folder, "proto/gen"), join(ROOT, "proto/gen"), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
  }
}
