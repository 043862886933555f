/**
 * Discovery by etcd where something else answers: calls reject in time, calls are few, and the process lives. Needs no
 * etcd.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { describe, it } from "node:test";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AuthenticateResponseSchema,
  Event_EventType,
  LeaseGrantResponseSchema,
  LeaseKeepAliveResponseSchema,
  PutResponseSchema,
  RangeResponseSchema,
  WatchResponseSchema,
} from "../../proto/gen/etcd/etcd_pb.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { EtcdFollower } from "./etcd_follower.ts";
import { answer, begin, framed, Impostor, type OnCall, refuse } from "./etcd_impostor.ts";

const runtime = await runtimeUnderTest();
const text = new TextEncoder();
const header = { revision: 5n };
const LIST = toBinary(RangeResponseSchema, create(RangeResponseSchema, { header }));

/** Starts a node that finds `impostor` where etcd should be, with a user name that no log may show. */
function follow(impostor: Impostor): Promise<EtcdFollower> {
  return EtcdFollower.start(runtime, "a", {
    endpoints: [impostor.endpoint],
    username: "gateway",
    password: "secret-word",
    timeoutMs: 1_000,
    leaseMs: 1_000,
  });
}

/** Both of a node's calls are rejected, twice, in words; and it did not ask often. */
async function isSurvived(impostor: Impostor): Promise<EtcdFollower> {
  await using a = await follow(impostor);
  void a.announce();
  await eventually("its calls are rejected", () => a.rejections.length >= 4, 20_000);
  for (const { code, message } of a.rejections) {
    assert.match(code, /^(unreachable|refused|timeout|bad-data)$/);
    assert.match(message, /^Cannot .*etcd.*: .*, check /);
    assert.ok(message.length < 600, message);
  }
  assert.ok(a.lines.some((line) => line.startsWith("etcd client error ")));
  assert.ok(a.lines.some((line) => line.startsWith("failed to register with etcd ")));
  const all = [...a.lines, ...a.rejections.map(({ message, stack }) => message + stack)].join();
  assert.doesNotMatch(all, /secret-word/);
  assert.ok(impostor.calls.length <= 8 * a.rejections.length, `${impostor.calls.length} calls`);
  return a;
}

/** An etcd that is well but for the calls that `deed` deals with; it answers whether it did. */
function mostlyWell(deed: (...call: Parameters<OnCall>) => boolean): Promise<Impostor> {
  const bytes = <D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array => {
    return toBinary(schema, create(schema, init));
  };
  return Impostor.ofCalls((stream, path) => {
    if (deed(stream, path)) return;
    const kind = path.slice(path.lastIndexOf("/") + 1);
    if (kind === "Range") answer(stream, LIST);
    if (kind === "Put") answer(stream, bytes(PutResponseSchema, { header }));
    if (kind === "Authenticate") answer(stream, bytes(AuthenticateResponseSchema, { token: "t" }));
    if (kind === "LeaseGrant") {
      answer(stream, bytes(LeaseGrantResponseSchema, { header, ID: 7n, TTL: 1n }));
    }
    if (kind === "LeaseKeepAlive") {
      answer(stream, bytes(LeaseKeepAliveResponseSchema, { header, ID: 7n, TTL: 1n }));
    }
    if (kind === "Watch") begin(stream, watchAnswer({ created: true }));
  });
}

function watchAnswer(
  init: Exclude<MessageInitShape<typeof WatchResponseSchema>, { $typeName: string }>,
): Uint8Array {
  return toBinary(WatchResponseSchema, create(WatchResponseSchema, { header, ...init }));
}

function entry(key: string, value: string | Uint8Array, modRevision: bigint) {
  const kv = { key: text.encode(key), modRevision };
  return {
    type: Event_EventType.PUT,
    kv: { ...kv, value: typeof value === "string" ? text.encode(value) : value },
  };
}

/** Writes for ever, as fast as the other side reads; no more than `most` at once, for Bun takes without end. */
function flow(stream: ServerHttp2Stream, most: number, next: () => Uint8Array): void {
  if (stream.destroyed) return;
  let room = true;
  for (let i = 0; i < most && room; i++) room = stream.write(next());
  const again = (): void => flow(stream, most, next);
  if (room) setTimeout(again, 1);
  else stream.once("drain", again);
}

function test(claim: string, work: () => Promise<void>): void {
  it(claim, { timeout: 60_000 }, work);
}

