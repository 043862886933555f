/** @module */

import {
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
  type Millis,
} from "../../mod.ts";
import type { EtcdClient } from "./client.ts";
import { pause } from "./deadline.ts";
import { prefixOf } from "./entry.ts";
import { etcdError } from "./failures.ts";
import type { ResolvedEtcd } from "./options.ts";
import { PrefixView, WatchEnded } from "./prefix_view.ts";
import { Registration } from "./registration.ts";

/** Between two answers: however busy etcd is, we ask no more of the caller than this. */
const ANSWER_GAP_MS = 100;

/** A list that must be made anew sooner than so after the last is the caller's to pace. */
const RELIST_GAP_MS = 5_000;

/** One node at one etcd. */
export class EtcdSession implements DiscoverySession {
  readonly #client: EtcdClient;
  readonly #context: DiscoveryContext;
  readonly #view: PrefixView;
  readonly #registration: Registration;
  #isListed = false;
  /** The last call was rejected: the next one begins with everybody, whatever is new. */
  #isOwed = false;
  /** The last watch ended because etcd had forgotten where it began; twice in a row means that something is wrong. */
  #isCompacted = false;
  #listedAt: Millis = -Infinity;
  #answeredAt: Millis = -Infinity;

  constructor(client: EtcdClient, context: DiscoveryContext, options: ResolvedEtcd) {
    const prefix = prefixOf(options.serviceName);
    this.#client = client;
    this.#context = context;
    this.#registration = new Registration(client, context, prefix, options.leaseMs);
    this.#view = new PrefixView(client, context, prefix, (key, revision) => {
      if (key === this.#registration.key) this.#registration.isGone(revision);
    });
  }

  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    try {
      this.#client.closed.throwIfAborted();
      return await this.#next(signal);
    } catch (error) {
      this.#isListed &&= signal.aborted;
      this.#isOwed = true;
      throw this.#told(error, signal, "etcd client error");
    }
  }

  async announce(signal: AbortSignal): Promise<void> {
    try {
      await this.#registration.announce(signal);
    } catch (error) {
      throw this.#told(error, signal, "failed to register with etcd");
    }
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    try {
      await this.#registration.withdraw(signal);
    } catch (error) {
      throw this.#told(error, signal, "etcd client error");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#registration.stop();
    this.#view.stop();
    this.#client.close();
    return Promise.resolve();
  }

  async #next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    const { clock } = this.#context.runtime;
    if (!this.#isListed) return await this.#list(signal);
    // What was watched is as whole as what is listed.
    if (this.#isOwed) return await this.#answer(signal);
    try {
      while (!await this.#view.change(signal));
      this.#isCompacted = false;
    } catch (error) {
      if (!(error instanceof WatchEnded)) throw error;
      this.#isListed = false;
      if (error.isCompacted && !this.#isCompacted) {
        this.#isCompacted = true;
        return await this.#list(signal);
      }
      const deed = "watch the nodes in etcd";
      const ended = etcdError("unreachable", deed, error.message, "check that etcd is well");
      if (clock.now() - this.#listedAt < RELIST_GAP_MS) throw ended;
      this.#context.say("warn", "etcd client error", { reason: ended.message });
      return await this.#list(signal);
    }
    return await this.#answer(signal);
  }

  async #list(signal: AbortSignal): Promise<DiscoveryAnswer> {
    this.#listedAt = this.#context.runtime.clock.now();
    const revision = await this.#view.list(signal);
    this.#isListed = true;
    if (!this.#view.has(this.#registration.key)) this.#registration.isGone(revision);
    return await this.#answer(signal);
  }

  async #answer(signal: AbortSignal): Promise<DiscoveryAnswer> {
    const { clock } = this.#context.runtime;
    const waitMs = this.#answeredAt + ANSWER_GAP_MS - clock.now();
    if (waitMs > 0) await pause(clock, waitMs, signal, this.#client.closed);
    this.#answeredAt = clock.now();
    this.#isOwed = false;
    return { candidates: this.#view.candidates };
  }

  /** The error as the caller gets it; what is not the caller's own wish is logged. */
  #told(error: unknown, signal: AbortSignal, line: string): ClusterError {
    const { closed } = this.#client;
    if (closed.aborted) return closed.reason;
    if (signal.aborted) return etcdError("aborted", "ask etcd", "the caller gave up", "ask again");
    const reason = error instanceof Error ? error.message : String(error);
    this.#context.say("warn", line, { reason });
    if (ClusterError.is(error)) return error;
    return etcdError("unreachable", "use etcd", reason, "check that it is well");
  }
}
