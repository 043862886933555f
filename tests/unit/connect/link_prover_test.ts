/**
 * What a dialling node gives away to an acceptor that it has no reason to trust.
 */

import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http2";
import { describe, it } from "node:test";
import { Code, createClient, createRouterTransport, decodeBinaryHeader } from "@connectrpc/connect";
import { Http2Server } from "../../../adapters/connect/http2_server.ts";
import { PROOF_HEADER, proveLink, sameSecret } from "../../../adapters/connect/link_proof.ts";
import { linkCredentials } from "../../../adapters/connect/link_prover.ts";
import { connectRpc } from "../../../adapters/connect/mod.ts";
import { resolveConnectRpc } from "../../../adapters/connect/options.ts";
import { tokenLinkKey } from "../../../adapters/connect/proof_keys.ts";
import type { RpcSecurity, RpcTls } from "../../../mod.ts";
import { LinkProofSchema, LinkService } from "../../../proto/gen/cluster/v1/link_pb.ts";
import { testTls } from "../../compliance/rpc_tls_files.ts";

const TOKEN = "correct-horse-battery-staple";
const KEY = new Uint8Array(32).fill(7);
const TO = "127.0.0.1:10102";

interface FakeAcceptor extends AsyncDisposable {
  readonly address: string;
  /** Of each call, in order of arrival. */
  readonly headers: readonly IncomingHttpHeaders[];
}

/** Takes every call, keeps its headers and answers with a gRPC status and nothing else. */
async function fakeAcceptor(code: Code, tls?: RpcTls): Promise<FakeAcceptor> {
  const headers: IncomingHttpHeaders[] = [];
  const server = await Http2Server.serve({
    ip: "127.0.0.1",
    port: 0,
    tls,
    config: resolveConnectRpc(),
    onRefused: () => {},
    handler: (request, response) => {
      headers.push(request.headers);
      response.writeHead(200, { "content-type": "application/grpc+proto", "grpc-status": code });
      response.end();
    },
  });
  return {
    address: server.local,
    headers,
    [Symbol.asyncDispose]: () => server.close(100),
  };
}

async function refusal(acceptor: FakeAcceptor, security: RpcSecurity): Promise<string> {
  const dialling = connectRpc().dial(acceptor.address, { security, timeoutMs: 10_000 });
  const error = await dialling.then((link) => (link.close(), undefined), (reason) => reason);
  assert.equal(error?.code, "refused", String(error));
  return error.message;
}

describe("a dialling node", () => {
  for (const [ring, keys] of [["no gossip key", []], ["a gossip key", [KEY]]] as const) {
    for (const code of [Code.Unimplemented, Code.FailedPrecondition] as const) {
      it(`with a token and ${ring} gives a stranger that answers ${Code[code]} neither token nor proof`, async () => {
        await using acceptor = await fakeAcceptor(code);
        const message = await refusal(acceptor, { token: TOKEN, linkKeys: () => keys });
        assert.match(message, /it proves none of our link keys/);
        assert.ok(acceptor.headers.length > 0, "the stranger was called");
        assert.ok(!JSON.stringify(acceptor.headers).includes(TOKEN));
        for (const headers of acceptor.headers) {
          assert.equal(headers.authorization, undefined);
          assert.equal(headers[PROOF_HEADER], undefined);
        }
      });
    }
  }

  it("shows its token over TLS to an acceptor of its own CA", async () => {
    const tls = testTls().node;
    await using acceptor = await fakeAcceptor(Code.Unimplemented, tls);
    await refusal(acceptor, { tls, token: TOKEN, linkKeys: () => [] });
    assert.equal(acceptor.headers.at(-1)?.authorization, `Bearer ${TOKEN}`);
  });

  it("shows its token over TLS to no acceptor of another CA", async () => {
    await using acceptor = await fakeAcceptor(Code.Unimplemented, testTls().foreign);
    await refusal(acceptor, { tls: testTls().node, token: TOKEN, linkKeys: () => [] });
    assert.deepEqual(acceptor.headers, []);
  });
});

describe("linkCredentials", () => {
  /** An acceptor that proves `keys`. */
  const proving = (...keys: Uint8Array[]) =>
    createClient(
      LinkService,
      createRouterTransport((router) => {
        router.rpc(LinkService.method.challenge, ({ diallerNonce, audience }) => {
          const acceptorNonce = new Uint8Array(40).fill(2);
          const nonces = { diallerNonce, acceptorNonce, audience };
          const proofs = keys.map((key) => proveLink(key, { role: "acceptor", ...nonces }));
          return { acceptorNonce, proofs };
        });
      }),
    );
  const asked = (security: RpcSecurity, ...keys: Uint8Array[]) =>
    linkCredentials(proving(...keys), { security, to: TO, signal: new AbortController().signal });

  /** Which of `keys` the headers prove; they hold nothing else. */
  const provenIn = (headers: Headers, ...keys: Uint8Array[]): number => {
    assert.deepEqual([...headers.keys()], [PROOF_HEADER]);
    const claim = decodeBinaryHeader(headers.get(PROOF_HEADER)!, LinkProofSchema);
    return keys.findIndex((key) =>
      sameSecret(proveLink(key, { role: "dialler", ...claim }), claim.proof)
    );
  };

  it("prove the token to an acceptor that proves it first, and do not say it", async () => {
    const key = tokenLinkKey(TOKEN);
    const headers = await asked({ token: TOKEN, linkKeys: () => [] }, key);
    assert.equal(provenIn(headers, key), 0);
  });

  it("prove a gossip key rather than the token where both fit", async () => {
    const security = { token: TOKEN, linkKeys: () => [KEY] };
    const both = [KEY, tokenLinkKey(TOKEN)] as const;
    assert.equal(provenIn(await asked(security, ...both), ...both), 0);
    assert.equal(provenIn(await asked(security, both[1]), ...both), 1);
  });

  it("have room for the token's key beside a ring of any size", async () => {
    const ring = Array.from({ length: 40 }, (_, i) => new Uint8Array(32).fill(i));
    const key = tokenLinkKey(TOKEN);
    const headers = await asked({ token: TOKEN, linkKeys: () => ring }, key);
    assert.equal(provenIn(headers, key), 0);
  });

  it("take no certificate of a public authority for a member's", async () => {
    const { ca: _, ...tls } = testTls().node;
    const security = { tls, token: TOKEN, linkKeys: () => [] };
    await assert.rejects(asked(security, KEY), { name: "ClusterError", code: "refused" });
    const key = tokenLinkKey(TOKEN);
    assert.equal(provenIn(await asked(security, key), key), 0);
  });
});

describe("tokenLinkKey", () => {
  // The answers of `openssl kdf ... HKDF`, which docs/protocol.md states as well.
  it("is HKDF-SHA256 of the token's UTF-8", () => {
    const hex = (token: string): string =>
      [...tokenLinkKey(token)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(hex(TOKEN), "62db9be57bd0a3340524e6334d719777f77d927b9deb8808086c0d49b20ca3ac");
    assert.equal(
      hex("schlüssel"),
      "115ae697cc541061356c0c0db3b5a52b821fb3d63f580b9c28163799e60741ae",
    );
  });
});
