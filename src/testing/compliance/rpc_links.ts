/** @module */

import type { LinkFrame } from "../../core/replication/frames.ts";
import type { LinkStream } from "../../ports/rpc.ts";
import { parseAddress } from "../../core/address.ts";
import { type Bench, pattern, type Rule } from "./case.ts";
import type { RpcSetup } from "./rpc.ts";
import { FROM_ACCEPTOR, FROM_DIALLER, plainFrame } from "./rpc_frames.ts";
import { ack, batch, hostLinks, OPEN, openLink, readFrames, sequencesOf } from "./rpc_pair.ts";

const STALL_BATCH_BYTES = 256 * 1024;
/** What a stalled sender may have handed over: the windows and buffers of both ends; ours takes 2 MiB. */
const STALL_BYTES_MAX = 16 * 1024 * 1024;

/** What every open link owes, and how it opens and ends. */
export function rpcLinkRules(setup: RpcSetup): Record<string, Rule | string> {
  const { rpc } = setup;
  return {
    "delivers frames in order, both ways at once": async (bench) => {
      await using link = await openLink(setup);
      const numbers = Array.from({ length: 200 }, (_, i) => i + 1);
      const sendAll = async (stream: LinkStream, frame: (n: number) => LinkFrame) => {
        for (const n of numbers) await stream.send(frame(n));
      };
      const [there, back] = await Promise.all([
        readFrames(link.acceptor, numbers.length),
        readFrames(link.dialler, numbers.length),
        sendAll(link.dialler, (n) => batch(n, pattern(n))),
        sendAll(link.acceptor, ack),
      ]);
      bench.same(sequencesOf(there), numbers, "what the acceptor read");
      bench.same(sequencesOf(back), numbers, "what the dialler read");
    },
    "delivers every kind of frame as it was sent": async (bench) => {
      await using link = await openLink(setup);
      for (const frame of FROM_DIALLER) await link.dialler.send(frame);
      for (const frame of FROM_ACCEPTOR) await link.acceptor.send(frame);
      const there = await readFrames(link.acceptor, FROM_DIALLER.length);
      const back = await readFrames(link.dialler, FROM_ACCEPTOR.length);
      FROM_DIALLER.forEach((frame, i) =>
        bench.same(plainFrame(there[i]), plainFrame(frame), "a frame")
      );
      FROM_ACCEPTOR.forEach((frame, i) =>
        bench.same(plainFrame(back[i]), plainFrame(frame), "a frame")
      );
    },
    "carries a batch of 4 MiB": async (bench) => {
      await using link = await openLink(setup);
      const entry = pattern(4 * 1024 * 1024);
      const reading = readFrames(link.acceptor, 1);
      await link.dialler.send(batch(1, entry));
      const [frame] = await bench.within(10_000, "the batch", reading);
      bench.same(frame?.frame.case === "batch" && frame.frame.value.entries[0], entry, "the entry");
    },
    "lets a dialler stall while the acceptor does not read": async (bench) => {
      await using link = await openLink(setup);
      const entry = pattern(STALL_BATCH_BYTES);
      await stalls(bench, link.dialler, link.acceptor, (n) => batch(n, entry));
    },
    "lets an acceptor stall while the dialler does not read": async (bench) => {
      await using link = await openLink(setup);
      const prefix = "x".repeat(STALL_BATCH_BYTES);
      const frame = (): LinkFrame => ({
        frame: { case: "pull", value: { keys: [], prefixes: [prefix] } },
      });
      await stalls(bench, link.acceptor, link.dialler, frame);
    },
    "delivers what was sent before close, then ends the other side": async (bench) => {
      await using link = await openLink(setup);
      for (let n = 1; n <= 3; n++) await link.dialler.send(batch(n));
      link.dialler.close();
      const read = await bench.within(5_000, "reading to the end", readFrames(link.acceptor, 99));
      bench.same(sequencesOf(read), [1, 2, 3], "what the acceptor read");
      await sendFails(bench, link.dialler, batch(4));
    },
    "ends the dialler's side when onLink is done": async (bench) => {
      await using link = await openLink(setup);
      await link.acceptor.send(ack(1));
      link.host.release();
      const read = await bench.within(5_000, "reading to the end", readFrames(link.dialler, 99));
      bench.same(sequencesOf(read), [1], "what the dialler read");
      await sendFails(bench, link.dialler, batch(1));
      await sendFails(bench, link.acceptor, ack(2));
    },
    "tells a dialler that only sends when the acceptor is gone": async (bench) => {
      await using link = await openLink(setup);
      link.acceptor.close();
      await sendFails(bench, link.dialler, batch(1));
    },
    "tells an acceptor that only sends when the dialler is gone": async (bench) => {
      await using link = await openLink(setup);
      link.dialler.close();
      await sendFails(bench, link.acceptor, ack(1));
    },
    "ends frames and rejects send on both sides when the server stops": async (bench) => {
      await using link = await openLink(setup);
      const there = readFrames(link.acceptor, 1);
      const back = readFrames(link.dialler, 1);
      await link.host.server[Symbol.asyncDispose]();
      bench.same(await bench.within(5_000, "the acceptor's end", there), [], "read");
      bench.same(await bench.within(5_000, "the dialler's end", back), [], "read");
      await sendFails(bench, link.dialler, batch(1));
      await sendFails(bench, link.acceptor, ack(1));
    },
    "stops promptly though a link neither reads nor ends": async (bench) => {
      await using link = await openLink(setup);
      const { server } = link.host;
      await bench.within(5_000, "stopping", Promise.resolve(server[Symbol.asyncDispose]()));
      await bench.within(5_000, "stopping twice", Promise.resolve(server[Symbol.asyncDispose]()));
      const port = parseAddress(server.local)?.port ?? 0;
      await using again = await hostLinks(setup, OPEN, { port });
      bench.same(again.server.local, server.local, "the freed address");
    },
    "keeps several links of one server apart": async (bench) => {
      await using host = await hostLinks(setup);
      const links = await Promise.all(
        [1, 2, 3].map(() => rpc.dial(host.server.local, { security: OPEN, timeoutMs: 5_000 })),
      );
      for (const [i, link] of links.entries()) await link.send(batch(i + 1));
      const read = await Promise.all(host.accepted.map((stream) => readFrames(stream, 1)));
      bench.same(read.flatMap(sequencesOf).sort(), [1, 2, 3], "what arrived");
      for (const link of links) {
        bench.same(link.remote, host.server.local, "the remote address of the dialler");
        link.close();
        link.close();
      }
      bench.same(new Set(host.accepted.map(({ remote }) => remote)).size, 3, "remote addresses");
    },
    "rejects with unreachable where nobody listens": async (bench) => {
      const host = await hostLinks(setup);
      await host[Symbol.asyncDispose]();
      const dialling = rpc.dial(host.server.local, { security: OPEN, timeoutMs: 5_000 });
      await bench.rejects(dialling, "unreachable", "dialling nobody", host.server.local);
    },
    "rejects with timeout where nobody answers": setup.mute === undefined
      ? "needs an address that never answers"
      : async (bench) => {
        await using mute = await setup.mute!();
        const dialling = rpc.dial(mute.address, { security: OPEN, timeoutMs: 200 });
        await bench.rejects(dialling, "timeout", "dialling the mute", mute.address);
      },
    "rejects with aborted when the signal fires, before or later": async (bench) => {
      await using host = await hostLinks(setup);
      const signal = AbortSignal.abort();
      const early = rpc.dial(host.server.local, { security: OPEN, timeoutMs: 5_000, signal });
      await bench.rejects(early, "aborted", "dialling with an aborted signal");
      if (setup.mute === undefined) return;
      await using mute = await setup.mute();
      const abort = new AbortController();
      const late = rpc.dial(mute.address, {
        security: OPEN,
        timeoutMs: 5_000,
        signal: abort.signal,
      });
      late.catch(() => {});
      await bench.pass(50);
      abort.abort();
      await bench.rejects(late, "aborted", "dialling until aborted");
    },
    "keeps a link open though the dial's signal fires later": async (bench) => {
      await using host = await hostLinks(setup);
      const abort = new AbortController();
      const link = await rpc.dial(host.server.local, {
        security: OPEN,
        timeoutMs: 5_000,
        signal: abort.signal,
      });
      abort.abort();
      await link.send(batch(1));
      bench.same(sequencesOf(await readFrames(host.accepted[0]!, 1)), [1], "what arrived");
      link.close();
    },
    "rejects with bind-failed when the port is taken": async (bench) => {
      await using host = await hostLinks(setup);
      const port = parseAddress(host.server.local)?.port ?? 0;
      await bench.rejects(
        hostLinks(setup, OPEN, { port }),
        "bind-failed",
        "serving on a taken port",
        host.server.local,
      );
    },
    "survives an onLink that breaks its promise": async (bench) => {
      let calls = 0;
      await using host = await hostLinks(setup, OPEN, {
        onLink: () => (calls++, Promise.reject(new Error("planted"))),
      });
      for (let n = 1; n <= 2; n++) {
        const link = await rpc.dial(host.server.local, { security: OPEN, timeoutMs: 5_000 });
        bench.same(await bench.within(5_000, "the end", readFrames(link, 1)), [], "read");
      }
      bench.same(calls, 2, "links");
    },
  };
}

