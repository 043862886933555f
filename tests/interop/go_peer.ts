/**
 * A real HashiCorp memberlist node, as tests and benchmarks use it.
 *
 * @module
 */

import { eventually } from "../eventually.ts";
import { type GoCommand, type GoPeerRelease, GoProcess } from "./go_process.ts";
import {
  type GoEvent,
  type GoMember,
  type GoNodeConfig,
  type GoStats,
  type GoUdp,
  memberOf,
  type RawAnswer,
  toBase64,
} from "./go_records.ts";

const EVENTS_KEPT_MAX = 20_000;

/** How to wait for an event. */
export interface WaitOptions {
  /** Default 10 s. */
  readonly withinMs?: number;
  /** Only events after this {@linkcode GoPeer.mark}; default: all since the node's start. */
  readonly since?: number;
}

/** One Go node. */
export class GoPeer implements AsyncDisposable {
  /** The program the node runs in. */
  readonly process: GoProcess;
  /** Its memberlist name. */
  readonly name: string;
  /** What the node has told so far, oldest first. */
  readonly events: GoEvent[] = [];
  readonly #waiting = new Set<(event: GoEvent) => void>();
  #address = "";
  #owned = false;

  private constructor(owner: GoProcess, name: string) {
    this.process = owner;
    this.name = name;
    owner.listen(name, (event) => this.#happened(event));
  }

  /** A node in a process of its own, which goes with it. */
  static async start(config: GoNodeConfig, release: GoPeerRelease = "latest"): Promise<GoPeer> {
    const owner = await GoProcess.start(release);
    try {
      const node = await GoPeer.startIn(owner, config);
      node.#owned = true;
      return node;
    } catch (error) {
      await owner.kill();
      throw error;
    }
  }

  /** A node beside others in a running process. */
  static async startIn(owner: GoProcess, config: GoNodeConfig): Promise<GoPeer> {
    const node = new GoPeer(owner, config.name);
    const answer = await owner.request({
      cmd: "create",
      config: {
        ...config,
        bind: config.bind ?? "127.0.0.1",
        keys: config.keys?.map(toBase64),
        meta: toBase64(config.meta),
        userState: toBase64(config.userState),
        ackPayload: toBase64(config.ackPayload),
      },
    });
    node.#address = answer.addr!;
    return node;
  }

  /** `ip:port`, as others reach it. */
  get address(): string {
    return this.#address;
  }

  /** Push/pulls with every address; answers how many worked, rejects when none did. */
  async join(...addresses: readonly string[]): Promise<number> {
    return (await this.#ask({ cmd: "join", addrs: addresses })).count!;
  }

  /** Alive and suspect members, as Go lists them. */
  async members(): Promise<readonly GoMember[]> {
    return ((await this.#ask({ cmd: "members" })).members ?? []).map(memberOf);
  }

  /** Announces a graceful leave; the node keeps listening. */
  async leave(timeoutMs = 5_000): Promise<void> {
    await this.#ask({ cmd: "leave", timeoutMs });
  }

  /** Replaces the metadata; resolves when the news was sent on. */
  async updateMeta(meta: Uint8Array, timeoutMs = 5_000): Promise<void> {
    await this.#ask({ cmd: "updateMeta", payload: toBase64(meta), timeoutMs });
  }

  /** Replaces what the next push/pull carries. */
  async setUserState(state: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "setUserState", payload: toBase64(state) });
  }

  /** One user message by datagram. */
  async sendBestEffort(to: string, payload: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "sendBestEffort", to, payload: toBase64(payload) });
  }

  /** One user message by stream. */
  async sendReliable(to: string, payload: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "sendReliable", to, payload: toBase64(payload) });
  }

  /** Queues user data for gossip. */
  async broadcast(payload: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "broadcast", payload: toBase64(payload) });
  }

  /** One direct ping; the round-trip time in milliseconds. */
  async ping(to: string): Promise<number> {
    return ((await this.#ask({ cmd: "ping", to })).rttUs ?? 0) / 1000;
  }

  /** Installs a key. */
  async addKey(key: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "addKey", key: toBase64(key) });
  }

  /** Makes an installed key the primary. */
  async useKey(key: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "useKey", key: toBase64(key) });
  }

  /** Forgets a key that is not the primary. */
  async removeKey(key: Uint8Array): Promise<void> {
    await this.#ask({ cmd: "removeKey", key: toBase64(key) });
  }

  /** The Lifeguard health score; 0 is well. */
  async health(): Promise<number> {
    return (await this.#ask({ cmd: "health" })).count!;
  }

  /** Changes what becomes of the node's datagrams, at once. */
  async udp(udp: GoUdp): Promise<void> {
    await this.#ask({ cmd: "udp", udp });
  }

  /** Counters since the node's start. */
  async stats(): Promise<GoStats> {
    return (await this.#ask({ cmd: "stats" })).stats!;
  }

  /** Closes the node's sockets without a word to anybody. */
  async shutdown(): Promise<void> {
    await this.#ask({ cmd: "shutdown" });
  }

  /** A place in the events, for `since`. */
  mark(): number {
    return this.events.length;
  }

  /** The first event of that kind that fits, past ones included; rejects with the last log lines after `withinMs`. */
  event(
    kind: GoEvent["event"],
    fits: (event: GoEvent) => boolean = () => true,
    options: WaitOptions = {},
  ): Promise<GoEvent> {
    const matches = (event: GoEvent) => event.event === kind && fits(event);
    const past = this.events.slice(options.since ?? 0).find(matches);
    if (past !== undefined) return Promise.resolve(past);
    const withinMs = options.withinMs ?? 10_000;
    return new Promise((resolve, reject) => {
      const settle = (event: GoEvent) => {
        if (!matches(event)) return;
        clearTimeout(timer);
        this.#waiting.delete(settle);
        resolve(event);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(settle);
        reject(
          new Error(
            `Waited ${withinMs} ms in vain for the event "${kind}" (${fits}) of ${this.name}; it said:\n${this.said()}`,
          ),
        );
      }, withinMs);
      this.#waiting.add(settle);
    });
  }

  /** Waits for a log line. */
  logged(pattern: RegExp, options: WaitOptions = {}): Promise<GoEvent> {
    return this.event("log", (event) => pattern.test(event.message ?? ""), options);
  }

  /** Waits until the node lists exactly these members (its own name among them). */
  async lists(names: readonly string[], withinMs = 10_000): Promise<void> {
    const wanted = [...names].sort().join(" ");
    let listed = "";
    try {
      await eventually(`${this.name} lists ${wanted}`, async () => {
        listed = (await this.members()).map((member) => member.name).sort().join(" ");
        return listed === wanted;
      }, withinMs);
    } catch (cause) {
      throw new Error(`${this.name} lists "${listed}" instead of "${wanted}":\n${this.said()}`, {
        cause,
      });
    }
  }

  /** The last events in short, for a failure's text. */
  said(): string {
    return this.events.slice(-25).map((event) =>
      `  ${event.event} ${event.message ?? event.member?.name ?? ""}`
    ).join("\n");
  }

  /** Kills the process if it is this node's own, else shuts the node down silently. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owned) await this.process.kill();
    else await this.shutdown().catch(() => {});
  }

  #happened(event: GoEvent): void {
    if (this.events.length < EVENTS_KEPT_MAX) this.events.push(event);
    for (const waiting of [...this.#waiting]) waiting(event);
  }

  #ask(command: GoCommand): Promise<RawAnswer> {
    return this.process.request({ ...command, node: this.name });
  }
}
