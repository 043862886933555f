/**
 * When the dialler of a link compares digests, and one comparison under way.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import { compareRanges, DigestSession, type Findings } from "./anti_entropy.ts";
import type { Digest, RangeDigest } from "./frames.ts";
import type { LinkContext } from "./link_host.ts";

/** How long a comparison waits for the link to fall quiet, so that what is on its way is not taken for lost. */
const QUIET_WAIT_MS = 5_000;

/** How often a waiting comparison looks again. */
const QUIET_LOOK_MS = 100;

/** What an answer brought. */
export interface Answer {
  readonly findings: Findings;
  /** Nothing is left to look at. */
  readonly finished: boolean;
  /** Something differed since the comparison began. */
  readonly differs: boolean;
  /** The link was at rest when it began. */
  readonly quiet: boolean;
  /** Where our table of agreed rows stood when it began; `undefined` when the peer was not ready to compare. */
  readonly revision: number | undefined;
}

/** The dialler's half of anti-entropy: at most one comparison at a time, one frame on its way. */
export class DigestRound {
  readonly #context: LinkContext;
  #plannedAt: Millis | undefined;
  #session: DigestSession | undefined;
  #ranges: readonly RangeDigest[] | undefined;
  #awaited = false;
  #asNewcomer = false;
  #quiet = false;
  #revision: number | undefined;

  constructor(context: LinkContext) {
    this.#context = context;
  }

  /** Compares at `at`, or earlier if that was planned. */
  plan(at: Millis): void {
    if (this.#session === undefined) this.#plannedAt = Math.min(at, this.#plannedAt ?? at);
  }

  /** Compares at once although our own first sync is not done: its last step. */
  planAsNewcomer(now: Millis): void {
    this.#asNewcomer = true;
    this.plan(now);
  }

  /** The stream is gone: nothing is planned or under way. */
  reset(): void {
    this.#plannedAt = undefined;
    this.#session = undefined;
    this.#ranges = undefined;
    this.#awaited = false;
    this.#asNewcomer = false;
  }

  /** When `next` may have something; `undefined` when it waits for the peer or nothing is planned. */
  deadline(quiet: boolean, now: Millis): Millis | undefined {
    const planned = this.#plannedAt;
    if (planned === undefined || quiet || now < planned) return planned;
    return Math.min(planned + QUIET_WAIT_MS, now + QUIET_LOOK_MS);
  }

  /** The next frame to send, if one is due. */
  next(quiet: boolean, peerReady: boolean, now: Millis): Digest | undefined {
    if (this.#ranges !== undefined) {
      const ranges = this.#ranges;
      this.#ranges = undefined;
      this.#awaited = true;
      return { ranges };
    }
    const planned = this.#plannedAt;
    if (planned === undefined || now < planned || this.#session !== undefined) return undefined;
    if (!quiet && now < planned + QUIET_WAIT_MS) return undefined;
    this.#plannedAt = undefined;
    if (!this.#context.synced && !this.#asNewcomer) return undefined;
    this.#asNewcomer = false;
    this.#quiet = quiet;
    this.#revision = peerReady ? this.#context.agreed.revision : undefined;
    this.#awaited = true;
    this.#session = new DigestSession(this.#context.store);
    this.#context.counters.digestsStarted++;
    return { ranges: this.#session.begin() };
  }

  /** Takes in the peer's answer; `undefined` when none was asked for. */
  answer(digest: Digest, now: Millis): Answer | undefined {
    const session = this.#session;
    if (session === undefined || !this.#awaited) return undefined;
    this.#awaited = false;
    const findings = compareRanges(
      this.#context.store,
      digest.ranges,
      (version) => this.#context.isAcceptable(version, now),
    );
    session.add(findings);
    this.#ranges = session.next();
    const finished = this.#ranges === undefined;
    if (finished) this.#session = undefined;
    const revision = this.#revision;
    return { findings, finished, differs: session.differs, quiet: this.#quiet, revision };
  }
}
