/**
 * One node's mDNS under way: an engine, its links, and time.
 *
 * @module
 */

import {
  type Candidate,
  ClusterError,
  type DiscoveryAnswer,
  type DiscoveryContext,
  type DiscoverySession,
  type Millis,
} from "../../mod.ts";
import { candidatesOf } from "./candidates.ts";
import { Drops } from "./drops.ts";
import { Engine } from "./engine.ts";
import { whyInvalidHost } from "./hosts.ts";
import type { OpenLink } from "./link.ts";
import { Links } from "./links.ts";
import { News } from "./news.ts";
import { OnceInAWhile } from "./once_in_a_while.ts";

/** How often the machine's interfaces are looked at. */
const REFRESH_MS: Millis = 5_000;
/** What getting a name may take; it takes one second where nobody has it. */
const ANNOUNCE_MS: Millis = 15_000;
/** An alarm that is late already comes this much later, so that nothing spins. */
const BREATH_MS: Millis = 2;

/** What a session is made of. */
export interface MdnsSessionOptions {
  readonly context: DiscoveryContext;
  /** Such as `_gateway._tcp`. */
  readonly service: string;
  readonly openLink: OpenLink;
}

interface Waiter {
  readonly done: (answer: DiscoveryAnswer) => void;
  readonly fail: (error: ClusterError) => void;
}

/** See {@linkcode DiscoverySession}. */
export class MdnsSession implements DiscoverySession {
  readonly #context: DiscoveryContext;
  readonly #engine: Engine;
  readonly #links: Links;
  readonly #news = new News();
  readonly #said = new OnceInAWhile();
  #refreshMs: Millis = Infinity;
  #isFirst = true;
  #closed = false;
  #disarm: () => void = () => {};
  #next: Waiter | undefined;
  /** Those who wait until the name is ours. */
  readonly #announced = new Set<() => void>();
  /** Ends what waits when the session does. */
  readonly #end = new AbortController();

