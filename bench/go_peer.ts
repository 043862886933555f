/**
 * The Go side of the benchmarks: runs `bench/go_peer` and hands its figures to the cases that have a Go peer.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { buildGo, goSkipReason } from "../tests/interop/go_build.ts";

/** A measurement of the Go program. Sizes in names are bytes: 1,400 is a packet, 65,536 a state. */
export type GoBenchmark =
  /** Bytes of checksum per second. */
  | "crc32-1400"
  /** Ping packets decoded and answered per second by one node without sockets, on one core. */
  | "ping-handled"
  | "ping-handled-aes-128"
  /** Uncompressed bytes per second. */
  | `lzw-${"compress" | "decompress"}-${1400 | 65536}`
  /** Packets of 1,400 bytes per second, the cipher made once; `as-memberlist` makes it for every packet. */
  | `aes-${128 | 192 | 256}-${"seal" | "open" | "seal-as-memberlist"}`;

/** One figure. */
export interface GoFigure {
  readonly name: GoBenchmark;
  readonly value: number;
  readonly unit: "B/s" | "packets/s";
}

/** Runs measurements one after the other, each for `seconds`; `undefined` on a machine without Go. */
export async function goFigures(
  names: readonly GoBenchmark[],
  seconds = 1,
): Promise<ReadonlyMap<GoBenchmark, GoFigure> | undefined> {
  if (goSkipReason() !== false) return undefined;
  const { path } = await buildGo({ main: "bench/go_peer", sources: ["bench/go_peer"] });
  const output = await new Promise<string>((resolve, reject) => {
    execFile(path, ["-seconds", String(seconds), ...names], (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`Run the Go benchmarks: ${stderr.trim() || error.message}`));
    });
  });
  const figures = output.trim().split("\n").map((line) => JSON.parse(line) as GoFigure);
  return new Map(figures.map((figure) => [figure.name, figure]));
}

/**
 * Bytes that compress about as well as gossip does; the Go program has the same generator (`input.go`).
 *
 * xorshift32 from 0x9E3779B9: each draw x either appends one letter (x mod 4 = 0, or nothing to copy yet) or
 * repeats 4 to 16 bytes from up to 255 back.
 */
export function benchInput(length: number): Uint8Array {
  const out = new Uint8Array(length);
  let x = 0x9e3779b9;
  for (let at = 0; at < length;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x = (x ^ (x << 5)) >>> 0;
    if (x % 4 === 0 || at < 16) {
      out[at++] = 97 + (x >>> 8) % 26;
      continue;
    }
    const count = 4 + (x >>> 8) % 13;
    const back = 1 + (x >>> 16) % Math.min(at, 255);
    for (let i = 0; i < count && at < length; i++) {
      out[at] = out[at - back]!;
      at++;
    }
  }
  return out;
}
