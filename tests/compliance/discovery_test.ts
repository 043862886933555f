/**
 * The place in memory where nodes find each other, judged by the suite that every provider must pass; and the suite
 * itself: each planted bug must be caught by the case that is there for it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DiscoveryProvider, DiscoverySession } from "../../mod.ts";
import { discoveryCases, type DiscoverySetup } from "../../src/testing/compliance/mod.ts";
import { ManualClock } from "../../src/testing/memory/mod.ts";
import { type MemoryDiscovery, memoryDiscovery } from "../../src/testing/memory_discovery.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { judge } from "./judge.ts";

const platform = await runtimeUnderTest();

/** Cases on virtual time, for a place whose provider `change` may break. */
function setup(
  change: (place: MemoryDiscovery) => DiscoveryProvider = (place) => place,
): DiscoverySetup {
  const clock = new ManualClock();
  return {
    has: ["announce", "withdraw", "turn", "forget", "registered"],
    pass: (ms) => clock.advance(ms),
    world: () => {
      const place = memoryDiscovery();
      return Promise.resolve({
        provider: change(place),
        runtime: { ...platform, clock },
        peers: [
          { host: "10.0.0.2", port: 7, nodeId: "two", region: "eu", rpcPort: 8 },
          { host: "ten.example", nodeId: "ten" },
          { host: "fd00::3", port: 9 },
        ] as const,
        list: (peers) => Promise.resolve(place.list(peers)),
        turn: (state) => Promise.resolve(place.turn(state)),
        registered: () => Promise.resolve(place.registered),
        forget: () => Promise.resolve(place.forget()),
        asked: () => place.asked,
        open: () => place.sessions,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
}

const memory = setup();
judge("discovery in memory", discoveryCases(memory));

/** The same where the source's own list can't be read: another session has to see us. */
judge(
  "discovery in memory, seen through another session",
  discoveryCases({
    ...memory,
    has: ["announce", "withdraw"],
    world: async () => {
      const { registered: _registered, ...world } = await memory.world();
      return world;
    },
  }).filter(({ claim, skip }) => skip === undefined && /announced|withdrawn/.test(claim)),
);

/** The place with sessions whose calls are changed. */
function broken(
  change: (session: DiscoverySession, place: MemoryDiscovery) => Partial<DiscoverySession>,
): (place: MemoryDiscovery) => DiscoveryProvider {
  return (place) => ({
    name: place.name,
    open: async (context) => {
      const session = await place.open(context);
      const whole: DiscoverySession = {
        next: (signal) => session.next(signal),
        announce: (signal) => session.announce!(signal),
        withdraw: (signal) => session.withdraw!(signal),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
      return { ...whole, ...change(session, place) };
    },
  });
}

function plant(
  bug: string,
  change: (place: MemoryDiscovery) => DiscoveryProvider,
  claim: string,
): void {
  it(`${bug} is caught by "${claim}"`, { timeout: 60_000 }, async () => {
    const judging = discoveryCases(setup(change)).filter((one) => one.claim.includes(claim));
    assert.equal(judging.length, 1, `${judging.length} cases claim "${claim}"`);
    await assert.rejects(judging[0]!.run(), (error: Error) => error.message.includes(claim));
  });
}

const never = <T>(): Promise<T> => new Promise(() => {});

describe("a planted bug in a discovery provider", () => {
  plant(
    "a first answer that waits for somebody",
    broken((session) => ({
      next: async (signal) => {
        for (;;) {
          const answer = await session.next(signal);
          if (answer.candidates.length > 0) return answer;
        }
      },
    })),
    "answers that nobody is there",
  );
  plant(
    "a port that is left out",
    broken((session) => ({
      next: async (signal) => {
        const { candidates } = await session.next(signal);
        return { candidates: candidates.map(({ port: _port, ...rest }) => rest) };
      },
    })),
    "finds everybody listed",
  );
  plant(
    "a field that nobody knows",
    broken((session) => ({
      next: async (signal) => {
        const { candidates } = await session.next(signal);
        return { candidates: candidates.map((one) => ({ region: "unknown", ...one })) };
      },
    })),
    "finds everybody listed",
  );
  plant(
    "answers of news alone instead of the whole list",
    broken((session) => {
      const told = new Set<string>();
      return {
        next: async (signal) => {
          const { candidates } = await session.next(signal);
          const fresh = candidates.filter(({ host }) => !told.has(host));
          for (const { host } of fresh) told.add(host);
          return { candidates: fresh };
        },
      };
    }),
    "tells of newcomers",
  );
  plant(
    "a watch that never tells of news",
    broken((session) => {
      let calls = 0;
      return { next: (signal) => calls++ === 0 ? session.next(signal) : never() };
    }),
    "tells of newcomers",
  );
  plant(
    "entries that stay for ever",
    broken((session) => {
      const all = new Map<string, object>();
      return {
        next: async (signal) => {
          for (const one of (await session.next(signal)).candidates) all.set(one.host, one);
          return { candidates: [...all.values()] as never };
        },
      };
    }),
    "lists nobody for ever",
  );
  plant(
    "state that two sessions share",
    (place) => {
      const told = new Set<string>();
      return broken((session) => ({
        next: async (signal) => {
          const { candidates } = await session.next(signal);
          const fresh = candidates.filter(({ host }) => !told.has(host));
          for (const { host } of fresh) told.add(host);
          return { candidates: fresh };
        },
      }))(place);
    },
    "each of two sessions",
  );
  plant(
    "answers without news, one after the other",
    broken((session) => {
      let last: Awaited<ReturnType<DiscoverySession["next"]>> | undefined;
      return { next: async (signal) => last ??= await session.next(signal) };
    }),
    "in a tight loop",
  );
  plant(
    "a source that is asked over and over behind the answer",
    broken((session, place) => ({
      next: async (signal) => {
        const answer = session.next(signal);
        for (let i = 0; i < 100 && place.asked > 1; i++) {
          await session.withdraw!(new AbortController().signal);
        }
        for (let i = 0; i < 100; i++) await session.withdraw!(new AbortController().signal);
        return await answer;
      },
    })),
    "in a tight loop",
  );
  plant(
    "an error that is no ClusterError",
    broken((session) => ({
      next: (signal) =>
        session.next(signal).catch((error: Error) => Promise.reject(new Error(error.message))),
    })),
    "rejects while the source fails",
  );
  plant(
    "an error that does not say whose",
    broken((session) => ({
      next: (signal) =>
        session.next(signal).catch((error: Error) => {
          throw Object.assign(error, { message: "Cannot list peers: it was refused" });
        }),
    })),
    "rejects while the source fails",
  );
  plant(
    "a failure that reads as an empty list",
    broken((session) => ({
      next: (signal) => session.next(signal).catch(() => ({ candidates: [], againMs: 100 })),
    })),
    "rejects while the source fails",
  );
  plant(
    "a session that ends with its first failure",
    broken((session) => {
      let failed: Promise<never> | undefined;
      return {
        next: (signal) =>
          failed ?? session.next(signal).catch((error: unknown) => {
            failed = Promise.reject(error);
            failed.catch(() => {});
            return failed;
          }),
      };
    }),
    "rejects while the source fails",
  );
  plant(
    "no deadline for an answer",
    broken((session) => ({
      next: (signal) =>
        session.next(signal).catch((error: Error) =>
          error.message.includes("no answer") ? never() : Promise.reject(error)
        ),
    })),
    "takes the question and never answers",
  );
  plant(
    "a signal that is not heard",
    broken((session) => ({ next: () => session.next(new AbortController().signal) })),
    "rejects soon after the signal aborts",
  );
  plant(
    "a question asked while opening",
    (place) => ({
      name: place.name,
      open: async (context) => {
        const session = await place.open(context);
        await session.next(new AbortController().signal).catch(() => {});
        return session;
      },
    }),
    "opens whatever the source does",
  );
  plant(
    "a pending call that outlives its session",
    broken((session) => ({
      next: (signal) =>
        session.next(signal).catch((error: Error) =>
          error.message.includes("closed") ? never() : Promise.reject(error)
        ),
    })),
    "rejects what is pending when it is disposed of",
  );
  plant(
    "a socket left open",
    broken(() => ({ [Symbol.asyncDispose]: () => Promise.resolve() })),
    "rejects what is pending when it is disposed of",
  );
  plant(
    "an announcement without the RPC port",
    (place) => ({
      name: place.name,
      open: (context) => place.open({ ...context, self: { ...context.self, rpcPort: 0 } }),
    }),
    "is listed once it has announced itself",
  );
  plant(
    "a second announcement that is refused",
    broken((session) => {
      let calls = 0;
      return {
        announce: (signal) =>
          calls++ === 0 ? session.announce!(signal) : Promise.reject(new Error("already there")),
      };
    }),
    "may announce itself again",
  );
  plant(
    "an announcement that hears no signal",
    broken((session) => ({ announce: () => session.announce!(new AbortController().signal) })),
    "rejects an announcement whose signal",
  );
  plant(
    "an announcement that hides its failure",
    broken((session) => ({ announce: (signal) => session.announce!(signal).catch(() => {}) })),
    "rejects an announcement that the source refuses",
  );
  plant(
    "a lost registration that nobody is told of",
    (place) => ({
      name: place.name,
      open: (context) => place.open({ ...context, forgotten: () => {} }),
    }),
    "tells when the source has forgotten it",
  );
  plant(
    "a goodbye at disposal",
    broken((session) => ({
      [Symbol.asyncDispose]: async () => {
        await session.withdraw!(new AbortController().signal).catch(() => {});
        await session[Symbol.asyncDispose]();
      },
    })),
    "says goodbye to nobody",
  );
  plant(
    "a withdrawal that leaves the entry",
    broken(() => ({ withdraw: () => Promise.resolve() })),
    "is listed no more once it has withdrawn",
  );
  plant(
    "a withdrawal that is told as a loss",
    (place) => ({
      name: place.name,
      open: async (context) => {
        const session = await place.open(context);
        return {
          next: (signal) => session.next(signal),
          announce: (signal) => session.announce!(signal),
          withdraw: async (signal) => {
            await session.withdraw!(signal);
            context.forgotten("it is gone");
          },
          [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
        };
      },
    }),
    "is listed no more once it has withdrawn",
  );
});
