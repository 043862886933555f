/** @module */

import { parseAddress } from "../../core/address.ts";
import type { Streams } from "../../ports/streams.ts";
import { bytesOf, pattern, type Rule } from "./case.ts";
import { openPair, readBytes } from "./streams_pair.ts";

/** How much a peer that does not read may make the system and the port hold. */
const HELD_BYTES_MAX = 64 * 1_048_576;

/** Rules about the bytes. */
export function streamsDataRules(streams: Streams, ip: string): Record<string, Rule> {
  return {
    "both ends know each other": async (bench) => {
      await using pair = await openPair(streams, ip);
      bench.same(pair.near.remote, pair.listener.local, "the dialled end's remote");
      const caller = parseAddress(pair.far.remote);
      bench.same(caller?.ip, ip, "the caller's IP");
      bench.expect((caller?.port ?? 0) > 0, `the caller has no port: ${pair.far.remote}`);
    },

    "carries bytes both ways at once, whole and in order": async (bench) => {
      await using pair = await openPair(streams, ip);
      const [there, back] = [pattern(2_000_000), pattern(2_000_000, 99)];
      const send = async (stream: typeof pair.near, bytes: Uint8Array): Promise<void> => {
        for (let at = 0; at < bytes.length; at += 30_011) {
          await stream.write(bytes.subarray(at, at + 30_011));
        }
      };
      const all = Promise.all([
        send(pair.near, there),
        send(pair.far, back),
        readBytes(pair.far, there.length),
        readBytes(pair.near, back.length),
      ]);
      const [, , gotThere, gotBack] = await bench.within(20_000, "the exchange", all);
      bench.same(gotThere, there, "bytes there");
      bench.same(gotBack, back, "bytes back");
    },

    "keeps the order of writes that were not awaited": async (bench) => {
      await using pair = await openPair(streams, ip);
      const writes = Array.from({ length: 200 }, (_, i) => pair.near.write(pattern(1_000, i)));
      const got = await bench.within(10_000, "the reading", readBytes(pair.far, 200_000));
      await bench.within(5_000, "the writes", Promise.all(writes));
      for (let i = 0; i < 200; i++) {
        bench.same(got.subarray(i * 1_000, (i + 1) * 1_000), pattern(1_000, i), `write ${i}`);
      }
    },

    "keeps what arrives before somebody reads": async (bench) => {
      await using pair = await openPair(streams, ip);
      await pair.near.write(bytesOf("early"));
      await bench.pass(30);
      bench.same(await readBytes(pair.far, 5), bytesOf("early"), "bytes");
    },

    "leaving the loop neither closes the connection nor loses bytes": async (bench) => {
      await using pair = await openPair(streams, ip);
      await pair.near.write(bytesOf("first"));
      bench.same(await readBytes(pair.far, 5), bytesOf("first"), "first bytes");
      await pair.near.write(bytesOf("second"));
      await bench.pass(20);
      bench.same(await readBytes(pair.far, 6), bytesOf("second"), "second bytes");
      await pair.far.write(bytesOf("answer"));
      bench.same(await readBytes(pair.near, 6), bytesOf("answer"), "answer");
    },

    "takes a bounded amount while the peer does not read, then goes on": async (bench) => {
      await using pair = await openPair(streams, ip);
      const block = pattern(1_048_576);
      let written = 0;
      let blocked: Promise<void> | undefined;
      while (blocked === undefined && written < HELD_BYTES_MAX) {
        const write = pair.near.write(block);
        if (await bench.isPending(write, 300)) blocked = write;
        written += block.length;
      }
      if (blocked === undefined) throw new Error(`it took ${written} bytes that nobody read`);
      const reading = readBytes(pair.far, written);
      await bench.within(10_000, "the blocked write", blocked);
      bench.same((await bench.within(20_000, "the reading", reading)).length, written, "bytes");
    },
  };
}
