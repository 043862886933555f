/**
 * One source under way: asked again and again for as long as the node lives, and told of this node.
 *
 * @module
 */

import { ClusterError } from "../core/errors.ts";
import type { Millis, WallMillis } from "../core/machine.ts";
import type { Rng } from "../core/rng.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  Candidate,
  DiscoveryContext,
  DiscoveryProvider,
  DiscoverySession,
} from "../ports/discovery.ts";
import { Backoff } from "./backoff.ts";
import { LogLimit, type SayRecord } from "./log_limit.ts";
import { deadline, wait } from "./wait.ts";

/** What a loop needs and whom it tells. */
export interface SourceLoopOptions {
  /** For logs and status pages; differs between the sources of one node. */
  readonly name: string;
  readonly provider: DiscoveryProvider;
  readonly clock: Clock;
  readonly rng: Rng;
  /** What sessions are given, but for what the loop itself adds. */
  readonly context: Omit<DiscoveryContext, "say" | "forgotten">;
  readonly say: SayRecord;
  /** Hears every answer. */
  readonly onAnswer: (candidates: readonly Candidate[]) => void;
  /** Hears that the state has changed in a way that people want to know. */
  readonly onChange: (change: SourceChange) => void;
}

/** What happens to a source. */
export type SourceChange = "failed" | "recovered" | "announced" | "forgotten" | "withdrawn";

/** How a source is doing. */
export interface SourceState {
  /** When it last answered. */
  readonly lastSuccessMs: WallMillis | undefined;
  /** Its last failure, also when it has recovered since. */
  readonly lastError: { readonly atMs: WallMillis; readonly message: string } | undefined;
  /** Failed questions since the last answer; 0 is well. */
  readonly failures: number;
  /** Whether the source tells others of this node; `undefined`: it tells of nobody. */
  readonly announced: boolean | undefined;
}

/** Before the first retry at most, and the longest between two. */
const RETRY_MS: Millis = 1_000;
const RETRY_CAP_MS: Millis = 15_000;
/** Whatever a provider says, it is not asked more often. */
const PAUSE_MS_MIN: Millis = 50;
/** An announcement that takes longer counts as failed. */
const ANNOUNCE_MS: Millis = 30_000;
/** A source that forgets sooner is told with growing waits. */
const LASTING_MS: Millis = 60_000;
/** A leaving node waits no longer for its withdrawal. */
const WITHDRAW_MS: Millis = 3_000;
/** A session that is not closed after this is left to itself. */
const CLOSE_MS: Millis = 2_000;

/** Keeps one session going. */
export class SourceLoop implements AsyncDisposable {
  readonly name: string;
  readonly #options: SourceLoopOptions;
  readonly #log: LogLimit;
  readonly #stop: AbortController = new AbortController();
  readonly #silence: AbortController = new AbortController();
  #session: DiscoverySession | undefined;
  #wakeAnnouncer: () => void = () => {};
  #announcing: Promise<void> = Promise.resolve();
  #wantsAnnouncing = false;
  #announced: boolean | undefined;
  #lastSuccessMs: WallMillis | undefined;
  #lastError: { atMs: WallMillis; message: string } | undefined;
  #failures = 0;

  /** Does nothing before `start`. */
  constructor(options: SourceLoopOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = new LogLimit(
      options.clock,
      (level, message, fields) => options.say(level, message, { source: options.name, ...fields }),
    );
  }

  /** How the source is doing. */
  get state(): SourceState {
    return {
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
      failures: this.#failures,
      announced: this.#announced,
    };
  }

