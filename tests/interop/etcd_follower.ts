/**
 * Uses a session of discovery as a node does: asks again and again, and announces itself until it is forgotten and then
 * again.
 *
 * @module
 */

import {
  etcdDiscovery,
  type EtcdDiscoveryOptions,
} from "../../adapters/discovery_etcd/etcd_discovery.ts";
import {
  ClusterError,
  type DiscoverySelf,
  type DiscoverySession,
  type Runtime,
} from "../../mod.ts";
import { eventually } from "../eventually.ts";

const RETRY_MS = 200;

/** Those of the provider, with a service and a short timeout filled in. */
export type FollowerOptions =
  & Partial<EtcdDiscoveryOptions>
  & Pick<EtcdDiscoveryOptions, "endpoints">;

/** A node's side of discovery; disposal says goodbye to nobody. */
export class EtcdFollower implements AsyncDisposable {
  /** Node ids of the last answer, in order. */
  found: readonly string[] = [];
  answers = 0;
  /** What `next` and `announce` were rejected with. */
  readonly rejections: ClusterError[] = [];
  /** What was logged. */
  readonly lines: string[] = [];
  readonly forgotten: string[] = [];
  readonly self: DiscoverySelf;
  readonly #stop = new AbortController();
  #session: DiscoverySession | undefined;
  #asking: Promise<void> | undefined;
  #announcing: Promise<void> = Promise.resolve();

  private constructor(nodeId: string) {
    this.self = {
      nodeId,
      bootId: `${nodeId}-1`,
      region: "here",
      ip: "127.0.0.1",
      port: 10_101,
      rpcPort: 10_102,
      capabilities: [],
      version: "1.2.3",
    };
  }

  /** Begins to ask. */
  static async start(
    runtime: Runtime,
    nodeId: string,
    options: FollowerOptions,
  ): Promise<EtcdFollower> {
    const follower = await EtcdFollower.idle(runtime, nodeId, options);
    follower.#asking = follower.#ask();
    return follower;
  }

  /** Opens a session, for which the first endpoint is the first; asks nothing until `askOnce` is called. */
  static async idle(
    runtime: Runtime,
    nodeId: string,
    options: FollowerOptions,
  ): Promise<EtcdFollower> {
    const follower = new EtcdFollower(nodeId);
    const provider = etcdDiscovery({ serviceName: "gw", timeoutMs: 2_000, ...options });
    follower.#session = await provider.open({
      runtime: { ...runtime, entropy: { ...runtime.entropy, seed: () => 0 } },
      self: follower.self,
      gossipKeys: () => [],
      say: (_level, message, fields) => {
        follower.lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
      },
      forgotten: (reason) => {
        follower.forgotten.push(reason);
        void follower.announce();
      },
    });
    return follower;
  }

  /** Waits for one answer. */
  askOnce(): Promise<void> {
    return this.#again(async (session, signal) => {
      const { candidates } = await session.next(signal);
      this.found = candidates.map(({ nodeId }) => nodeId ?? "?");
      this.answers++;
    });
  }

  /** Announces until it succeeds. */
  announce(): Promise<void> {
    return this.#announcing = this.#announcing.then(() => {
      return this.#again((session, signal) => session.announce!(signal));
    });
  }

  async withdraw(): Promise<void> {
    await this.#session!.withdraw!(AbortSignal.timeout(5_000));
  }

  /** Waits until exactly these nodes are found. */
  async finds(nodeIds: readonly string[], withinMs = 20_000): Promise<void> {
    const wanted = [...nodeIds].sort().join();
    await eventually(
      `${this.self.nodeId} finds ${wanted}: ${this.found}`,
      () => [...this.found].sort().join() === wanted,
      withinMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#session?.[Symbol.asyncDispose]();
    await this.#asking;
    await this.#announcing;
  }

  async #ask(): Promise<void> {
    while (!this.#stop.signal.aborted) await this.askOnce();
  }

  async #again(call: (session: DiscoverySession, signal: AbortSignal) => Promise<void>) {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await call(this.#session!, signal);
      } catch (error) {
        if (!ClusterError.is(error)) throw error;
        if (!signal.aborted) this.rejections.push(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