describe("an etcd", () => {
  test("that takes connections and says nothing is given up in time", async () => {
    await using impostor = await Impostor.ofBytes((socket) => socket.resume());
    const a = await isSurvived(impostor);
    assert.ok(a.rejections.every(({ code }) => code === "timeout"), a.rejections.join());
  });

  test("that speaks HTTP/1 or noise ends no process", async () => {
    const noises: readonly (string | Uint8Array)[] = [
      "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
      randomBytes(100_000),
      new Uint8Array(100_000),
    ];
    for (const noise of noises) {
      await using impostor = await Impostor.ofBytes((socket) => {
        socket.resume();
        socket.write(noise);
      });
      await isSurvived(impostor);
    }
  });

  test("that fails every call is asked calmly", async () => {
    for (const status of [2, 8, 12, 13, 14, 99]) {
      await using impostor = await Impostor.ofCalls((stream) => {
        refuse(stream, status, "secret-word is what you sent");
      });
      await isSurvived(impostor);
    }
  });

  test("that refuses every token is asked calmly, and the call rejects", async () => {
    await using impostor = await mostlyWell((stream, path) => {
      const isRefused = /Range|Grant/.test(path);
      if (isRefused) refuse(stream, 16, "etcdserver: invalid auth token");
      return isRefused;
    });
    const a = await isSurvived(impostor);
    assert.match(a.rejections[0]!.message, /invalid auth token/);
  });

  test("that answers rubbish ends no process", async () => {
    const rubbish: readonly Uint8Array[] = [
      framed(randomBytes(64)),
      framed(new Uint8Array(10), 0xffff_ffff),
      framed(new Uint8Array(10), 5),
      new Uint8Array([1, 0, 0, 0, 3, 1, 2, 3]),
      new Uint8Array(0),
    ];
    for (const bytes of rubbish) {
      await using impostor = await Impostor.ofCalls((stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" });
        stream.end(bytes);
      });
      await isSurvived(impostor);
    }
  });

  test("that lists more than there is memory for is refused", async () => {
    const flood = framed(new Uint8Array(1_000_000));
    await using impostor = await Impostor.ofCalls((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.write(framed(new Uint8Array(0), 1_000_000_000));
      flow(stream, 4, () => flood);
    });
    await isSurvived(impostor);
  });

  test("whose watch tells of what nobody asked for is taken at its word as far as it has one", async () => {
    await using impostor = await mostlyWell((stream, path) => {
      if (!path.endsWith("/Watch")) return false;
      const events = [
        entry("/elsewhere/x", "10.0.0.9:7", 6n),
        entry("/services/gw/noise", randomBytes(100), 7n),
        entry("/services/gw/long", `"${"x".repeat(10_000)}"`, 8n),
        entry("/services/gw/no-address", '{"address":"over there"}', 9n),
        entry("/services/gw/no-json", '{"address":', 10n),
        entry("/services/gw/b", "10.0.0.2:7", 11n),
        { type: Event_EventType.DELETE },
        {},
      ];
      begin(stream, watchAnswer({ created: true }), watchAnswer({ watchId: 77n, events }));
      return true;
    });
    await using a = await follow(impostor);
    await a.finds(["b"]);
    assert.deepEqual(a.rejections, []);
    assert.equal(a.lines.length, 1, "one line for all that is not readable");
  });

  test("whose watch has no end of news is heard ten times a second at most", async () => {
    let revision = 10n;
    await using impostor = await mostlyWell((stream, path) => {
      if (!path.endsWith("/Watch")) return false;
      begin(stream, watchAnswer({ created: true }));
      flow(stream, 100, () => {
        const events = [entry(`/services/gw/n${++revision}`, "10.0.0.2:7", revision)];
        return framed(watchAnswer({ events }));
      });
      return true;
    });
    await using a = await follow(impostor);
    await eventually("it hears", () => a.answers >= 3);
    const { answers } = a;
    const started = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const seconds = (performance.now() - started) / 1_000;
    assert.ok(
      a.answers - answers <= 11 * seconds,
      `${a.answers - answers} answers in ${seconds} s`,
    );
  });

  test("whose watch always ends, or was always compacted, is not asked in a tight loop", async () => {
    const endings = [
      watchAnswer({ created: true, canceled: true, cancelReason: "secret-word" }),
      watchAnswer({ created: true, canceled: true, compactRevision: 99n }),
    ];
    for (const ending of endings) {
      await using impostor = await mostlyWell((stream, path) => {
        if (path.endsWith("/Watch")) answer(stream, ending);
        return path.endsWith("/Watch");
      });
      await using a = await follow(impostor);
      await eventually("it is rejected", () => a.rejections.length >= 3);
      assert.match(a.rejections[0]!.message, /^Cannot watch the nodes in etcd: /);
      assert.doesNotMatch(a.lines.join(), /secret-word/);
      assert.ok(impostor.calls.length <= 8 * a.rejections.length, impostor.calls.join());
    }
  });

  test("whose leases are never renewed makes the node announce itself at the caller's pace", async () => {
    await using impostor = await mostlyWell((stream, path) => {
      if (path.endsWith("/LeaseKeepAlive")) answer(stream);
      return path.endsWith("/LeaseKeepAlive");
    });
    await using a = await follow(impostor);
    await a.announce();
    await eventually("it is forgotten", () => a.forgotten.length >= 2);
    const grants = impostor.calls.filter((path) => path.endsWith("/LeaseGrant")).length;
    assert.ok(grants <= a.forgotten.length + 2, `${grants} leases`);
    assert.ok(impostor.calls.length <= 40, impostor.calls.join());
  });

  test("that says goodbye after many calls is dialled anew", async () => {
    let session: Http2Session | undefined;
    await using impostor = await mostlyWell((stream) => {
      session = stream.session;
      return false;
    });
    await using a = await EtcdFollower.idle(runtime, "a", { endpoints: [impostor.endpoint] });
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 150; i++) await a.announce();
      session?.close();
      await eventually("the connection is closed", () => session?.destroyed === true);
    }
    await a.announce();
    assert.deepEqual(a.rejections, []);
  });
});
