/** @module */

import type { ByteStream, Streams } from "../../ports/streams.ts";
import { type Bench, bytesOf, pattern, type Rule } from "./case.ts";
import { openPair, readBytes } from "./streams_pair.ts";

/** Rules about the end of connections. */
export function streamsClosingRules(streams: Streams, ip: string): Record<string, Rule> {
  return {
    "close sends what was written, then the peer's bytes end": async (bench) => {
      await using pair = await openPair(streams, ip);
      const reply = pattern(16_000_000); // more than the system takes at once
      pair.near.write(reply).catch(() => {});
      const closing = pair.near.close(10_000);
      const got = await bench.within(10_000, "the reading", readBytes(pair.far));
      bench.same(got, reply, "what the peer read");
      await bench.within(2_000, "the peer's close", pair.far.close());
      await bench.within(2_000, "the close", closing);
    },

    "a reply arrives although the closing end left bytes unread": async (bench) => {
      await using pair = await openPair(streams, ip);
      const reply = pattern(300_000);
      await pair.near.write(pattern(100_000));
      await bench.pass(20);
      pair.far.write(reply).catch(() => {});
      const closing = pair.far.close(10_000);
      await pair.near.write(bytesOf("more that nobody reads"));
      const got = await bench.within(10_000, "the reading", readBytes(pair.near));
      bench.same(got, reply, "reply");
      await pair.near.close();
      await bench.within(2_000, "the close", closing);
    },

    "still writes after the peer has ended its direction": async (bench) => {
      await using pair = await openPair(streams, ip);
      const closing = pair.near.close(10_000);
      bench.same(await readBytes(pair.far), new Uint8Array(0), "what the peer read");
      await bench.within(2_000, "the write", pair.far.write(bytesOf("late")));
      await bench.within(2_000, "the close", pair.far.close());
      await bench.within(2_000, "the other close", closing);
    },

    "close ends its own reading": async (bench) => {
      await using pair = await openPair(streams, ip);
      await pair.far.write(bytesOf("unread"));
      await bench.pass(20);
      const closing = pair.near.close(50);
      const got = await bench.within(2_000, "the reading", readBytes(pair.near));
      bench.same(got, new Uint8Array(0), "bytes read after close");
      await closing;
    },

    "close is over after lingerMs though the peer stays": async (bench) => {
      await using pair = await openPair(streams, ip);
      await bench.within(2_000, "the close", pair.near.close(100));
      await bench.within(2_000, "the peer's reading", readBytes(pair.far));
    },

    "close is over after lingerMs though the peer reads nothing": async (bench) => {
      await using pair = await openPair(streams, ip);
      const write = outcomeOf(pair.near.write(new Uint8Array(32 * 1_048_576)));
      await bench.within(3_000, "the close", pair.near.close(200));
      bench.same(await bench.within(2_000, "the write", write), "closed", "the write");
    },

    "close and destroy are harmless twice, in any order": async (bench) => {
      await using pair = await openPair(streams, ip);
      const both = Promise.all([pair.near.close(100), pair.near.close(100)]);
      await bench.within(2_000, "both closes", both);
      pair.near.destroy();
      pair.near.destroy();
      await bench.within(2_000, "a close after destroy", pair.near.close());
      pair.far.destroy();
      await bench.within(2_000, "the far close after destroy", pair.far.close());
    },

    "destroy ends both ends' bytes without an error": async (bench) => {
      await using pair = await openPair(streams, ip);
      await pair.far.write(bytesOf("x"));
      await readBytes(pair.near, 1);
      const reading = [readBytes(pair.near), readBytes(pair.far)];
      pair.near.destroy();
      await bench.within(5_000, "both readings", Promise.all(reading));
    },

    "a reset connection ends the bytes without an error": async (bench) => {
      await using pair = await openPair(streams, ip);
      await pair.near.write(pattern(50_000));
      await bench.pass(20);
      pair.far.destroy(); // with unread bytes: the system resets the connection
      await bench.within(5_000, "the reading", readBytes(pair.near));
    },

    "writing fails with closed after destroy and after close": async (bench) => {
      await using pair = await openPair(streams, ip);
      pair.near.destroy();
      await bench.rejects(pair.near.write(bytesOf("x")), "closed", "a write after destroy");
      const closing = pair.far.close(100);
      await bench.rejects(pair.far.write(bytesOf("x")), "closed", "a write after close");
      await closing;
    },

    "writing fails with closed once the peer is gone": async (bench) => {
      await using pair = await openPair(streams, ip);
      pair.far.destroy();
      let outcome = "written";
      for (let i = 0; i < 200 && outcome === "written"; i++) {
        outcome = await bench.within(5_000, "a write", outcomeOf(pair.near.write(bytesOf("x"))));
        await bench.pass(5);
      }
      bench.same(outcome, "closed", "the last write");
    },

    "a write under way fails with closed on destroy": async (bench) => {
      await using pair = await openPair(streams, ip);
      const write = outcomeOf(pair.near.write(new Uint8Array(32 * 1_048_576)));
      bench.expect(await bench.isPending(write, 100), "32 MiB went to a peer that does not read");
      pair.near.destroy();
      bench.same(await bench.within(2_000, "the write", write), "closed", "the write");
    },

    "disposing the listener destroys what it accepted and frees the port": async (bench) => {
      await using pair = await openPair(streams, ip);
      const { local } = pair.listener;
      const reading = readBytes(pair.near);
      const stop = (): Promise<void> => Promise.resolve(pair.listener[Symbol.asyncDispose]());
      await bench.within(5_000, "the disposal", Promise.all([stop(), stop()]));
      await bench.within(5_000, "the reading", reading);
      await refused(bench, streams.dial(local, { timeoutMs: 2_000 }));
    },
  };
}

async function refused(bench: Bench, dialling: Promise<ByteStream>): Promise<void> {
  await bench.rejects(dialling, "unreachable", "a dial after disposal");
}

/** `"written"`, or the code of the failure. */
function outcomeOf(write: Promise<void>): Promise<string> {
  return write.then(() => "written", (error: { code?: string }) => error.code ?? String(error));
}
