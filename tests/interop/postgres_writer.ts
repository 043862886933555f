/**
 * Opens the PostgreSQL storage of node `arguments[1]` at port `arguments[0]` and writes crash batches from the third
 * argument on, printing the number of each as soon as it is stored, until it is killed.
 *
 * @module
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { postgresStorage } from "../../adapters/storage_postgres/postgres_storage.ts";
import { ClusterError } from "../../mod.ts";
import { crashWrite } from "../../src/testing/compliance/mod.ts";
import { ADMIN } from "./postgres_server.ts";

const [, , port, nodeId, first] = process.argv;

function print(line: string): void {
  writeSync(1, `${line}\n`);
}

try {
  const storage = await postgresStorage({
    ...ADMIN,
    host: "127.0.0.1",
    port: Number(port),
    database: "althing",
    nodeId: nodeId!,
  }).open();
  print("open");
  await crashWrite(storage, Number(first), Infinity, (batch) => print(String(batch)));
} catch (error) {
  print(ClusterError.is(error) ? `${error.code}: ${error.message}` : String(error));
}
