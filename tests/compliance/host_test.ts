import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after } from "node:test";
import { envCases, filesCases } from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const { env, files, name } = await runtimeUnderTest();

const folder = await mkdtemp(join(tmpdir(), "althing-files-"));
after(() => rm(folder, { recursive: true }));
const known = { path: join(folder, "known.txt"), text: "Grüße, 世界\n" };
const binaryPath = join(folder, "binary");
await writeFile(known.path, `\uFEFF${known.text}`);
await writeFile(binaryPath, Uint8Array.of(0x41, 0xff, 0xfe, 0x42));
judge(
  `files of ${name}`,
  filesCases({ files, known, binaryPath, missingPath: join(folder, "missing") }),
);

process.env["ALTHING_KNOWN"] = "some value";
process.env["ALTHING_EMPTY"] = "";
judge(
  `env of ${name}`,
  envCases({
    env,
    known: { name: "ALTHING_KNOWN", value: "some value" },
    emptyName: "ALTHING_EMPTY",
  }),
);
