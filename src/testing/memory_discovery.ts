/**
 * A place where nodes find each other inside one process, as a registry on the network would let them.
 *
 * @module
 */

import { ClusterError, type ClusterErrorCode } from "../core/errors.ts";
import type { Millis } from "../core/machine.ts";
import type {
  Candidate,
  DiscoveryAnswer,
  DiscoveryContext,
  DiscoveryProvider,
  DiscoverySession,
} from "../ports/discovery.ts";
import type { SourceState } from "./compliance/discovery.ts";

/** The place, in the hands of a test; providers made from it share it. */
export interface MemoryDiscovery extends DiscoveryProvider {
  /** Lists these besides those that have announced themselves. */
  list(peers: readonly Candidate[]): void;
  /** Lets it fail, fall silent and come back. */
  turn(state: SourceState): void;
  /** Loses everybody who has announced itself; each is told. */
  forget(): void;
  /** Who has announced itself. */
  readonly registered: readonly Candidate[];
  /** How many questions and announcements have come. */
  readonly asked: number;
  /** How many sessions are open. */
  readonly sessions: number;
}

/** How long a silent place is waited for. */
const PATIENCE_MS: Millis = 500;

/** Makes an empty place; `name` is what logs and status call it. */
export function memoryDiscovery(name = "memory"): MemoryDiscovery {
  const place = new Place(name);
  return {
    name,
    open: (context) => {
      const session = new Session(place, context);
      place.sessions.add(session);
      return Promise.resolve(session);
    },
    list: (peers) => {
      place.peers = [...peers];
      place.tell();
    },
    turn: (state) => {
      place.state = state;
      place.tell();
    },
    forget: () => {
      const forgotten = [...place.registered.values()];
      place.registered.clear();
      place.tell();
      for (const { by } of forgotten) if (place.sessions.has(by)) by.forgotten();
    },
    get registered(): readonly Candidate[] {
      return place.listed;
    },
    get asked(): number {
      return place.asked;
    },
    get sessions(): number {
      return place.sessions.size;
    },
  };
}

class Place {
  readonly name: string;
  /** By node id, as registries do it: a restart takes its predecessor's entry. */
  readonly registered: Map<string, { readonly by: Session; readonly as: Candidate }> = new Map();
  readonly sessions: Set<Session> = new Set();
  peers: readonly Candidate[] = [];
  state: SourceState = "well";
  asked = 0;

  constructor(name: string) {
    this.name = name;
  }

  get listed(): readonly Candidate[] {
    return Array.from(this.registered.values(), ({ as }) => as);
  }

  tell(): void {
    for (const session of [...this.sessions]) session.wake();
  }

  error(code: ClusterErrorCode, state: string): ClusterError {
    return new ClusterError(code, `Cannot use the discovery source "${this.name}": ${state}`);
  }
}

class Session implements DiscoverySession {
  readonly #place: Place;
  readonly #context: DiscoveryContext;
  /** What the last answer held; `undefined`: the next call asks at once. */
  #told: string | undefined;
  #closed = false;
  /** `next` and `announce` may wait at once. */
  readonly #waiting: Set<() => void> = new Set();

  constructor(place: Place, context: DiscoveryContext) {
    this.#place = place;
    this.#context = context;
  }

  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    try {
      await this.#ask(signal);
      for (;;) {
        const candidates = [...this.#place.peers, ...this.#place.listed];
        const text = JSON.stringify(candidates);
        if (text !== this.#told) {
          this.#told = text;
          return { candidates };
        }
        await this.#news(signal);
        this.#check(signal);
      }
    } catch (error) {
      this.#told = undefined;
      throw error;
    }
  }

  async announce(signal: AbortSignal): Promise<void> {
    await this.#ask(signal);
    const { ip, port, nodeId, region, rpcPort } = this.#context.self;
    const as: Candidate = { host: ip, port, nodeId, region, rpcPort };
    this.#place.registered.set(nodeId, { by: this, as });
    this.#place.tell();
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    await this.#ask(signal);
    const { nodeId } = this.#context.self;
    if (this.#place.registered.get(nodeId)?.by !== this) return;
    this.#place.registered.delete(nodeId);
    this.#place.tell();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#place.sessions.delete(this);
    this.wake();
    return Promise.resolve();
  }

  /** Something at the place, or of this session, has changed. */
  wake(): void {
    for (const settle of [...this.#waiting]) settle();
  }

  /** The place does not know us any more. */
  forgotten(): void {
    this.#context.forgotten("the place was emptied");
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.#checkCaller(signal);
    this.#place.asked++;
    await Promise.resolve();
    if (this.#place.state === "silent") await this.#news(signal, PATIENCE_MS);
    this.#check(signal);
  }

  #checkCaller(signal: AbortSignal): void {
    if (this.#closed) throw this.#place.error("closed", "the session was closed, open another");
    if (signal.aborted) throw this.#place.error("aborted", "the caller's signal was aborted");
  }

  #check(signal: AbortSignal): void {
    this.#checkCaller(signal);
    if (this.#place.state === "failing") throw this.#place.error("refused", "it fails, try later");
  }

  /** Waits for a wake-up; rejects with `timeout` when none comes for `patienceMs`. */
  #news(signal: AbortSignal, patienceMs?: Millis): Promise<void> {
    const { clock } = this.#context.runtime;
    return new Promise((resolve, reject) => {
      const disarm = patienceMs === undefined ? () => {} : clock.alarm(
        clock.now() + patienceMs,
        () => {
          reject(this.#place.error("timeout", `no answer for ${patienceMs} ms, try later`));
          settle();
        },
      );
      const settle = (): void => {
        disarm();
        this.#waiting.delete(settle);
        signal.removeEventListener("abort", settle);
        resolve();
      };
      this.#waiting.add(settle);
      signal.addEventListener("abort", settle, { once: true });
    });
  }
}