  constructor({ context, service, openLink }: MdnsSessionOptions) {
    this.#context = context;
    const { runtime: { clock, interfaces, entropy }, self, say } = context;
    this.#links = new Links({
      clock,
      interfaces,
      openLink,
      drops: new Drops((counts) => say("warn", "dropped mDNS packets", counts)),
      onUp: (link, network) => {
        say("debug", "mDNS link is up", { link });
        this.#engine.linkUp(link, network, clock.now());
      },
      onDown: (link) => {
        say("debug", "mDNS link is down", { link });
        this.#engine.linkDown(link);
      },
      onPacket: (packet, link, from) => {
        this.#engine.onPacket(packet, link, from, clock.now());
        this.#work();
      },
      onTrouble: (link, { message }) => {
        if (!this.#said.says(`${link} ${message}`, clock.now())) return;
        say("warn", "mDNS link is in trouble", { link, error: message });
      },
    });
    this.#engine = new Engine({
      service,
      self,
      dice: () =>
        ((entropy.bytes(1)[0] as number) * 256 + (entropy.bytes(1)[0] as number)) / 65_536,
      out: {
        sendAll: (packet) => this.#links.send(packet),
        send: (link, packet, to) => this.#links.send(packet, link, to),
        announced: (name) => {
          say("info", "announced by mDNS", { name });
          for (const done of this.#announced) done();
        },
        renamed: (from, to) =>
          say("warn", "another host has this mDNS name, trying the next", { from, to }),
      },
    });
  }

  async next(signal: AbortSignal): Promise<DiscoveryAnswer> {
    try {
      await this.#begin(signal, "browse");
      if (this.#isFirst) this.#news.begin(this.#now());
      this.#isFirst = false;
      return await this.#settled(signal, "browse", (waiter) => {
        this.#next = waiter;
        this.#work();
      });
    } catch (error) {
      this.#isFirst = true;
      throw error;
    } finally {
      this.#next = undefined;
    }
  }

  async announce(signal: AbortSignal): Promise<void> {
    const { ip } = this.#context.self;
    const why = whyInvalidHost(ip);
    if (why !== undefined) {
      throw new ClusterError(
        "refused",
        `Cannot announce ${ip} by mDNS: ${why}, set advertise_addr to an address that others can reach`,
      );
    }
    await this.#begin(signal, "announce");
    const { clock } = this.#context.runtime;
    this.#engine.register(clock.now());
    let giveUp = (): void => {};
    let done = (): void => {};
    try {
      await this.#settled<void>(signal, "announce", (waiter) => {
        done = waiter.done;
        this.#announced.add(done);
        giveUp = clock.alarm(clock.now() + ANNOUNCE_MS, () => waiter.fail(nameless()));
        if (this.#engine.announcedAs !== undefined) done();
        this.#work();
      });
    } finally {
      giveUp();
      this.#announced.delete(done);
    }
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    this.#refuseLate(signal, "withdraw");
    this.#engine.withdraw();
    await this.#settled<void>(signal, "withdraw", ({ done }) => {
      void this.#links.flushed().then(done);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#disarm();
    this.#end.abort();
    await this.#links[Symbol.asyncDispose]();
  }

  /** Opens the links that there are; rejects while there is none. */
  async #begin(signal: AbortSignal, what: string): Promise<void> {
    this.#refuseLate(signal, what);
    if (this.#links.count > 0) return;
    await this.#settled<void>(signal, what, ({ done }) => void this.#refresh().then(done));
    if (this.#links.count === 0) throw this.#linkless(what);
  }

  async #refresh(): Promise<void> {
    await this.#links.refresh();
    this.#refreshMs = this.#now() + REFRESH_MS;
    if (this.#links.count === 0) this.#next?.fail(this.#linkless("browse"));
    this.#work();
  }

  /** Does what is due, and sets the alarm for what comes next. */
  #work(): void {
    if (this.#closed) return;
    const now = this.#now();
    if (this.#engine.nextDeadline() <= now) this.#engine.tick(now);
    if (this.#refreshMs <= now) {
      this.#refreshMs = Infinity;
      void this.#refresh();
    }
    if (this.#engine.takeChanges()) this.#news.heard(now);
    if (this.#next !== undefined && this.#news.checkMs <= now) this.#answer(this.#next, now);
    const checkMs = this.#next === undefined ? Infinity : this.#news.checkMs;
    const at = Math.min(this.#engine.nextDeadline(), this.#refreshMs, checkMs);
    this.#disarm();
    this.#disarm = at === Infinity
      ? () => {}
      : this.#context.runtime.clock.alarm(Math.max(at, now + BREATH_MS), () => this.#work());
  }

  #answer({ done }: Waiter, now: Millis): void {
    const candidates = this.#candidates(now);
    const text = JSON.stringify(candidates);
    if (!this.#news.isNews(text, candidates.length === 0, now)) return;
    this.#next = undefined;
    done({ candidates });
  }

  #candidates(now: Millis): readonly Candidate[] {
    const { self, say } = this.#context;
    return candidatesOf(this.#engine.instances(), self, (ip, name, why) => {
      if (!this.#said.says(`invalid ${ip}`, now)) return;
      say("warn", "skipping invalid host address", { ip, name, why });
    });
  }

  /** What `start` comes to, or a rejection when the signal aborts or the session ends. */
  #settled<T>(
    signal: AbortSignal,
    what: string,
    start: (waiter: {
      readonly done: (value: T) => void;
      readonly fail: (error: ClusterError) => void;
    }) => void,
  ): Promise<T> {
    const ended = this.#end.signal;
    return new Promise<T>((resolve, reject) => {
      const refuse = (): void => fail(ended.aborted ? closed(what) : aborted(what));
      const leave = (): void => {
        signal.removeEventListener("abort", refuse);
        ended.removeEventListener("abort", refuse);
      };
      const fail = (error: ClusterError): void => {
        leave();
        reject(error);
      };
      signal.addEventListener("abort", refuse);
      ended.addEventListener("abort", refuse);
      start({
        done: (value) => {
          leave();
          resolve(value);
        },
        fail,
      });
    });
  }

  #refuseLate(signal: AbortSignal, what: string): void {
    if (this.#closed) throw closed(what);
    if (signal.aborted) throw aborted(what);
  }

  #linkless(what: string): ClusterError {
    return this.#links.failure ?? new ClusterError(
      "unreachable",
      `Cannot ${what} by mDNS: no network interface has an address but loopback, ` +
        "connect one or choose another discovery.type",
    );
  }

  #now(): Millis {
    return this.#context.runtime.clock.now();
  }
}

function closed(what: string): ClusterError {
  return new ClusterError("closed", `Cannot ${what} by mDNS: the session is closed, open another`);
}

function aborted(what: string): ClusterError {
  return new ClusterError("aborted", `Cannot ${what} by mDNS: the call was aborted, call again`);
}

function nameless(): ClusterError {
  return new ClusterError(
    "timeout",
    `Cannot announce by mDNS: in ${ANNOUNCE_MS} ms every name that was tried turned out to be another host's, ` +
      "give this node a node_id of its own",
  );
}
