/** @module */

import type { RpcSecurity } from "../../ports/rpc.ts";
import { bytesOf, pattern, type Rule } from "./case.ts";
import type { RpcSetup } from "./rpc.ts";
import { batch, hostLinks, OPEN, readFrames, sequencesOf } from "./rpc_pair.ts";

const PREFACE = bytesOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const SETTINGS = frame(4, 0, 0, []);

/** Whatever arrives on the port, the server goes on and nobody's link suffers. */
export function rpcHostileRules(setup: RpcSetup): Record<string, Rule | string> {
  const attacks: Readonly<Record<string, () => Iterable<Uint8Array>>> = {
    "random bytes": () => [pattern(100_000, 7)],
    "silence": () => [],
    "an HTTP/1 request": () => [bytesOf("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    "an HTTP/1 request without end": () =>
      repeat(2_000, bytesOf(`X: ${"y".repeat(500)}\r\n`), [
        bytesOf("GET / HTTP/1.1\r\n"),
      ]),
    "half a preface": () => [PREFACE.subarray(0, 11)],
    "a preface and random bytes": () => [PREFACE, SETTINGS, pattern(100_000, 3)],
    "a frame that says it is 16 MiB": () => [PREFACE, SETTINGS, frame(0, 0, 1, [], 0xff_ffff)],
    "headers without end": () =>
      repeat(4_000, frame(9, 0, 1, pattern(1_000)), [PREFACE, SETTINGS, frame(1, 0, 1, [])]),
    "resets without end": () => repeat(4_000, frame(3, 0, 1, [0, 0, 0, 8]), [PREFACE, SETTINGS]),
    "settings without end": () => repeat(4_000, SETTINGS, [PREFACE]),
    "pings without end": () =>
      repeat(4_000, frame(6, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]), [PREFACE, SETTINGS]),
    "a GOAWAY first": () => [PREFACE, SETTINGS, frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])],
  };
  const survives = (
    chunks: () => Iterable<Uint8Array>,
    security: RpcSecurity,
  ): Rule | string => {
    const { poke } = setup;
    if (poke === undefined) return "needs a way to write raw bytes";
    return async (bench) => {
      await using host = await hostLinks(setup, security);
      const lasting = await setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await Promise.all([1, 2].map(() => poke(host.server.local, chunks(), 100)));
      await lasting.send(batch(1));
      bench.same(sequencesOf(await readFrames(host.accepted[0]!, 1)), [1], "the link before");
      const later = await setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await later.send(batch(2));
      bench.same(sequencesOf(await readFrames(host.accepted[1]!, 1)), [2], "the link after");
      bench.same(host.accepted.length, 2, "links");
      lasting.close();
      later.close();
    };
  };
  const rules: Record<string, Rule | string> = {};
  for (const [name, chunks] of Object.entries(attacks)) {
    rules[`survives ${name}`] = survives(chunks, OPEN);
    rules[`survives ${name} where TLS is spoken`] = setup.tls === undefined
      ? "needs certificates"
      : survives(chunks, { ...OPEN, tls: { ...setup.tls.node, clientAuth: true } });
  }
  return rules;
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: ArrayLike<number>,
  length: number = payload.length,
): Uint8Array {
  const head = [length >> 16, length >> 8, length, type, flags, 0, 0, 0, stream];
  return Uint8Array.from([...head, ...Array.from(payload)]);
}

function* repeat(
  times: number,
  chunk: Uint8Array,
  first: readonly Uint8Array[],
): Generator<Uint8Array> {
  yield* first;
  for (let i = 0; i < times; i++) yield chunk;
}
