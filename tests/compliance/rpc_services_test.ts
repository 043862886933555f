/**
 * What strangers' tools see of the RPC port: health, reflection, and doors that stay shut.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as http2 from "node:http2";
import * as net from "node:net";
import { describe, it } from "node:test";
import { create, createFileRegistry, fromBinary, type Registry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  encodeBinaryHeader,
} from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type Address, parseAddress, type RpcServeOptions, type RpcServer } from "../../mod.ts";
import { connectRpc, type ConnectRpcOptions } from "../../adapters/connect/mod.ts";
import { proveLink } from "../../adapters/connect/link_proof.ts";
import { LinkProofSchema, LinkService } from "../../proto/gen/cluster/v1/link_pb.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { eventually } from "../eventually.ts";

const KEY = new Uint8Array(32).fill(1);
const PROOF_HEADER = "althing-proof-bin";

async function serve(
  more: Partial<RpcServeOptions> = {},
  options: ConnectRpcOptions = {},
): Promise<RpcServer> {
  return await connectRpc(options).serve({
    ip: "127.0.0.1",
    port: 0,
    security: { linkKeys: () => [] },
    health: () => "serving",
    onLink: async (link) => {
      for await (const _ of link.frames) { /* until it ends */ }
    },
    ...more,
  });
}

