/** @module */

import { ClusterError } from "../../core/errors.ts";
import type { Millis } from "../../core/machine.ts";
import type { Candidate, DiscoveryProvider, DiscoverySelf } from "../../ports/discovery.ts";
import type { Runtime } from "../../ports/runtime.ts";
import { type Bench, casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";
import type { Rule } from "./case.ts";
import { holds, Visit } from "./discovery_visit.ts";

/** How a source behaves: as it should, refusing or answering rubbish, or taking questions and never answering. */
export type SourceState = "well" | "failing" | "silent";

/** What a world lets the test do and see, and what sessions of its provider have. */
export type DiscoveryAbility = "announce" | "withdraw" | "turn" | "forget" | "registered";

/** What is judged. */
export interface DiscoverySetup extends ComplianceSetup {
  /** Makes a source in which nobody is listed. */
  readonly world: () => Promise<DiscoveryWorld>;
  /** What its worlds and sessions can; rules about the rest are skipped. */
  readonly has: readonly DiscoveryAbility[];
  /** How soon a session tells what has changed at the source. @default {5000} */
  readonly newsWithinMs?: Millis;
  /** How soon a call rejects that a source refuses or does not answer. @default {10000} */
  readonly failsWithinMs?: Millis;
}

/** A source of its own for one case, in the hands of the test; disposal stops it. */
export interface DiscoveryWorld extends AsyncDisposable {
  /** The provider under judgement, pointed at this source. */
  readonly provider: DiscoveryProvider;
  /** The ports that sessions are given. */
  readonly runtime: Runtime;
  /** At least two peers that the source can list, each as a session must tell it: no field more, no field less. */
  readonly peers: readonly [Candidate, Candidate, ...Candidate[]];
  /** What this world wants different in the node that sessions announce. */
  readonly self?: Partial<DiscoverySelf>;
  /** The gossip keys that sessions are given. @default {[]} */
  readonly gossipKeys?: readonly Uint8Array[];
  /** Has the source list these of `peers` and no others. */
  list(peers: readonly Candidate[]): Promise<void>;
  /** Lets the source fail and come back; left out where there is no source that could. */
  turn?(state: SourceState): Promise<void>;
  /** What the source holds of announced nodes; left out: another session of the provider is asked. */
  registered?(): Promise<readonly Candidate[]>;
  /** Has the source lose the announced nodes, as a restart would; left out where sessions notice by themselves. */
  forget?(): Promise<void>;
  /** How many questions have reached the source. */
  asked?(): number;
  /** How many connections and sockets of the provider are open. */
  open?(): number;
}

const SOON_MS: Millis = 2_000;
const CALM_MS: Millis = 2_000;
/** Questions and answers in {@linkcode CALM_MS} while nothing changes. */
const CALM_MAX = 20;

interface Case {
  readonly bench: Bench;
  readonly world: DiscoveryWorld;
  readonly newsMs: Millis;
  readonly failsMs: Millis;
}

type WorldRule = (given: Case) => Promise<void>;

/** The rules of {@linkcode DiscoveryProvider}. */
export function discoveryCases(setup: DiscoverySetup): ComplianceCase[] {
  const { newsWithinMs: newsMs = 5_000, failsWithinMs: failsMs = 10_000 } = setup;
  const rules: Record<string, Rule | string> = {};
  const add = (needs: readonly DiscoveryAbility[], of: Record<string, WorldRule>): void => {
    const missing = needs.find((ability) => !setup.has.includes(ability));
    for (const [claim, rule] of Object.entries(of)) {
      rules[claim] = missing !== undefined ? `here is no "${missing}"` : async (bench) => {
        await using world = await setup.world();
        await rule({ bench, world, newsMs, failsMs });
      };
    }
  };
  add([], findingRules);
  add([], closingRules);
  add(["turn"], failingRules);
  add(["announce"], announcingRules);
  add(["announce", "turn"], refusedRules);
  add(["announce", "forget"], forgottenRules);
  add(["announce", "registered"], silentGoodbyeRules);
  add(["announce", "withdraw"], withdrawingRules);
  return casesOf(setup, rules);
}

const findingRules: Record<string, WorldRule> = {
  "answers that nobody is there while nobody is listed": async ({ bench, world, newsMs }) => {
    await using visit = await Visit.begin(bench, world);
    await visit.finds([], newsMs);
  },

  "finds everybody listed, with all that the source knows": async ({ bench, world, newsMs }) => {
    await world.list(world.peers);
    await using visit = await Visit.begin(bench, world);
    await visit.finds(world.peers, newsMs);
  },

  "tells of newcomers": async ({ bench, world, newsMs }) => {
    const [first, second] = world.peers;
    await world.list([first]);
    await using visit = await Visit.begin(bench, world);
    await visit.finds([first], newsMs);
    await world.list([first, second]);
    await visit.finds([first, second], newsMs);
  },

  "lists nobody for ever who is listed no more": async ({ bench, world, newsMs }) => {
    const [first, second] = world.peers;
    await world.list([first, second]);
    await using visit = await Visit.begin(bench, world);
    await visit.finds([first, second], newsMs);
    await world.list([first]);
    await visit.finds([first], newsMs);
    await world.list([]);
    await visit.finds([], newsMs);
  },

  "gives each of two sessions the whole list": async ({ bench, world, newsMs }) => {
    await world.list(world.peers);
    await using one = await Visit.begin(bench, world);
    await using other = await Visit.begin(bench, world);
    await one.finds(world.peers, newsMs);
    await other.finds(world.peers, newsMs);
  },

  "neither asks nor answers in a tight loop": async ({ bench, world, newsMs }) => {
    const [first] = world.peers;
    await world.list([first]);
    await using visit = await Visit.begin(bench, world);
    await visit.finds([first], newsMs);
    const [answers, asked] = [visit.answers, world.asked?.() ?? 0];
    await visit.until("nothing", () => false, CALM_MS).catch((error: Error) => {
      if (!error.message.includes("until nothing")) throw error;
    });
    const more = Math.max(visit.answers - answers, (world.asked?.() ?? 0) - asked);
    bench.expect(more <= CALM_MAX, `${more} questions in ${CALM_MS} ms in which nothing changed`);
  },
};

const failingRules: Record<string, WorldRule> = {
  "rejects while the source fails, naming it, and has the whole list when it is back": async (
    { bench, world, newsMs, failsMs },
  ) => {
    const [first, second] = world.peers;
    await world.list([first]);
    await using visit = await Visit.begin(bench, world);
    await visit.finds([first], newsMs);
    for (let round = 1; round <= 2; round++) {
      await world.turn?.("failing");
      await rejectsWell(bench, world, untilRejected(visit, failsMs), failsMs);
      await rejectsWell(bench, world, untilRejected(visit, failsMs), failsMs);
      await world.list(round === 1 ? [second] : [first, second]);
      await world.turn?.("well");
      await findsAfterTrouble(bench, visit, round === 1 ? [second] : [first, second], newsMs);
    }
  },

  "rejects when the source takes the question and never answers": async (
    { bench, world, newsMs, failsMs },
  ) => {
    const [first] = world.peers;
    await world.list([first]);
    await world.turn?.("silent");
    await using visit = await Visit.begin(bench, world);
    await rejectsWell(bench, world, untilRejected(visit, failsMs), failsMs);
    await world.turn?.("well");
    await findsAfterTrouble(bench, visit, [first], newsMs);
  },
};

const closingRules: Record<string, WorldRule> = {
  "opens whatever the source does, and asks it nothing": async ({ bench, world }) => {
    await world.turn?.("failing");
    const before = world.asked?.();
    await using _visit = await Visit.begin(bench, world);
    await bench.pass(50);
    bench.same(world.asked?.(), before, "questions");
  },

  "rejects soon after the signal aborts, and goes on with the next call": async (
    { bench, world, newsMs },
  ) => {
    const [first] = world.peers;
    await world.list([first]);
    await using visit = await Visit.begin(bench, world);
    const { session } = visit;
    await bench.rejects(
      bench.within(SOON_MS, "a call whose signal was aborted", session.next(AbortSignal.abort())),
      "aborted",
      "a call whose signal was aborted before",
    );
    await visit.finds([first], newsMs);
    const controller = new AbortController();
    const pending = session.next(controller.signal);
    const waits = await bench.isPending(pending, 100);
    controller.abort();
    const settled = bench.within(SOON_MS, "a call whose signal aborts", pending);
    if (waits) await bench.rejects(settled, "aborted", "a call whose signal aborts");
    else await settled;
    await visit.finds([first], newsMs);
  },

  "rejects what is pending when it is disposed of, and all later calls": async (
    { bench, world, newsMs },
  ) => {
    const [first] = world.peers;
    await world.list([first]);
    const visit = await Visit.begin(bench, world);
    const { session } = visit;
    try {
      await visit.finds([first], newsMs);
      const pending = session.next(new AbortController().signal);
      const waits = await bench.isPending(pending, 100);
      const outcome = bench.within(SOON_MS, "a call of a disposed session", pending);
      const rejected = outcome.then(() => false, (error: unknown) => ClusterError.is(error));
      await bench.within(SOON_MS * 2, "disposal", visit[Symbol.asyncDispose]());
      if (waits) bench.expect(await rejected, "the pending call was not rejected");
    } finally {
      await visit[Symbol.asyncDispose]();
    }
    const late = session.next(new AbortController().signal);
    await bench.rejects(bench.within(SOON_MS, "a late call", late), "closed", "a late call");
    if (world.open !== undefined) {
      const { open } = world;
      await bench.until("every socket is closed", () => open.call(world) === 0);
    }
  },
};

const announcingRules: Record<string, WorldRule> = {
  "is listed once it has announced itself, with all that a peer needs": async (given) => {
    await using visit = await Visit.begin(given.bench, given.world);
    await announce(visit);
    const listed = await untilListed(given, visit);
    const { nodeId, region, rpcPort } = visit.self;
    for (const [name, value] of Object.entries({ nodeId, region, rpcPort })) {
      given.bench.same(listed?.[name as keyof Candidate], value, name);
    }
  },

  "may announce itself again": async (given) => {
    await using visit = await Visit.begin(given.bench, given.world);
    await announce(visit);
    await untilListed(given, visit);
    await announce(visit);
    await untilListed(given, visit);
    const all = await given.world.registered?.() ?? [];
    const times = all.filter((one) => holds([one], visit.self)).length;
    given.bench.expect(times <= 1, `it is listed ${times} times`);
  },

  "rejects an announcement whose signal was aborted": async ({ bench, world }) => {
    await using visit = await Visit.begin(bench, world);
    const late = bench.within(SOON_MS, "the announcement", announce(visit, AbortSignal.abort()));
    await bench.rejects(late, "aborted", "the announcement");
  },
};

const refusedRules: Record<string, WorldRule> = {
  "rejects an announcement that the source refuses, and succeeds when it is back": async (
    given,
  ) => {
    const { bench, world, newsMs, failsMs } = given;
    await using visit = await Visit.begin(bench, world);
    await world.turn?.("failing");
    await rejectsWell(bench, world, announce(visit), failsMs);
    await world.turn?.("well");
    await announceAfterTrouble(bench, visit, newsMs);
    await untilListed(given, visit);
  },
};

const forgottenRules: Record<string, WorldRule> = {
  "tells when the source has forgotten it, and may announce itself anew": async (given) => {
    const { bench, world, newsMs, failsMs } = given;
    await using visit = await Visit.begin(bench, world);
    await announce(visit);
    await untilListed(given, visit);
    await whileAsking(bench, visit, async () => {
      await world.forget?.();
      await bench.until("it has told", () => visit.forgotten.length > 0, failsMs);
    });
    await announceAfterTrouble(bench, visit, newsMs);
    await untilListed(given, visit);
  },
};

const silentGoodbyeRules: Record<string, WorldRule> = {
  "says goodbye to nobody when it is disposed of": async (given) => {
    const { bench, world } = given;
    const visit = await Visit.begin(bench, world);
    try {
      await announce(visit);
      await untilListed(given, visit);
    } finally {
      await visit[Symbol.asyncDispose]();
    }
    await bench.pass(100);
    const all = await world.registered?.() ?? [];
    bench.expect(holds(all, visit.self), "it is listed no more");
  },
};

const withdrawingRules: Record<string, WorldRule> = {
  "is listed no more once it has withdrawn, also when it does so again": async (given) => {
    await using visit = await Visit.begin(given.bench, given.world);
    await withdraw(visit);
    await announce(visit);
    await untilListed(given, visit);
    for (let time = 1; time <= 2; time++) {
      await withdraw(visit);
      await untilListed(given, visit, false);
    }
    given.bench.same(visit.forgotten.length, 0, "how often it was told that we are forgotten");
  },
};

/** Calls `announce`; rejects when there is none. */
async function announce(
  { session }: Visit,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  if (session.announce === undefined) throw new Error("there is no announce");
  await session.announce(signal);
}

async function withdraw({ session }: Visit): Promise<void> {
  if (session.withdraw === undefined) throw new Error("there is no withdraw");
  await session.withdraw(new AbortController().signal);
}

/** Keeps a question under way while `work` runs, as a node does all the time: a session may learn of a loss by it. */
async function whileAsking(
  bench: Bench,
  { session }: Visit,
  work: () => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const asking = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await session.next(over.signal).catch(() => {});
      if (!over.signal.aborted) await bench.pass(50);
    }
  };
  const asked = asking();
  try {
    await work();
  } finally {
    over.abort();
    await asked;
  }
}

