/**
 * Proves the npm package: packs it, lints it, installs the tarball in an empty folder and imports
 * every export from there on Node, Deno and Bun, first with no optional peer, then with all.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { buildDist } from "./build.ts";
import { run } from "./process.ts";
import { isMain, npmManifest, ROOT } from "./project.ts";
import { denoProgram, findRuntimes, type FoundRuntime, tscProgram } from "./runtimes.ts";
import { ensureSetup } from "./setup.ts";
import { type Stage, type StageResult } from "./stages.ts";

/** Entries that must load where nothing but the package itself is installed. */
const CORE_ENTRIES: readonly string[] = [".", "./testing"];

/** What every tarball holds, and what none does. */
const PACKED: readonly string[] = ["dist/mod.js", "dist/mod.d.ts", "LICENSE", "README.md"];
const NOT_PACKED = /^(src|tests|tools|bench|examples|adapters)\/|\.tsbuildinfo$/;

/** Runs one check; throws with what the program said when it fails. */
async function must(command: readonly string[], cwd: string, deed: string): Promise<string> {
  const result = await run(command, { cwd, env: { NO_COLOR: "1" }, timeoutMs: 5 * 60_000 });
  if (result.code !== 0) {
    throw new Error(`Cannot ${deed}: exit code ${result.code}\n${result.output}`);
  }
  return result.stdout;
}

/** Checks the package, printing each thing that holds; throws at the first that does not. */
async function checkPackage(say: (line: string) => void): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "althing-package-"));
  try {
    await buildDist();
    const tarball = await pack(scratch);
    say(`packed ${tarball}`);
    const publint = join(ROOT, "node_modules/publint/src/cli.js");
    await must(
      [denoProgram(), "run", "-A", publint, "run", tarball, "--strict"],
      ROOT,
      "pass publint",
    );
    say("publint finds nothing");

    const consumer = join(scratch, "consumer");
    mkdirSync(consumer);
    writeFileSync(join(consumer, "package.json"), '{ "name": "consumer", "type": "module" }\n');
    const entries = Object.keys(npmManifest().exports);
    const core = entries.filter((entry) => CORE_ENTRIES.includes(entry));
    let checks = 2;
    await install(consumer, [tarball]);
    checks += await importAll(consumer, core, say, "without any optional peer");
    await install(consumer, [tarball, ...peers()]);
    checks += await importAll(consumer, entries, say, "with the optional peers");
    await compileConsumer(consumer, entries);
    say("a consumer's TypeScript compiles against its types");
    return checks + 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function pack(scratch: string): Promise<string> {
  const said = await must(["npm", "pack", "--json", "--pack-destination", scratch], ROOT, "pack");
  const [listing] = JSON.parse(said) as { files: { path: string }[] }[];
  const paths = (listing?.files ?? []).map((file) => file.path);
  const missing = PACKED.filter((path) => !paths.includes(path));
  const surplus = paths.filter((path) => NOT_PACKED.test(path));
  if (missing.length > 0 || surplus.length > 0) {
    throw new Error(
      `Cannot publish the tarball: it lacks [${missing}] and should not have [${surplus}]`,
    );
  }
  const file = readdirSync(scratch).find((name) => name.endsWith(".tgz"));
  return join(scratch, file ?? "");
}

async function install(consumer: string, packages: readonly string[]): Promise<void> {
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  await must(["npm", "install", ...quiet, ...packages], consumer, "install the tarball");
}

/** The optional peers at the versions this project is tested with. */
function peers(): string[] {
  const { peerDependencies = {}, devDependencies = {} } = npmManifest();
  return Object.entries(peerDependencies).map(([name, range]) =>
    `${name}@${devDependencies[name] ?? range}`
  );
}

async function importAll(
  consumer: string,
  entries: readonly string[],
  say: (line: string) => void,
  circumstances: string,
): Promise<number> {
  const { name } = npmManifest();
  const lines = entries.map((entry) => `await import(${JSON.stringify(name + entry.slice(1))});`);
  writeFileSync(join(consumer, "import_all.mjs"), `${lines.join("\n")}\n`);
  const { found } = findRuntimes();
  for (const runtime of found) {
    const command = importCommand(runtime);
    await must(command, consumer, `import the package on ${runtime.name} ${circumstances}`);
  }
  say(
    `${entries.length} entries load on ${
      found.map((each) => each.name).join(", ")
    } ${circumstances}`,
  );
  return entries.length * found.length;
}

function importCommand(runtime: FoundRuntime): string[] {
  if (runtime.name !== "deno") return [runtime.program, "import_all.mjs"];
  return [runtime.program, "run", "-A", "--node-modules-dir=manual", "import_all.mjs"];
}

async function compileConsumer(consumer: string, entries: readonly string[]): Promise<void> {
  const { name } = npmManifest();
  const lines = entries.map((entry, i) =>
    `export * as e${i} from ${JSON.stringify(name + entry.slice(1))};`
  );
  writeFileSync(join(consumer, "consumer.ts"), `${lines.join("\n")}\n`);
  const compilerOptions = {
    target: "ES2023",
    lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.AsyncIterable"],
    module: "NodeNext",
    strict: true,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  };
  const config = { compilerOptions, files: ["consumer.ts"] };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify(config));
  await must([tscProgram(), "-p", "."], consumer, "compile a consumer");
}

/** The gate's stage: every entry on every runtime counts as one check. */
export function packageStage(): Stage {
  return {
    name: "package",
    claim: "the packed npm package lints, installs and loads",
    async run(): Promise<StageResult> {
      const said: string[] = [];
      try {
        return { passed: await checkPackage((line) => said.push(line)), failed: 0, output: "" };
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { passed: 0, failed: 1, output: [...said, why].join("\n") };
      }
    },
  };
}

if (isMain(import.meta.url)) {
  await ensureSetup();
  try {
    console.log(`${await checkPackage((line) => console.log(line))} passed, 0 failed`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log("0 passed, 1 failed");
    process.exitCode = 1;
  }
}
