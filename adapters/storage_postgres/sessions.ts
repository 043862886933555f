/**
 * One session after the other: what is asked for waits until there is one.
 *
 * @module
 */

import { ClusterError } from "../../mod.ts";
import type { ResolvedPostgres } from "./options.ts";
import { checkEncoding, ensureTables } from "./schema.ts";
import { LostSession, Session, sqlStateOf } from "./session.ts";

/** Pause before connecting again; doubled up to the longest. */
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 2_000;

/**
 * Holds a session with the lock, and makes a new one when it is lost. Two sessions never work side by side: the lock of
 * the new one is free only when the server has finished what the old one was doing.
 */
export class Sessions {
  readonly #options: ResolvedPostgres;
  #session: Session | undefined;
  /** Whether a session stood once: only before can somebody else be the reason why the lock is taken. */
  #stood = false;
  #retries = true;
  #ended = false;
  #wake: () => void = () => {};

  constructor(options: ResolvedPostgres) {
    this.#options = options;
  }

  /** Where, for messages. */
  get place(): string {
    const { host, port, database } = this.#options;
    return JSON.stringify(`${host}:${port}/${database}`);
  }

  /**
   * Does `work`, with other sessions again when one is lost in the middle: it must be harmless to repeat. Rejects with
   * `ClusterError` `unreachable` when no session can be had for `retryForMs`.
   */
  async run<T>(deed: string, work: (session: Session) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.retryForMs;
    for (let pauseMs = PAUSE_MIN_MS;; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      try {
        return await work(await this.#held());
      } catch (error) {
        if (!(error instanceof LostSession)) throw this.explained(deed, error);
        if (!this.#retries || performance.now() + pauseMs > deadline) {
          throw new ClusterError(
            "unreachable",
            `Cannot ${deed} the PostgreSQL storage ${this.place}: ${error.message}, ` +
              "check that the server runs and can be reached from here",
          );
        }
        await this.#pause(pauseMs);
      }
    }
  }

  /** From now on a call that loses its session rejects at once. */
  retryNoMore(): void {
    this.#retries = false;
    this.#wake();
  }

  /** Closes the session; there will be no other. */
  async end(): Promise<void> {
    this.#ended = true;
    this.retryNoMore();
    const session = this.#session;
    this.#session = undefined;
    await session?.end();
  }

  /** What the server answered, in one sentence. The values of the statement are not in it: they may be secrets. */
  explained(deed: string, error: unknown): ClusterError {
    if (ClusterError.is(error)) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const state = sqlStateOf(error);
    const told = state === undefined ? reason : `${reason} (SQLSTATE ${state})`;
    return new ClusterError(
      "refused",
      `Cannot ${deed} the PostgreSQL storage ${this.place}: ${told}, check the user, its rights and the database`,
    );
  }

  async #held(): Promise<Session> {
    if (this.#session !== undefined && !this.#session.isLost) return this.#session;
    this.#session = undefined;
    const session = await Session.connect(this.#options);
    try {
      await this.#prepare(session);
    } catch (error) {
      await session.end();
      throw error;
    }
    if (this.#ended) {
      await session.end();
      throw new LostSession("it was closed");
    }
    this.#stood = true;
    return this.#session = session;
  }

  async #prepare(session: Session): Promise<void> {
    const { nodeId } = this.#options;
    await checkEncoding(session, this.place);
    if (!await session.lock(nodeId)) {
      const holder = `another session holds the rows of node ${JSON.stringify(nodeId)}`;
      if (this.#stood) throw new LostSession(holder);
      throw new ClusterError(
        "refused",
        `Cannot open the PostgreSQL storage ${this.place}: ${holder}, stop that process or give each node its own id`,
      );
    }
    await ensureTables(session, this.place);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
