/**
 * The certificates under `tests/fixtures/tls`, made by its `make.sh`.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RpcTls } from "../../mod.ts";
import type { RpcTestTls } from "../../src/testing/compliance/rpc.ts";

/** All of them; the `ca` is that of the cluster. */
export function testTls(): RpcTestTls {
  return { node: material("node"), elsewhere: material("elsewhere"), foreign: material("foreign") };
}

function material(name: string): RpcTls {
  return {
    cert: read(`${name}.pem`),
    key: read(`${name}.key.pem`),
    ca: read("cluster_ca.pem"),
    clientAuth: false,
  };
}

/** Built tests lie in a folder below the root, which has no copy of the fixtures: looks upwards. */
function read(file: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url));;) {
    const path = join(folder, "tests", "fixtures", "tls", file);
    if (existsSync(path)) return readFileSync(path, "utf8");
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`Cannot find "${file}": not below any parent folder`);
    folder = parent;
  }
}
