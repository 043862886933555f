import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NodeSecurity, securityWarning } from "../../../src/driver/node_security.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const TOKEN = "a-long-enough-token";

const OPEN = "RPC is open: whoever reaches its port is let in, " +
  "set cluster_config.security.gossip_keys or .token, or .tls with client_auth";
const OPEN_OVER_TLS =
  "RPC is open though encrypted: TLS keeps nobody out as client_auth is false, " +
  "set cluster_config.security.tls.client_auth, .gossip_keys or .token";
const IN_THE_CLEAR =
  "RPC is authenticated but not encrypted: set cluster_config.security.tls to encrypt it";

/** What decides, and what is said then. */
const CASES: readonly (readonly [string, string, string, string | undefined])[] = [
  ["no TLS", "", "", OPEN],
  ["no TLS", "token", "", IN_THE_CLEAR],
  ["no TLS", "", "keys", IN_THE_CLEAR],
  ["no TLS", "token", "keys", IN_THE_CLEAR],
  ["TLS", "", "", OPEN_OVER_TLS],
  ["TLS", "token", "", undefined],
  ["TLS", "", "keys", undefined],
  ["TLS", "token", "keys", undefined],
  ["mutual TLS", "", "", undefined],
  ["mutual TLS", "token", "", undefined],
  ["mutual TLS", "", "keys", undefined],
  ["mutual TLS", "token", "keys", undefined],
];

async function load(tls: string, token: string, keys: string): Promise<NodeSecurity> {
  const { sealer } = await wakefulRuntime();
  const files = { readText: (path: string) => Promise.resolve(`the text of ${path}`) };
  const pem = { certFile: "c", keyFile: "k", caFile: "a", clientAuth: tls === "mutual TLS" };
  return await NodeSecurity.load({
    gossipKeys: keys === "" ? [] : [KEY],
    verifyIncoming: true,
    verifyOutgoing: true,
    tls: tls === "no TLS" ? undefined : pem,
    token: token === "" ? undefined : TOKEN,
  }, { sealer, files });
}

describe("securityWarning", () => {
  for (const [tls, token, keys, warning] of CASES) {
    const what = [tls, token, keys].filter((word) => word !== "").join(", ");
    it(`with ${what} says ${warning?.split(":", 1)[0] ?? "nothing"}`, async () => {
      assert.equal(securityWarning(await load(tls, token, keys)), warning);
    });
  }

  it("follows the ring while keys rotate", async () => {
    const security = await load("no TLS", "", "");
    await security.add(KEY);
    assert.equal(securityWarning(security), IN_THE_CLEAR);
  });
});