/** `sender` stalls within bounds while `reader` does not read, and everything arrives once it does. */
async function stalls(
  bench: Bench,
  sender: LinkStream,
  reader: LinkStream,
  frame: (n: number) => LinkFrame,
): Promise<void> {
  let sent = 0;
  let isOver = false;
  const sending = (async () => {
    while (!isOver) {
      await sender.send(frame(sent + 1));
      sent++;
      if (sent * STALL_BATCH_BYTES > STALL_BYTES_MAX) throw new Error("the sender never stalled");
    }
  })();
  sending.catch(() => {});
  for (let before = -1; sent !== before;) {
    before = sent;
    await Promise.race([bench.pass(300), sending]);
  }
  const stalledAt = sent;
  bench.expect(stalledAt > 0, "nothing was sent");
  isOver = true;
  // One more is under way: the one that stalled.
  const read = await bench.within(20_000, "reading on", readFrames(reader, stalledAt + 1));
  await bench.within(5_000, "the stalled send", sending);
  bench.same(read.length, stalledAt + 1, "frames read");
}

/** The link is gone: `send` rejects, at once or soon. */
async function sendFails(bench: Bench, stream: LinkStream, frame: LinkFrame): Promise<void> {
  let isOver = false;
  const sending = (async () => {
    while (!isOver) {
      await stream.send(frame);
      await bench.pass(5);
    }
  })();
  try {
    await bench.rejects(sending, "closed", "sending on a link that is gone");
  } finally {
    isOver = true;
  }
}
