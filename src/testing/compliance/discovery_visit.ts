/** @module */

import type { Millis } from "../../core/machine.ts";
import type {
  Candidate,
  DiscoveryAnswer,
  DiscoverySelf,
  DiscoverySession,
} from "../../ports/discovery.ts";
import type { Bench } from "./case.ts";
import type { DiscoveryWorld } from "./discovery.ts";

/** Below this, a source that has nothing to tell is asked in a tight loop. */
const PAUSE_MS_MIN: Millis = 5;

/** One session of the provider under judgement, and what it told. */
export class Visit implements AsyncDisposable {
  readonly session: DiscoverySession;
  readonly self: DiscoverySelf;
  /** Reasons of `forgotten`, in order. */
  readonly forgotten: readonly string[];
  /** How often `next` has answered. */
  answers = 0;
  readonly #bench: Bench;
  readonly #world: DiscoveryWorld;

  private constructor(
    bench: Bench,
    world: DiscoveryWorld,
    session: DiscoverySession,
    self: DiscoverySelf,
    forgotten: readonly string[],
  ) {
    this.#bench = bench;
    this.#world = world;
    this.session = session;
    this.self = self;
    this.forgotten = forgotten;
  }

  /** Opens a session for a node of that name. */
  static async begin(bench: Bench, world: DiscoveryWorld, nodeId = "judge"): Promise<Visit> {
    const self: DiscoverySelf = {
      nodeId,
      bootId: `${nodeId}-boot-1`,
      region: "here",
      ip: "127.0.0.1",
      port: 10101,
      rpcPort: 10102,
      capabilities: ["ack:v1"],
      version: "1.2.3",
      ...world.self,
    };
    const forgotten: string[] = [];
    const session = await bench.within(
      10_000,
      "the opening of a session",
      world.provider.open({
        runtime: world.runtime,
        self,
        gossipKeys: () => world.gossipKeys ?? [],
        say: () => {},
        forgotten: (reason) => void forgotten.push(reason),
      }),
    );
    return new Visit(bench, world, session, self, forgotten);
  }

  /** Asks until an answer suits; rejects when none does within `withinMs`, or with what `next` rejects with. */
  async until(
    what: string,
    suits: (answer: DiscoveryAnswer) => boolean,
    withinMs: Millis,
  ): Promise<DiscoveryAnswer> {
    const { clock } = this.#world.runtime;
    const deadline = clock.now() + withinMs;
    let last = "no answer at all";
    for (;;) {
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) throw new Error(`waited ${withinMs} ms in vain until ${what}: ${last}`);
      const answer = await this.#pending(leftMs, what, last);
      this.answers++;
      if (suits(answer)) return answer;
      last = `the last answer was ${JSON.stringify(answer.candidates)}`;
      await this.#bench.pass(
        Math.min(Math.max(answer.againMs ?? 0, PAUSE_MS_MIN), deadline - clock.now()),
      );
    }
  }

  /** Asks until exactly these are listed; ourselves don't count. */
  async finds(wanted: readonly Candidate[], withinMs: Millis): Promise<void> {
    const text = textOf(wanted);
    await this.until(
      `exactly ${text} is listed`,
      ({ candidates }) => textOf(candidates.filter((one) => !this.#isSelf(one))) === text,
      withinMs,
    );
  }

  /** Closes the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.session[Symbol.asyncDispose]());
  }

  async #pending(leftMs: Millis, what: string, last: string): Promise<DiscoveryAnswer> {
    const controller = new AbortController();
    const answer = this.session.next(controller.signal);
    if (await this.#bench.isPending(answer, leftMs)) {
      controller.abort();
      // The next call has to wait for this one; one that hears no signal is waited for in vain.
      await this.#bench.isPending(answer.catch(() => {}), 2_000);
      throw new Error(`waited ${leftMs} ms in vain until ${what}: ${last}`);
    }
    return await answer;
  }

  #isSelf({ host, port }: Candidate): boolean {
    return host === this.self.ip && (port === undefined || port === this.self.port);
  }
}

/** Whether `list` holds somebody at that place. */
export function holds(
  list: readonly Candidate[],
  { ip, port }: Pick<DiscoverySelf, "ip" | "port">,
): boolean {
  return list.some((one) => one.host === ip && one.port === port);
}

/** Everything about everybody, in one order. */
function textOf(candidates: readonly Candidate[]): string {
  const lines = candidates.map(({ host, port, nodeId, region, rpcPort }) =>
    JSON.stringify({ host, port, nodeId, region, rpcPort })
  );
  return [...new Set(lines)].sort().join(" ");
}
