/** @module */

import {
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
} from "../../mod.ts";
import type { ConsulAgent, Passing } from "./agent.ts";
import type { ResolvedConsul } from "./options.ts";
import { Pace } from "./pace.ts";
import { registrationOf, serviceId } from "./registration.ts";

/** Until the next question to an agent (or a proxy) whose answers have no index to wait with. */
const NO_INDEX_AGAIN_MS = 10_000;

const NOTHING_SAID = "0 false ";

/** One agent under way: one question is with it all the time, and an answer comes when the service changes. */
export class ConsulSession implements DiscoverySession {
  readonly #options: ResolvedConsul;
  readonly #agent: ConsulAgent;
  readonly #context: DiscoveryContext;
  readonly #close: () => void;
  readonly #id: string;
  readonly #pace: Pace;
  readonly #closing = new AbortController();
  #index: bigint | undefined;
  #isAnnounced = false;
  /** Whether the agent may have forgotten us without the catalog saying so. */
  #isInDoubt = false;
  /** What was said last of the answers, so that it is said once. */
  #said = NOTHING_SAID;

  constructor(
    options: ResolvedConsul,
    agent: ConsulAgent,
    context: DiscoveryContext,
    close: () => void,
  ) {
    this.#options = options;
    this.#agent = agent;
    this.#context = context;
    this.#close = close;
    this.#id = serviceId(options, context.self.nodeId);
    this.#pace = new Pace(context.runtime.clock);
  }

  next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    return this.#until(signal, (either) => this.#ask(either));
  }

  announce(signal: AbortSignal): Promise<void> {
    const registration = registrationOf(this.#options, this.#context.self);
    return this.#until(signal, async (either) => {
      await this.#agent.register(registration, either);
      this.#isAnnounced = true;
    });
  }

  withdraw(signal: AbortSignal): Promise<void> {
    this.#isAnnounced = false;
    return this.#until(signal, (either) => this.#agent.deregister(this.#id, either));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#close();
    return Promise.resolve();
  }

  async #ask(signal: AbortSignal): Promise<DiscoveryAnswer> {
    try {
      await this.#pace.take(signal);
      const passing = await this.#agent.passing(this.#index, signal);
      this.#index = following(this.#index, passing.index);
      this.#say(passing, await this.#look(passing, signal));
      const { candidates } = passing;
      return passing.index === undefined
        ? { candidates, againMs: NO_INDEX_AGAIN_MS }
        : { candidates };
    } catch (error) {
      // An agent that was away may have come back with nothing.
      this.#index = undefined;
      this.#isInDoubt = true;
      throw error;
    }
  }

  /** Does `work` with a signal that aborts with the caller's, and when the session is closed. */
  async #until<T>(signal: AbortSignal, work: (either: AbortSignal) => Promise<T>): Promise<T> {
    const either = new AbortController();
    const abort = (): void => either.abort();
    const closing = this.#closing.signal;
    const both = [signal, closing];
    for (const one of both) one.addEventListener("abort", abort, { once: true });
    if (both.some(({ aborted }) => aborted)) abort();
    try {
      return await work(either.signal);
    } catch (error) {
      if (!closing.aborted) throw error;
      throw new ClusterError("closed", "Cannot use the Consul discovery: it was closed");
    } finally {
      for (const one of both) one.removeEventListener("abort", abort);
    }
  }

  /** Looks whether we are still registered; answers which checks keep us from being listed. */
  async #look({ ids }: Passing, signal: AbortSignal): Promise<string> {
    const isListed = ids.has(this.#id);
    if (!this.#isAnnounced || (isListed && !this.#isInDoubt)) return "";
    const checks = await this.#agent.checksOf(this.#id, signal);
    this.#isInDoubt = false;
    // It may have been withdrawn in the meantime.
    if (!this.#isAnnounced) return "";
    if (checks.length === 0) {
      this.#isAnnounced = false;
      this.#context.forgotten("the Consul agent does not know this node any more");
    }
    return checks.filter(({ isCritical }) => isCritical).map(({ name }) => name).join(", ");
  }

  /** Says what is wrong with an answer, once until something else is. */
  #say({ unusable, isFiltered }: Passing, failing: string): void {
    const said = `${unusable} ${isFiltered} ${failing}`;
    if (said === this.#said) return;
    this.#said = said;
    const { say } = this.#context;
    if (unusable > 0) say("warn", "Consul lists instances without a usable address", { unusable });
    if (isFiltered) {
      const rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
      say("warn", "the Consul token may not see all instances", { rules });
    }
    if (failing !== "") {
      say("warn", "Consul hides this node from others: checks of its ports fail", { failing });
    }
  }
}

/** What to wait after; an index that goes back means that the agent's state was replaced, and all begins anew. */
function following(before: bigint | undefined, now: bigint | undefined): bigint | undefined {
  return before !== undefined && now !== undefined && now < before ? undefined : now;
}
