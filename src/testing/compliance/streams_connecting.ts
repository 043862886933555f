/** @module */

import { formatAddress, parseAddress } from "../../core/address.ts";
import type { Address } from "../../core/machine.ts";
import type { ByteStream } from "../../ports/streams.ts";
import { bytesOf, type Rule } from "./case.ts";
import type { StreamsSetup } from "./streams.ts";
import { openPair, readBytes } from "./streams_pair.ts";

/** Rules about listening and dialling. */
export function streamsConnectingRules(setup: StreamsSetup): Record<string, Rule | string> {
  const { streams, dualStackIp, silent, ips = ["127.0.0.1"] } = setup;
  const rules: Record<string, Rule | string> = {};
  for (const ip of ips) {
    rules[`${ip}: refuses a taken port, naming it`] = async (bench) => {
      await using pair = await openPair(streams, ip);
      const { local } = pair.listener;
      const port = parseAddress(local)?.port ?? 0;
      const again = streams.listen({ ip, port, onStream: () => {} });
      await bench.rejects(again, "bind-failed", "the second listen", `${port}`);
    };

    rules[`${ip}: dialling a port that nobody has is unreachable`] = async (bench) => {
      const free = await streams.listen({ ip, port: 0, onStream: () => {} });
      await free[Symbol.asyncDispose]();
      const dialling = streams.dial(free.local, { timeoutMs: 2_000 });
      await bench.rejects(dialling, "unreachable", "the dial");
    };

    rules[`${ip}: closes connections above streamsMax, tells of them, and takes new ones later`] =
      async (bench) => {
        const accepted: ByteStream[] = [];
        const refused: (Address | undefined)[] = [];
        await using listener = await streams.listen({
          ip,
          port: 0,
          streamsMax: 2,
          onStream: (stream) => accepted.push(stream),
          onRefused: (from) => refused.push(from),
        });
        const dial = (): Promise<ByteStream> => streams.dial(listener.local, { timeoutMs: 5_000 });
        const [first, second] = [await dial(), await dial()];
        await bench.until("two are accepted", () => accepted.length === 2);
        const third = await dial().catch(() => undefined);
        if (third !== undefined) {
          await bench.within(5_000, "the third's reading", readBytes(third));
          third.destroy();
        }
        bench.same([accepted.length, refused.length], [2, 1], "accepted and refused");
        bench.expect(refused[0]?.includes(ip) === true, `refused ${refused[0]}`);
        accepted[0]?.destroy();
        first.destroy();
        let fourth: ByteStream | undefined;
        for (let i = 0; i < 100 && accepted.length < 3; i++) {
          fourth = await dial().catch(() => undefined);
          await bench.pass(10);
        }
        bench.same(accepted.length, 3, "accepted in the end");
        await accepted[2]?.write(bytesOf("welcome"));
        bench.same(fourth && await readBytes(fourth, 7), bytesOf("welcome"), "greeting");
        second.destroy();
        fourth?.destroy();
      };
  }
  return {
    ...rules,

    "dialling what is no address is unreachable": async (bench) => {
      for (const to of ["", "somewhere:1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"]) {
        await bench.rejects(streams.dial(to, { timeoutMs: 2_000 }), "unreachable", `dial "${to}"`);
      }
    },

    "dialling with a signal that has fired is aborted": async (bench) => {
      await using pair = await openPair(streams, ips[0] as string);
      const options = { timeoutMs: 2_000, signal: AbortSignal.abort() };
      await bench.rejects(streams.dial(pair.listener.local, options), "aborted", "the dial");
    },

    "a signal that fires later leaves the connection alone": async (bench) => {
      await using pair = await openPair(streams, ips[0] as string);
      const caller = new AbortController();
      const options = { timeoutMs: 60, signal: caller.signal };
      const stream = await streams.dial(pair.listener.local, options);
      caller.abort();
      await bench.pass(100);
      await bench.within(2_000, "the write", stream.write(bytesOf("x")));
      stream.destroy();
    },

    "dialling somebody who never answers ends with timeout": silent === undefined
      ? "no silent address here"
      : async (bench) => {
        await using nobody = await silent();
        const dialling = streams.dial(nobody.address, { timeoutMs: 150 });
        await bench.rejects(dialling, "timeout", "the dial", "150 ms");
      },

    "dialling somebody who never answers ends when the signal fires": silent === undefined
      ? "no silent address here"
      : async (bench) => {
        await using nobody = await silent();
        const caller = new AbortController();
        const dialling = streams.dial(nobody.address, { timeoutMs: 60_000, signal: caller.signal });
        bench.expect(await bench.isPending(dialling, 50), "somebody answered");
        caller.abort();
        await bench.rejects(dialling, "aborted", "the dial");
      },

    "bound to ::, takes IPv4 callers and shows them as IPv4": dualStackIp === undefined
      ? "no dual stack here"
      : async (bench) => {
        let caller = "";
        await using listener = await streams.listen({
          ip: "::",
          port: 0,
          onStream: (stream) => {
            caller = stream.remote;
            stream.destroy();
          },
        });
        const port = parseAddress(listener.local)?.port ?? 0;
        bench.same(listener.local, `[::]:${port}`, "local address");
        const to = formatAddress(dualStackIp, port);
        (await streams.dial(to, { timeoutMs: 5_000 })).destroy();
        await bench.until("the call arrived", () => caller !== "");
        bench.same(parseAddress(caller)?.ip, dualStackIp, "the caller's IP");
      },
  };
}