  /** Opens the session and starts both loops; rejects with what `open` rejects with. */
  async start(): Promise<void> {
    const session = await this.#options.provider.open({
      ...this.#options.context,
      say: (level, message, fields) => this.#log.say(level, message, fields),
      forgotten: (reason) => this.#forgotten(String(reason)),
    });
    this.#session = session;
    if (this.#stop.signal.aborted) return await this.#dispose(session);
    void this.#ask(session);
    if (session.announce !== undefined) {
      this.#announced = false;
      this.#announcing = this.#announce(session);
    }
  }

  /** Stops announcing and takes the announcement back, for a node that leaves. */
  async withdraw(): Promise<void> {
    const session = this.#session;
    this.#silence.abort();
    this.#wakeAnnouncer();
    if (session?.withdraw === undefined || this.#stop.signal.aborted) return;
    const { clock, onChange } = this.#options;
    const { signal, release } = deadline(clock, WITHDRAW_MS, this.#stop.signal);
    try {
      await Promise.race([this.#announcing, aborted(signal)]);
      await Promise.race([session.withdraw(signal), aborted(signal)]);
      if (signal.aborted) throw new Error(`no answer within ${WITHDRAW_MS} ms`);
      this.#announced = false;
      onChange("withdrawn");
      this.#log.say("info", "withdrew this node from discovery");
    } catch (error) {
      this.#log.say("warn", "failed to withdraw this node from discovery", {
        reason: messageOf(error),
        cure: "the entry stays until the source drops it, others dial it in vain meanwhile",
      });
    } finally {
      release();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#silence.abort();
    this.#stop.abort();
    this.#wakeAnnouncer();
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) await this.#dispose(session);
  }

  async #ask(session: DiscoverySession): Promise<void> {
    const { clock, rng, onAnswer } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff(rng, RETRY_MS, RETRY_CAP_MS);
    while (!signal.aborted) {
      let waitMs: Millis;
      try {
        const { candidates, againMs = 0 } = await session.next(signal);
        if (signal.aborted) return;
        if (!Array.isArray(candidates)) {
          throw new ClusterError("bad-data", "Cannot use the answer: it holds no candidates");
        }
        backoff.reset();
        this.#answered();
        onAnswer(candidates);
        waitMs = Math.max(PAUSE_MS_MIN, Number.isFinite(againMs) ? againMs : 0);
      } catch (error) {
        if (signal.aborted) return;
        waitMs = backoff.next();
        this.#failed(error, waitMs);
      }
      await wait(clock, waitMs, signal);
    }
  }

  #answered(): void {
    this.#lastSuccessMs = this.#options.clock.wall();
    if (this.#failures === 0) return;
    this.#log.say("info", "discovery works again", { failures: this.#failures });
    this.#failures = 0;
    this.#options.onChange("recovered");
  }

  #failed(error: unknown, retryMs: Millis): void {
    const message = messageOf(error);
    this.#lastError = { atMs: this.#options.clock.wall(), message };
    this.#failures++;
    this.#log.say("warn", "discovery failed", { reason: message, retryMs: Math.round(retryMs) });
    if (this.#failures === 1) this.#options.onChange("failed");
  }

  async #announce(session: DiscoverySession): Promise<void> {
    const { clock, rng, onChange } = this.#options;
    const { signal } = this.#silence;
    const backoff = new Backoff(rng, RETRY_MS, RETRY_CAP_MS);
    let announcedMs = -Infinity;
    while (!signal.aborted) {
      this.#wantsAnnouncing = false;
      const limit = deadline(clock, ANNOUNCE_MS, signal);
      try {
        await session.announce?.(limit.signal);
        if (clock.now() - announcedMs > LASTING_MS) backoff.reset();
        announcedMs = clock.now();
        // Forgotten while it was being announced: then it is announced again.
        this.#announced = !this.#wantsAnnouncing;
        this.#log.say("info", "announced this node");
        onChange("announced");
        await this.#untilForgotten();
      } catch (error) {
        if (signal.aborted) return;
        this.#announced = false;
        const message = messageOf(error);
        this.#lastError = { atMs: clock.wall(), message };
        this.#log.say("warn", "failed to announce this node", { reason: message });
      } finally {
        limit.release();
      }
      // Also when forgotten: a restarted source forgot everybody at once, and not all may come back at one instant.
      await wait(clock, backoff.next(), signal);
    }
  }

  #untilForgotten(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeAnnouncer = resolve;
      if (this.#wantsAnnouncing || this.#silence.signal.aborted) resolve();
    });
  }

  #forgotten(reason: string): void {
    if (this.#silence.signal.aborted) return;
    this.#announced = false;
    this.#wantsAnnouncing = true;
    this.#log.say("warn", "the discovery source forgot this node, announcing it again", { reason });
    this.#options.onChange("forgotten");
    this.#wakeAnnouncer();
  }

  async #dispose(session: DiscoverySession): Promise<void> {
    const { clock } = this.#options;
    const limit = deadline(clock, CLOSE_MS, new AbortController().signal);
    try {
      await Promise.race([session[Symbol.asyncDispose](), aborted(limit.signal)]);
    } catch (error) {
      this.#options.say("warn", "a discovery session did not close", {
        source: this.name,
        reason: messageOf(error),
      });
    } finally {
      limit.release();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