/** Announces again and again until the source takes it. */
async function announceAfterTrouble(bench: Bench, visit: Visit, withinMs: Millis): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await announce(visit);
    } catch (error) {
      if (tries === 10) throw error;
      await bench.pass(withinMs / 10);
    }
  }
}

/** Waits until we are listed, or are not; answers how we are listed. */
async function untilListed(
  { bench, world, newsMs }: Case,
  visit: Visit,
  wanted = true,
): Promise<Candidate | undefined> {
  const what = wanted ? "it is listed" : "it is listed no more";
  if (world.registered === undefined) {
    await using observer = await Visit.begin(bench, world, "observer");
    const { candidates } = await observer.until(
      what,
      (answer) => holds(answer.candidates, visit.self) === wanted,
      newsMs,
    );
    return candidates.find((one) => holds([one], visit.self));
  }
  const { clock } = world.runtime;
  for (const deadline = clock.now() + newsMs;;) {
    const listed = (await world.registered()).find((one) => holds([one], visit.self));
    if ((listed !== undefined) === wanted) return listed;
    if (clock.now() >= deadline) throw new Error(`waited ${newsMs} ms in vain until ${what}`);
    await bench.pass(20);
  }
}

/** Rejects as soon as a call does, for nothing that is listed will do. */
async function untilRejected(visit: Visit, withinMs: Millis): Promise<void> {
  await visit.until("the source's failure shows", () => false, withinMs);
}

/** Waits for a rejection that a caller can use: a code to switch on, a message that names the source. */
async function rejectsWell(
  bench: Bench,
  { provider }: DiscoveryWorld,
  call: Promise<unknown>,
  withinMs: Millis,
): Promise<void> {
  const caught = call.then(() => undefined, (error: unknown) => error);
  const error = await bench.within(withinMs * 2, "the call", caught);
  if (!ClusterError.is(error)) throw new Error(`no ClusterError came: ${String(error)}`);
  const codes: readonly string[] = ["unreachable", "refused", "timeout", "bad-data"];
  bench.expect(codes.includes(error.code), `its code is "${error.code}": ${error.message}`);
  bench.expect(
    error.message.toLowerCase().includes(provider.name.toLowerCase()),
    `"${error.message}" does not name the source "${provider.name}"`,
  );
}

/** Finds them within the time, whatever rejects on the way. */
async function findsAfterTrouble(
  bench: Bench,
  visit: Visit,
  wanted: readonly Candidate[],
  withinMs: Millis,
): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await visit.finds(wanted, withinMs);
    } catch (error) {
      if (!ClusterError.is(error) || tries === 10) throw error;
      await bench.pass(withinMs / 10);
    }
  }
}
