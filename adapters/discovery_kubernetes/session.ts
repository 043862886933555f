/** @module */

import {
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
} from "../../mod.ts";
import type { Pod } from "./pod.ts";
import { versionOf } from "./pod.ts";
import type { PodApi } from "./pod_api.ts";
import { PodTable } from "./pod_table.ts";
import { followWatch, type WatchEvent } from "./watch_stream.ts";

/** Between two answers: pods that come together are told together. */
const PAUSE_MS = 100;

/** A watch that ends before that is not simply begun anew, nor is one whose version is gone again that soon. */
const WATCH_MS_MIN = 1_000;

/** The same trouble is logged once in that time. */
const REPEAT_MS = 60_000;

/** Lists once, then lets a watch keep the list; both anew after every failure. */
export class KubernetesSession implements DiscoverySession {
  readonly #api: PodApi;
  readonly #context: DiscoveryContext;
  readonly #end = new AbortController();
  /** The pods as they are, while a watch keeps them so. */
  #table: PodTable | undefined;
  /** Ends the watch of `#table`. */
  #following: AbortController | undefined;
  #isNews = false;
  #trouble: ClusterError | undefined;
  #wake: () => void = () => {};
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Versions that were gone, in a row. */
  #gone = 0;
  readonly #said = new Map<string, number>();
  #lastTrouble = "";

  constructor(api: PodApi, context: DiscoveryContext) {
    this.#api = api;
    this.#context = context;
  }

  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    for (;;) {
      this.#refuseLate(signal);
      const trouble = this.#trouble;
      if (trouble !== undefined) {
        this.#forget();
        throw this.#told(trouble);
      }
      if (this.#table === undefined) await this.#list(signal);
      else if (!this.#isNews) await this.#news(signal);
      else {
        await this.#pause(signal);
        if (this.#trouble !== undefined) continue;
      }
      if (this.#isNews && this.#table !== undefined) return this.#answer(this.#table);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new ClusterError("closed", "Cannot list pods of Kubernetes: it was closed"));
    this.#forget();
    this.#wake();
    return Promise.resolve();
  }

  #answer(table: PodTable): DiscoveryAnswer {
    this.#isNews = false;
    this.#answeredAt = this.#context.runtime.clock.now();
    return { candidates: table.candidates() };
  }

  /** Lists, and begins to watch from there. */
  async #list(signal: AbortSignal): Promise<void> {
    const { runtime, self } = this.#context;
    const stop = new AbortController();
    const follow = (): void => stop.abort(this.#end.signal.reason ?? abortedBy(signal));
    for (const one of [signal, this.#end.signal]) one.addEventListener("abort", follow);
    try {
      const { pods, version } = await this.#api.list(stop.signal);
      this.#refuseLate(signal);
      const ownIps = runtime.interfaces.list().map(({ ip }) => ip);
      const table = new PodTable(self, ownIps);
      for (const pod of pods) this.#put(table, pod);
      this.#following = new AbortController();
      this.#table = table;
      this.#isNews = true;
      const running = table.candidates().length;
      this.#context.say("debug", "listed pods", { pods: table.size, candidates: running });
      void this.#follow(table, version, this.#following.signal);
    } catch (error) {
      throw ClusterError.is(error) && stop.signal.aborted
        ? error
        : this.#told(error as ClusterError);
    } finally {
      for (const one of [signal, this.#end.signal]) one.removeEventListener("abort", follow);
    }
  }

  /** Watches from `version` on, for as long as the table is the session's; never rejects. */
  async #follow(table: PodTable, version: string, stop: AbortSignal): Promise<void> {
    const { clock, entropy } = this.#context.runtime;
    let from = version;
    try {
      for (;;) {
        const dice = (entropy.bytes(1)[0] as number) / 256;
        const exchange = await this.#api.watch(from, dice, stop);
        const began = clock.now();
        const how = exchange === "gone" ? exchange : await followWatch(
          exchange,
          clock,
          stop,
          (event) => {
            this.#take(table, event);
            from = versionOf(event.object) ?? from;
          },
        );
        const isShort = clock.now() - began < WATCH_MS_MIN;
        if (how === "gone") return this.#relist(isShort);
        this.#context.say("debug", "a watch of pods has ended, it is resumed", { version: from });
        if (isShort) {
          throw new ClusterError(
            "unreachable",
            "the watch ended at once, look at the server's log",
          );
        }
        this.#gone = 0;
      }
    } catch (error) {
      if (stop.aborted) return;
      this.#trouble = this.#api.explained("watch", error);
      this.#wake();
    }
  }

  /** The server has forgotten what happened since: only a whole list helps. */
  #relist(isShort: boolean): void {
    this.#gone = isShort ? this.#gone + 1 : 1;
    this.#context.say("info", "listing pods anew, the API server has forgotten our version", {});
    if (this.#gone > 1) {
      const what = "every version that it tells is gone at once, look at the server's log";
      this.#trouble = this.#api.explained("watch", new ClusterError("bad-data", what));
    }
    this.#table = undefined;
    this.#wake();
  }

  #take(table: PodTable, { type, object }: WatchEvent): void {
    if (type === "BOOKMARK") return;
    const pod = this.#api.podOf(object);
    const isNews = type === "DELETED" ? table.remove(pod) : this.#put(table, pod);
    if (!isNews) return;
    this.#isNews = true;
    this.#wake();
  }

  #put(table: PodTable, pod: Pod): boolean {
    const { ignored } = table;
    const isNews = table.put(pod);
    if (pod.invalidIp !== undefined) {
      const fields = { pod: pod.name, address: JSON.stringify(pod.invalidIp) };
      this.#sayRarely("skipping invalid host address", fields);
    }
    if (table.ignored > ignored) {
      this.#sayRarely("ignoring pods beyond the most that are remembered", { pods: table.size });
    }
    return isNews;
  }

  /** Waits until there is something to tell. */
  async #news(signal: AbortSignal): Promise<void> {
    await this.#until(signal, (wake) => this.#wake = wake);
    this.#wake = () => {};
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context.runtime;
    const at = this.#answeredAt + PAUSE_MS;
    if (at <= clock.now()) return;
    let disarm = (): void => {};
    try {
      await this.#until(signal, (wake) => disarm = clock.alarm(at, wake));
    } finally {
      disarm();
    }
  }

  /** Until `wake` is called; rejects when the signal aborts or the session ends. */
  async #until(signal: AbortSignal, arm: (wake: () => void) => void): Promise<void> {
    const ends = [signal, this.#end.signal];
    let wake = (): void => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      arm(wake);
      for (const one of ends) one.addEventListener("abort", wake);
    });
    for (const one of ends) one.removeEventListener("abort", wake);
    this.#refuseLate(signal);
  }

