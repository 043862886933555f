/**
 * How the real command is given a token without everybody on the machine reading it in the process list.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ROOT } from "../../tools/project.ts";
import { findRuntimes } from "../../tools/runtimes.ts";
import { AlthingProcess } from "./agent_process.ts";

const { found, missing } = findRuntimes();
const isBuilt = existsSync(join(ROOT, ".build/adapters/cli/main.js"));
const skip = missing[0]?.why ??
  (isBuilt ? false : "there is no build for Node: run `deno task build`");

describe("the command's token", { skip }, () => {
  const seen: (string | undefined)[] = [];
  let server: Server;
  before(async () => {
    server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end("[]");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => new Promise((resolve) => server.close(resolve)));

  for (const runtime of found) {
    it(`comes from ALTHING_TOKEN unless --token gives another, on ${runtime.name}`, async () => {
      const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const env = { ALTHING_TOKEN: "from-the-environment" };
      seen.length = 0;
      for (const more of [[], ["--token", "given"]]) {
        const words = ["members", "--address", address, "--json", ...more];
        await using command = new AlthingProcess(runtime, words, env);
        assert.deepEqual(await command.ended(), { code: 0, stdout: "[]\n", stderr: "" });
      }
      assert.deepEqual(seen, ["Bearer from-the-environment", "Bearer given"]);
    });
  }
});
