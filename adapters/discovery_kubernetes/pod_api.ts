/** @module */

import { type Clock, ClusterError, VERSION } from "../../mod.ts";
import type { ApiAccess } from "./access.ts";
import { ask, type Exchange, textOf, unless, within } from "./exchange.ts";
import { explained, failed, statusFailure, type Verb } from "./failures.ts";
import { listOf, part, type Pod, podOf, type PortNames, versionOf } from "./pod.ts";
import { PODS_MAX } from "./pod_table.ts";

/** Pods of one answer; larger sets come in pages. */
const PAGE_PODS = 500;
/** Of one page: pods have some 10 KiB each. */
const PAGE_BYTES_MAX = 64 * 1024 * 1024;
const PAGES_MAX = PODS_MAX / PAGE_PODS;
/** Of a refusal. */
const STATUS_BYTES_MAX = 64 * 1024;

/** How long the server shall keep a watch open; a random part is added, so that not all nodes come back together. */
const WATCH_SECONDS = 240;
const WATCH_SECONDS_MORE = 120;

/** All pods of a moment. */
export interface PodList {
  readonly pods: readonly Pod[];
  /** From where to watch. */
  readonly version: string;
}

/** What the API server is told to find. */
export interface PodQuery extends PortNames {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly timeoutMs: number;
}

/** Lists and watches the pods of a namespace by a label selector. */
export class PodApi {
  readonly #access: ApiAccess;
  readonly #query: PodQuery;
  readonly #clock: Clock;
  readonly #path: string;

  constructor(access: ApiAccess, query: PodQuery, clock: Clock) {
    this.#access = access;
    this.#query = query;
    this.#clock = clock;
    this.#path = `${access.server}/api/v1/namespaces/${query.namespace}/pods`;
  }

  /** All pods; rejects with the `ClusterError` that a session may reject with, or `signal.reason`. */
  list(signal: AbortSignal): Promise<PodList> {
    return this.#explaining("list", signal, async () => {
      const pods: Pod[] = [];
      for (let page = 1, from: string | undefined;; page++) {
        const answer = await this.#page(from, signal);
        const items = part(answer, "items");
        const version = versionOf(answer);
        if (!Array.isArray(items) || items.length > PODS_MAX || version === undefined) {
          throw failed("bad-data", "what it answers is no list of pods, check the address");
        }
        pods.push(...listOf(items, PODS_MAX).map((item) => this.podOf(item)));
        const more = part(part(answer, "metadata"), "continue");
        if (typeof more !== "string" || more === "" || page === PAGES_MAX) return { pods, version };
        from = more;
      }
    });
  }

  /** Begins a watch; resolves when the server has taken it, with `"gone"` when it knows that version no more. */
  watch(version: string, dice: number, signal: AbortSignal): Promise<Exchange | "gone"> {
    return this.#explaining("watch", signal, async () => {
      const seconds = WATCH_SECONDS + Math.floor(dice * WATCH_SECONDS_MORE);
      const query = {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: version,
        timeoutSeconds: String(seconds),
      };
      const exchange = await this.#ask(query, signal);
      if (exchange.status === 200) return exchange;
      if (exchange.status !== 410) return await this.#refused(exchange, "watch", signal);
      exchange.close();
      return "gone";
    });
  }

  /** A pod out of an answer; throws `bad-data` for what is none. */
  podOf(value: unknown): Pod {
    const pod = podOf(value, this.#query);
    if (pod !== undefined) return pod;
    throw failed("bad-data", "what it answers is no pod, check the address");
  }

  /** `error` as a failure of that verb. */
  explained(verb: Verb, error: unknown): ClusterError {
    const { namespace } = this.#query;
    return explained(
      `Cannot ${verb} pods of the Kubernetes namespace "${namespace}" at ${this.#access.server}`,
      error,
    );
  }

  async #page(from: string | undefined, signal: AbortSignal): Promise<unknown> {
    const query = { limit: String(PAGE_PODS), ...(from === undefined ? {} : { continue: from }) };
    const exchange = await this.#ask(query, signal);
    if (exchange.status !== 200) return await this.#refused(exchange, "list", signal);
    return parsed(await this.#text(exchange, signal, PAGE_BYTES_MAX));
  }

  #ask(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Exchange> {
    const { labelSelector, timeoutMs } = this.#query;
    const url = `${this.#path}?${new URLSearchParams({ labelSelector, ...query })}`;
    return within(this.#clock, timeoutMs, signal, async (limit) => {
      const options = await unless(limit, this.#access.request());
      const headers = {
        ...options.headers,
        accept: "application/json",
        "user-agent": `althing/${VERSION}`,
      };
      return await ask(url, { ...options, headers }, limit);
    });
  }

  #text(exchange: Exchange, signal: AbortSignal, bytesMax: number): Promise<string> {
    const { timeoutMs } = this.#query;
    return within(this.#clock, timeoutMs, signal, (limit) => textOf(exchange, limit, bytesMax));
  }

  async #refused(exchange: Exchange, verb: Verb, signal: AbortSignal): Promise<never> {
    const body = await this.#text(exchange, signal, STATUS_BYTES_MAX).catch(() => "");
    throw statusFailure(exchange.status, body, verb, this.#access.credentials);
  }

  async #explaining<T>(verb: Verb, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw signal.aborted ? signal.reason : this.explained(verb, error);
    }
  }
}

/** JSON of the network; throws `bad-data` for anything else. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failed("bad-data", "what it answers is no JSON, check the address");
  }
}
