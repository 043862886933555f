/**
 * A node's gRPC port as people look at it: with grpcurl, which is grpc-go.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type ClusterNode, createNode } from "../../mod.ts";
import { ROOT } from "../../tools/project.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { buildGo, goSkipReason } from "./go_build.ts";

const TOKEN = "a-token-for-tools";
const LINK = "cluster.v1.LinkService";
const HEALTH = "grpc.health.v1.Health";
const file = (name: string): string => join(ROOT, "tests/fixtures/tls", name);

const skip = goSkipReason();
const grpcurl = skip === false
  ? (await buildGo({
    main: "tests/interop/grpcurl",
    package: "github.com/fullstorydev/grpcurl/cmd/grpcurl",
    sources: ["tests/interop/grpcurl"],
  })).path
  : "";

/** What grpcurl printed, or how it failed. */
interface Said {
  readonly ok: boolean;
  readonly text: string;
}

function run(...args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    execFile(grpcurl, ["-max-time", "20", ...args], (error, stdout, stderr) => {
      resolve({ ok: error === null, text: (error === null ? stdout : stderr).trim() });
    });
  });
}

/** A node alone that serves, and the address of its gRPC port. */
async function serving(
  security: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly node: ClusterNode; readonly address: string }> {
  const node = await createNode(await runtimeUnderTest(), {
    cluster_config: {
      enabled: true,
      node_id: "seen-by-grpcurl",
      bind_addr: "127.0.0.1",
      // Nobody listens there: a peer has to be named.
      peers: ["127.0.0.1:1"],
      join_timeout_seconds: 0.2,
      gossip: { port: 0, profile: "local" },
      grpc: { port: 0 },
      status: { port: 0 },
      security,
    },
  });
  await eventually("the node is ready", () => node.readiness().ready);
  return { node, address: node.status().rpc ?? "" };
}

function withGrpcurl(name: string, test: () => Promise<void>): void {
  it(name, { skip, timeout: 60_000 }, test);
}

describe("grpcurl at a node", () => {
  withGrpcurl("lists the services and describes them by reflection", async () => {
    const { node, address } = await serving();
    await using _ = node;
    const list = await run("-plaintext", address, "list");
    assert.deepEqual(list, {
      ok: true,
      text: [
        LINK,
        HEALTH,
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ].join("\n"),
    });
    const service = await run("-plaintext", address, "describe", LINK);
    assert.match(service.text, /rpc Exchange \( stream \.cluster\.v1\.ExchangeRequest \)/);
    const message = await run("-plaintext", address, "describe", "cluster.v1.Hello");
    assert.match(message.text, /string node_id = 1;/);
    const unknown = await run("-plaintext", address, "describe", "cluster.v1.Nothing");
    assert.equal(unknown.ok, false);
  });

  withGrpcurl("checks the health, by name and as a whole", async () => {
    const { node, address } = await serving();
    await using _ = node;
    const check = (service: string): Promise<Said> =>
      run("-plaintext", "-d", JSON.stringify({ service }), address, `${HEALTH}/Check`);
    for (const service of ["", LINK]) {
      const { ok, text } = await check(service);
      assert.ok(ok, text);
      assert.deepEqual(JSON.parse(text), { status: "SERVING" });
    }
    const unknown = await check("cluster.v1.Nothing");
    assert.match(unknown.text, /NotFound/);
  });

  withGrpcurl("is refused without and with a wrong token, and let in by the bearer", async () => {
    const { node, address } = await serving({ token: TOKEN });
    await using _ = node;
    const list = (...header: readonly string[]): Promise<Said> =>
      run("-plaintext", ...header, address, "list");
    for (const header of [[], ["-H", "authorization: Bearer wrong"]]) {
      const refused = await list(...header);
      assert.equal(refused.ok, false);
      assert.match(refused.text, /Unauthenticated|credentials/);
      assert.ok(!refused.text.includes(TOKEN));
    }
    assert.ok(node.status().rpcRefused >= 2, "the refusals are counted");
    const admitted = await list("-H", `authorization: Bearer ${TOKEN}`);
    assert.ok(admitted.ok, admitted.text);
    assert.ok(admitted.text.includes(LINK));
  });

  withGrpcurl("reads the health without a token, as load balancers do", async () => {
    const { node, address } = await serving({ token: TOKEN });
    await using _ = node;
    // Without reflection grpcurl needs the contract.
    const proto = ["-import-path", join(ROOT, "proto"), "-proto", "grpc/health/v1/health.proto"];
    const { ok, text } = await run("-plaintext", ...proto, address, `${HEALTH}/Check`);
    assert.ok(ok, text);
    assert.deepEqual(JSON.parse(text), { status: "SERVING" });
  });

  withGrpcurl("speaks TLS with the cluster's CA, and with no other", async () => {
    const { node, address } = await serving({
      token: TOKEN,
      tls: { cert_file: file("node.pem"), key_file: file("node.key.pem") },
    });
    await using _ = node;
    const bearer = ["-H", `authorization: Bearer ${TOKEN}`];
    const list = (ca: string): Promise<Said> =>
      run("-cacert", file(ca), ...bearer, address, "list");
    const trusted = await list("cluster_ca.pem");
    assert.ok(trusted.ok, trusted.text);
    assert.ok(trusted.text.includes(LINK));
    assert.match((await list("foreign_ca.pem")).text, /x509: certificate signed by unknown/);
    assert.equal((await run("-plaintext", ...bearer, address, "list")).ok, false);
  });

  withGrpcurl("needs a certificate of the cluster's CA where TLS is mutual", async () => {
    const { node, address } = await serving({
      tls: {
        cert_file: file("node.pem"),
        key_file: file("node.key.pem"),
        ca_file: file("cluster_ca.pem"),
        client_auth: true,
      },
    });
    await using _ = node;
    const list = (...own: readonly string[]): Promise<Said> =>
      run("-cacert", file("cluster_ca.pem"), ...own, address, "list");
    const own = (name: string): string[] => [
      "-cert",
      file(`${name}.pem`),
      "-key",
      file(`${name}.key.pem`),
    ];
    const admitted = await list(...own("node"));
    assert.ok(admitted.ok, admitted.text);
    assert.ok(admitted.text.includes(LINK));
    assert.equal((await list()).ok, false);
    assert.equal((await list(...own("foreign"))).ok, false);
  });
});
