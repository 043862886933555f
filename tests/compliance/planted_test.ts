/**
 * Proves the suites: each planted bug must be caught by the case that is there for it.
 */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type {
  Cipher,
  Clock,
  Datagrams,
  DatagramSocket,
  Http,
  Runtime,
  Streams,
} from "../../mod.ts";
import {
  clockCases,
  type ComplianceCase,
  datagramsCases,
  httpCases,
  sealerCases,
  streamsCases,
} from "../../src/testing/compliance/mod.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";

const runtime: Runtime = await runtimeUnderTest();
const { clock, datagrams, http, sealer, streams } = runtime;

/** A bug, the cases to look for it with, and what the one claim that must catch it begins with. */
function plant(bug: string, cases: readonly ComplianceCase[], claim: string): void {
  it(`${bug} is caught by "${claim}"`, { timeout: 60_000 }, async () => {
    const judging = cases.filter((one) => one.claim.includes(claim));
    assert.equal(judging.length, 1, `${judging.length} cases claim "${claim}"`);
    await assert.rejects(judging[0]!.run(), (error: Error) => error.message.includes(claim));
  });
}

describe("a planted bug in a clock", () => {
  const broken = (alarm: Clock["alarm"]): ComplianceCase[] =>
    clockCases({ clock: { ...clock, alarm } });

  plant(
    "firing up to a millisecond early",
    broken((at, fire) => clock.alarm(at - 1, fire)),
    "at or after the instant",
  );
  plant(
    "firing the past at once",
    broken((at, fire) => at <= clock.now() ? (fire(), () => {}) : clock.alarm(at, fire)),
    "never fires synchronously",
  );
  plant(
    "firing though disarmed",
    broken((at, fire) => (clock.alarm(at, fire), () => {})),
    "does not fire once disarmed",
  );
  plant(
    "a delay above 2^31 that wraps",
    broken((at, fire) => clock.alarm(at - clock.now() > 2 ** 31 - 1 ? 0 : at, fire)),
    "waits for instants weeks away",
  );
});

describe("a planted bug in a sealer", () => {
  const broken = (change: (cipher: Cipher) => Cipher): ComplianceCase[] =>
    sealerCases({ sealer: { ...sealer, aesGcm: (key) => change(sealer.aesGcm(key)) } });

  plant(
    "forgetting the additional data",
    broken(({ seal, open }) => ({
      seal: (plain) => seal(plain, new Uint8Array(0)),
      open: (sealed) => open(sealed, new Uint8Array(0)),
    })),
    "published answer of AES-192-GCM",
  );
  plant(
    "a nonce that stays",
    broken(({ open }) => {
      const fixed = new Uint8Array(28);
      return { seal: () => fixed, open };
    }),
    "never uses a nonce twice",
  );
});

describe("a planted bug in datagrams", () => {
  const undisposed: DatagramSocket[] = [];
  after(() => Promise.all(undisposed.map((socket) => socket[Symbol.asyncDispose]())));
  const broken = (change: (bind: Datagrams["bind"]) => Datagrams["bind"]): ComplianceCase[] =>
    datagramsCases({
      clock,
      datagrams: { bind: change((options) => datagrams.bind(options)) },
    });

  plant(
    "throwing for what can't be written",
    broken((bind) => async (options) => {
      const socket = await bind(options);
      return {
        local: socket.local,
        send: (to, bytes) => {
          if (bytes.length > 65_507) throw new Error("EMSGSIZE");
          socket.send(to, bytes);
        },
        [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
      };
    }),
    "tells of datagrams it could not write",
  );
  plant(
    "one receive buffer for all",
    broken((bind) => (options) => {
      const shared = new Uint8Array(65_536);
      return bind({
        ...options,
        onFrame: (frame) => {
          shared.set(frame.bytes);
          options.onFrame({ ...frame, bytes: shared.subarray(0, frame.bytes.length) });
        },
      });
    }),
    "the payload is the receiver's",
  );
  plant(
    "frames before bind resolves",
    broken((bind) => async (options) => {
      const socket = await bind(options);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return socket;
    }),
    "nothing before bind has resolved",
  );
  plant(
    "speaking on after disposal",
    broken((bind) => async (options) => {
      const socket = await bind(options);
      undisposed.push(socket);
      const { local } = socket;
      const send = socket.send.bind(socket);
      return { local, send, [Symbol.asyncDispose]: () => Promise.resolve() };
    }),
    "when asked to send after disposal",
  );
});

describe("a planted bug in streams", () => {
  const broken = (change: (streams: Streams) => Partial<Streams>): ComplianceCase[] =>
    streamsCases({ streams: { ...streams, ...change(streams) } });

  plant(
    "a cut before what was written is out",
    broken(({ listen, dial }) => ({
      listen,
      dial: async (to, options) => {
        const stream = await dial(to, options);
        const { remote, chunks } = stream;
        return {
          remote,
          chunks,
          write: (bytes) => stream.write(bytes),
          close: () => Promise.resolve(stream.destroy()),
          destroy: () => stream.destroy(),
        };
      },
    })),
    "close sends what was written",
  );
  plant(
    "writes that are never waited for",
    broken(({ dial }) => ({
      dial: async (to, options) => {
        const stream = await dial(to, options);
        return {
          remote: stream.remote,
          chunks: stream.chunks,
          write: (bytes) => {
            stream.write(bytes).catch(() => {});
            return Promise.resolve();
          },
          close: (lingerMs) => stream.close(lingerMs),
          destroy: () => stream.destroy(),
        };
      },
    })),
    "takes a bounded amount while the peer does not read",
  );
});

describe("a planted bug in http", () => {
  const broken: Http = {
    serve: (options) =>
      http.serve({
        ...options,
        handler: async (request, peer) => {
          const response = await options.handler(request, peer);
          return new Response(await response.arrayBuffer(), response);
        },
      }),
  };
  plant("a buffered answer", httpCases({ http: broken }), "streams unbuffered");
});

describe("an excuse", () => {
  it("turns its case into a skip with a reason", () => {
    const excused = { "never runs backwards": "known to" };
    const cases = clockCases({ clock, excused });
    assert.equal(cases.find(({ claim }) => claim === "never runs backwards")?.skip, "known to");
    assert.equal(cases.filter(({ skip }) => skip !== undefined).length, 1);
  });

  it("for a case that does not exist is refused", () => {
    assert.throws(() => clockCases({ clock, excused: { "no such claim": "x" } }), RangeError);
  });
});