  #refuseLate(signal: AbortSignal): void {
    if (this.#end.signal.aborted) throw this.#end.signal.reason;
    if (!signal.aborted) return;
    // Who was rejected is told everything the next time.
    this.#isNews = true;
    throw abortedBy(signal);
  }

  /** Begins anew. */
  #forget(): void {
    this.#trouble = undefined;
    this.#table = undefined;
    this.#isNews = false;
    this.#following?.abort(new ClusterError("aborted", "the watch was given up"));
    this.#following = undefined;
  }

  /** Says it, unless it was said a moment ago. */
  #told(trouble: ClusterError): ClusterError {
    if (trouble.message !== this.#lastTrouble) this.#said.delete("error listing pods");
    this.#lastTrouble = trouble.message;
    this.#sayRarely("error listing pods", { reason: trouble.message }, "error");
    return trouble;
  }

  #sayRarely(
    message: string,
    fields: Readonly<Record<string, string | number>>,
    level: "warn" | "error" = "warn",
  ): void {
    const now = this.#context.runtime.clock.now();
    if (now < (this.#said.get(message) ?? Number.NEGATIVE_INFINITY) + REPEAT_MS) return;
    this.#said.set(message, now);
    this.#context.say(level, message, fields);
  }
}

function abortedBy(signal: AbortSignal): ClusterError {
  const what = "Cannot list pods of Kubernetes: the caller has given up";
  return new ClusterError("aborted", what, { cause: signal.reason });
}