/** A transport whose session is destroyed at the end, which sends no GOAWAY. */
function connected(to: Address) {
  const sockets: net.Socket[] = [];
  const transport = createGrpcTransport({
    baseUrl: `http://${to}`,
    acceptCompression: [],
    nodeOptions: {
      createConnection: () => {
        const { ip, port } = parseAddress(to)!;
        const socket = net.connect({ host: ip, port });
        socket.on("error", () => {});
        sockets.push(socket);
        return socket;
      },
    },
  });
  return {
    transport,
    [Symbol.dispose](): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function codeOf(promise: Promise<unknown>): Promise<Code | undefined> {
  return await promise.then(() => undefined, (error) => ConnectError.from(error).code);
}

describe("standard gRPC health", () => {
  it("tells the node's health to callers without credentials", async () => {
    let health: "serving" | "not-serving" = "serving";
    await using server = await serve({
      security: { token: "t", linkKeys: () => [KEY] },
      health: () => health,
    });
    using caller = connected(server.local);
    const client = createClient(Health, caller.transport);
    assert.equal((await client.check({})).status, Status.SERVING);
    assert.equal((await client.check({ service: LinkService.typeName })).status, Status.SERVING);
    assert.equal(await codeOf(client.check({ service: "no.such.Service" })), Code.NotFound);
    health = "not-serving";
    assert.equal((await client.check({})).status, Status.NOT_SERVING);
    const { statuses } = await client.list({});
    assert.deepEqual(Object.keys(statuses).sort(), ["", LinkService.typeName]);
  });

  it("streams changes, and ends with the server", async () => {
    let health: "serving" | "not-serving" = "serving";
    await using server = await serve({ health: () => health });
    using caller = connected(server.local);
    const client = createClient(Health, caller.transport);
    const seen: Status[] = [];
    const watching = (async () => {
      for await (const { status } of client.watch({})) seen.push(status);
    })().catch(() => {});
    await eventually("the first state arrives", () => seen.length === 1);
    health = "not-serving";
    await eventually("the change arrives", () => seen.length === 2);
    assert.deepEqual(seen, [Status.SERVING, Status.NOT_SERVING]);
    await server[Symbol.asyncDispose]();
    await watching;
  });

  it("says that an unknown service is unknown when watched", async () => {
    await using server = await serve();
    using caller = connected(server.local);
    for await (const { status } of createClient(Health, caller.transport).watch({ service: "x" })) {
      assert.equal(status, Status.SERVICE_UNKNOWN);
      break;
    }
  });
});

describe("server reflection", () => {
  const versions = { v1: ServerReflection, v1alpha: ServerReflectionAlpha } as const;
  for (const [version, service] of Object.entries(versions)) {
    it(`describes every service without proto files (${version})`, async () => {
      await using server = await serve();
      using caller = connected(server.local);
      const reflection = createClient(service as typeof ServerReflection, caller.transport);
      const names = await serviceNames(reflection);
      assert.deepEqual(names.sort(), [
        "cluster.v1.LinkService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ]);
      for (const name of names) {
        const registry = await described(reflection, name);
        assert.ok(registry.getService(name), `${name} is described`);
      }
    });
  }

  it("finds files by name, symbol, method and field, and says what it does not find", async () => {
    await using server = await serve();
    using caller = connected(server.local);
    const reflection = createClient(ServerReflection, caller.transport);
    const cases = [
      ask("fileByFilename", "cluster/v1/link.proto"),
      ask("fileContainingSymbol", "cluster.v1.LinkService.Exchange"),
      ask("fileContainingSymbol", ".cluster.v1.Batch"),
      ask("fileContainingSymbol", "cluster.v1.Batch.sequence"),
      ask("fileContainingSymbol", "no.such.Symbol"),
      ask("fileByFilename", "no_such.proto"),
      { messageRequest: { case: undefined } } as const,
    ];
    const answers: (string | undefined)[] = [];
    for await (const { messageResponse } of reflection.serverReflectionInfo(each(cases))) {
      answers.push(messageResponse.case);
    }
    const found = "fileDescriptorResponse";
    const error = "errorResponse";
    assert.deepEqual(answers, [found, found, found, found, error, error, error]);
  });

  it("wants the token where one is set", async () => {
    await using server = await serve({ security: { token: "secret", linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const reflection = createClient(ServerReflection, caller.transport);
    assert.equal(await codeOf(serviceNames(reflection)), Code.Unauthenticated);
    assert.equal(await codeOf(serviceNames(reflection, "wrong")), Code.Unauthenticated);
    assert.equal((await serviceNames(reflection, "secret")).length, 4);
  });
});

describe("link proofs", () => {
  const audience = "127.0.0.1:1";

  /** Opens a link by hand with the given header; the code it ended with, `undefined` when it was opened. */
  async function exchange(
    client: Client<typeof LinkService>,
    header: string,
  ): Promise<Code | undefined> {
    const abort = new AbortController();
    const frames = client.exchange(each([]), {
      headers: { [PROOF_HEADER]: header },
      signal: abort.signal,
    });
    return await codeOf(frames[Symbol.asyncIterator]().next()).finally(() => abort.abort());
  }

  async function challenged(client: Client<typeof LinkService>) {
    const diallerNonce = new Uint8Array(randomBytes(32));
    const { acceptorNonce, proofs } = await client.challenge({ diallerNonce, audience });
    return { nonces: { diallerNonce, acceptorNonce, audience }, proofs };
  }

  const headerOf = (
    nonces: { diallerNonce: Uint8Array; acceptorNonce: Uint8Array; audience: string },
    proof: Uint8Array,
  ): string => encodeBinaryHeader(create(LinkProofSchema, { ...nonces, proof }), LinkProofSchema);

  it("are good once", async () => {
    await using server = await serve({ security: { linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const client = createClient(LinkService, caller.transport);
    const { nonces } = await challenged(client);
    const header = headerOf(nonces, proveLink(KEY, { role: "dialler", ...nonces }));
    assert.equal(await exchange(client, header), undefined);
    assert.equal(await exchange(client, header), Code.Unauthenticated);
  });

  it("can't be the acceptor's own, played back", async () => {
    await using server = await serve({ security: { linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const client = createClient(LinkService, caller.transport);
    const { nonces, proofs } = await challenged(client);
    assert.equal(await exchange(client, headerOf(nonces, proofs[0]!)), Code.Unauthenticated);
  });

  it("can't be over other nonces, another audience, or nonsense", async () => {
    await using server = await serve({ security: { linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const client = createClient(LinkService, caller.transport);
    const { nonces } = await challenged(client);
    const proof = proveLink(KEY, { role: "dialler", ...nonces });
    const own = { ...nonces, acceptorNonce: new Uint8Array(randomBytes(40)) };
    const bad = [
      headerOf(own, proveLink(KEY, { role: "dialler", ...own })),
      headerOf({ ...nonces, diallerNonce: new Uint8Array(32) }, proof),
      headerOf({ ...nonces, audience: "127.0.0.1:2" }, proof),
      headerOf(nonces, proof.subarray(1)),
      headerOf(nonces, new Uint8Array()),
      "!not base64!",
      "AAAA",
      "A".repeat(5000),
    ];
    for (const header of bad) {
      assert.equal(await exchange(client, header), Code.Unauthenticated, header.slice(0, 40));
    }
    assert.equal(await exchange(client, headerOf(nonces, proof)), undefined);
  });

  it("are asked for with a nonce of sensible length", async () => {
    await using server = await serve({ security: { linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const client = createClient(LinkService, caller.transport);
    for (const length of [0, 15, 65]) {
      const asking = client.challenge({ diallerNonce: new Uint8Array(length), audience });
      assert.equal(await codeOf(asking), Code.InvalidArgument);
    }
  });
});

describe("the RPC port", () => {
  it("says in words why it can't be bound, as the other ports do", async () => {
    await using server = await serve();
    const { port } = parseAddress(server.local)!;
    await assert.rejects(serve({ port }), {
      code: "bind-failed",
      message: `Cannot bind RPC 127.0.0.1:${port}: ` +
        "the port is taken, stop what holds it or choose another port",
    });
    await assert.rejects(serve({ ip: "192.0.2.1" }), {
      code: "bind-failed",
      message: "Cannot bind RPC 192.0.2.1:0: " +
        "no interface of this machine has the address, choose one that it has",
    });
  });

  it("reads no large message of a caller without credentials", async () => {
    await using server = await serve({ security: { linkKeys: () => [KEY] } });
    using caller = connected(server.local);
    const text = "x".repeat(5000);
    const asking = createClient(LinkService, caller.transport).challenge({ audience: text });
    assert.equal(await codeOf(asking), Code.ResourceExhausted);
    const checking = createClient(Health, caller.transport).check({ service: text });
    assert.equal(await codeOf(checking), Code.ResourceExhausted);
  });

  it("closes connections that never call", async () => {
    await using server = await serve({}, { idleMs: 50 });
    const silent = rawConnection(server.local);
    const session = http2.connect(`http://${server.local}`);
    session.on("error", () => {});
    let sessionClosed = false;
    session.once("close", () => sessionClosed = true);
    await eventually("the silent one is closed", () => silent.destroyed);
    await eventually("the one that says HTTP/2 only is closed", () => sessionClosed);
  });

  it("closes connections whose session went wrong, though the caller stays", async () => {
    await using server = await serve({}, {
      idleMs: 60_000,
      keepAliveMs: 50,
      keepAliveTimeoutMs: 50,
    });
    const socket = rawConnection(server.local);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    // A header block that cannot be decoded: Node says GOAWAY to it and then waits for the caller to leave.
    socket.write(new Uint8Array([0, 0, 4, 1, 4, 0, 0, 0, 1, 255, 255, 255, 255]));
    await eventually("it is closed", () => socket.destroyed);
  });

  it("keeps a link that is silent", async () => {
    const rpc = connectRpc({ idleMs: 50, keepAliveMs: 20, keepAliveTimeoutMs: 20 });
    let open = 0;
    await using server = await serve({
      onLink: async (link) => {
        open++;
        for await (const _ of link.frames) { /* until it ends */ }
        open--;
      },
    }, { idleMs: 50, keepAliveMs: 50, keepAliveTimeoutMs: 50 });
    const link = await rpc.dial(server.local, {
      security: { linkKeys: () => [] },
      timeoutMs: 5_000,
    });
    const other = rawConnection(server.local);
    await eventually("another is closed for silence", () => other.destroyed);
    assert.equal(open, 1);
    link.close();
    await eventually("the link is over", () => open === 0);
  });

  it("takes no more connections than it may", async () => {
    await using server = await serve({}, { connectionsMax: 2 });
    const many = Array.from({ length: 5 }, () => rawConnection(server.local));
    await eventually("three are closed", () => many.filter((one) => one.destroyed).length === 3);
    for (const one of many) one.destroy();
  });

  it("notices a peer that is frozen", async () => {
    const frozen = net.createServer((socket) => {
      // Takes the preface and the settings, and answers nothing from the first ping on.
      socket.on("error", () => {});
      socket.resume();
      socket.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    });
    await new Promise<void>((resolve) => frozen.listen(0, "127.0.0.1", resolve));
    const { port } = frozen.address() as net.AddressInfo;
    const rpc = connectRpc({ keepAliveMs: 50, keepAliveTimeoutMs: 50 });
    await assert.rejects(
      rpc.dial(`127.0.0.1:${port}`, { security: { linkKeys: () => [] }, timeoutMs: 60_000 }),
      { name: "ClusterError", code: "unreachable" },
    );
    await new Promise((resolve) => frozen.close(resolve));
  });

  it("refuses options that cannot work", () => {
    assert.throws(() => connectRpc({ windowBytes: 1 }), RangeError);
    assert.throws(() => connectRpc({ keepAliveMs: 100, keepAliveTimeoutMs: 200 }), RangeError);
    assert.throws(() => connectRpc({ messageBytesMax: Number.NaN }), RangeError);
  });

  it("rejects frames that are too large or go the wrong way, and keeps the link", async () => {
    const rpc = connectRpc({ messageBytesMax: 1024 });
    await using server = await serve();
    const security = { linkKeys: () => [] };
    const link = await rpc.dial(server.local, { security, timeoutMs: 5_000 });
    const batch = (bytes: number) =>
      ({
        frame: {
          case: "batch",
          value: { sequence: 1, entries: [new Uint8Array(bytes)], snapshotEnd: false },
        },
      }) as const;
    await assert.rejects(link.send(batch(2048)), { name: "ClusterError", code: "too-large" });
    const welcome = { nodeId: "n", bootId: "b", capabilities: [], wallMs: 0, ready: true };
    await assert.rejects(link.send({ frame: { case: "welcome", value: welcome } }), TypeError);
    await link.send(batch(512));
    link.close();
  });
});

function rawConnection(to: Address): net.Socket {
  const { ip, port } = parseAddress(to)!;
  const socket = net.connect({ host: ip, port });
  socket.on("error", () => {});
  socket.resume();
  return socket;
}

function ask<C extends "fileByFilename" | "fileContainingSymbol">(kind: C, value: string) {
  return { messageRequest: { case: kind, value } } as const;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function serviceNames(
  client: Client<typeof ServerReflection>,
  token?: string,
): Promise<string[]> {
  const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const question = { messageRequest: { case: "listServices", value: "" } } as const;
  const names: string[] = [];
  for await (const answer of client.serverReflectionInfo(each([question]), { headers })) {
    const { messageResponse } = answer;
    assert.equal(messageResponse.case, "listServicesResponse");
    if (messageResponse.case !== "listServicesResponse") continue;
    names.push(...messageResponse.value.service.map(({ name }) => name));
  }
  return names;
}

async function described(
  client: Client<typeof ServerReflection>,
  symbol: string,
): Promise<Registry> {
  for await (
    const { messageResponse } of client.serverReflectionInfo(
      each([ask("fileContainingSymbol", symbol)]),
    )
  ) {
    assert.equal(messageResponse.case, "fileDescriptorResponse");
    if (messageResponse.case !== "fileDescriptorResponse") break;
    const file = messageResponse.value.fileDescriptorProto
      .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    return createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
  }
  throw new Error(`no answer for ${symbol}`);
}
