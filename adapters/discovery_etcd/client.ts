/**
 * Calls to whichever member of etcd answers.
 *
 * @module
 */

import { ClusterError, type DiscoveryContext } from "../../mod.ts";
import { EtcdConnection } from "./connection.ts";
import { orAbort, within } from "./deadline.ts";
import { dialEtcd } from "./dial.ts";
import { etcdError, failureOf, knownWords, reasonOf } from "./failures.ts";
import type { ResolvedEtcd, TlsMaterial } from "./options.ts";
import { ConnectError } from "@connectrpc/connect";

const RUNS = "check that etcd is well and can be reached from here";

/** One call to one member. */
export type EtcdCall<T> = (connection: EtcdConnection, signal: AbortSignal) => Promise<T>;

/** Holds one connection, and makes one to the next member when it is lost. */
export class EtcdClient {
  readonly #options: ResolvedEtcd;
  readonly #material: TlsMaterial;
  readonly #context: DiscoveryContext;
  readonly #closed = new AbortController();
  /** The endpoint in use; nodes begin at different ones. */
  #index: number;
  #current: Promise<EtcdConnection> | undefined;

  constructor(options: ResolvedEtcd, material: TlsMaterial, context: DiscoveryContext) {
    this.#options = options;
    this.#material = material;
    this.#context = context;
    this.#index = context.runtime.entropy.seed() % options.endpoints.length;
  }

  /** Aborts when the client is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Makes a call, at the other members too when one fails; it must be harmless to repeat. Rejects with `ClusterError`
   * (`refused`, `unreachable`, `timeout`) which says `deed` could not be done and why, or with the reason of `signal`.
   */
  async run<T>(deed: string, signal: AbortSignal, call: EtcdCall<T>): Promise<T> {
    const { endpoints } = this.#options;
    let failed: unknown;
    const isReused = this.#current !== undefined;
    let most = endpoints.length;
    for (let tries = 0; tries < most; tries++) {
      this.closed.throwIfAborted();
      signal.throwIfAborted();
      try {
        return await this.#attempt(deed, signal, call);
      } catch (error) {
        this.closed.throwIfAborted();
        signal.throwIfAborted();
        const failure = failureOf(error);
        if (failure === "lease") throw error;
        if (failure === "refused" || failure === "token") throw refusal(deed, error);
        failed = error;
        // A connection from before may have died since, which says nothing of its endpoint.
        if (tries === 0 && isReused && !ClusterError.is(error, "timeout")) most++;
      }
    }
    const state = `none of ${endpoints.length} endpoints serves it, the last: ${reasonOf(failed)}`;
    throw etcdError(ClusterError.is(failed) ? failed.code : "unreachable", deed, state, RUNS);
  }

  /** Closes the connection and makes calls under way reject; harmless twice. */
  close(): void {
    const what = etcdError("closed", "ask etcd", "the session was closed", "open another");
    this.#closed.abort(what);
    this.#current?.then((connection) => connection.close(), () => {});
  }

  async #attempt<T>(deed: string, signal: AbortSignal, call: EtcdCall<T>): Promise<T> {
    const connection = await orAbort(this.#connected(), signal, this.closed);
    const work = (): Promise<T> => {
      return this.#limited(deed, connection, signal, (limited) => call(connection, limited));
    };
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || connection.lost.aborted) throw error;
      switch (failureOf(error)) {
        case "token":
          await this.#authenticate(connection, signal);
          return await work();
        case "elsewhere":
          connection.close(reasonOf(error));
      }
      throw error;
    }
  }

  /** Rejects when the connection is lost, or has no answer in time. */
  #limited<T>(
    deed: string,
    connection: EtcdConnection,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { attemptMs } = this.#options;
    const late = (): ClusterError => {
      const state = `${connection.endpoint.text} did not answer within ${attemptMs} ms`;
      return etcdError("timeout", deed, state, RUNS);
    };
    const signals = [signal, this.closed, connection.lost];
    return within(this.#context.runtime.clock, attemptMs, signals, late, work);
  }

  #connected(): Promise<EtcdConnection> {
    return this.#current ??= this.#connect();
  }

  async #connect(): Promise<EtcdConnection> {
    const { endpoints, attemptMs, goawayGuard } = this.#options;
    const { clock, dns } = this.#context.runtime;
    const endpoint = endpoints[this.#index % endpoints.length]!;
    let connection: EtcdConnection | undefined;
    const forget = (): void => {
      this.#index++;
      this.#current = undefined;
    };
    try {
      const options = { clock, dns, material: this.#material, timeoutMs: attemptMs };
      const socket = await dialEtcd(endpoint, options, this.closed);
      connection = new EtcdConnection(endpoint, socket, goawayGuard);
      await this.#authenticate(connection, this.closed);
      connection.lost.throwIfAborted();
      connection.lost.addEventListener("abort", forget, { once: true });
      return connection;
    } catch (error) {
      forget();
      connection?.close();
      throw error;
    }
  }

  /** Gets a token, where there is a user name and etcd wants one. */
  async #authenticate(connection: EtcdConnection, signal: AbortSignal): Promise<void> {
    const { credentials } = this.#options;
    if (credentials === undefined) return;
    connection.token = "";
    try {
      const { token } = await this.#limited("log in to etcd", connection, signal, (limited) => {
        return connection.auth.authenticate(credentials, { signal: limited });
      });
      connection.token = /^[!-~]{1,4096}$/.test(token) ? token : "";
    } catch (error) {
      if (error instanceof ConnectError && /is not enabled/.test(knownWords(error.rawMessage))) {
        return;
      }
      throw error;
    }
  }
}

function refusal(deed: string, error: unknown): ClusterError {
  if (ClusterError.is(error)) return error;
  const state = `etcd refused with ${reasonOf(error)}`;
  return etcdError("refused", deed, state, "check the user, its password and its rights");
}
