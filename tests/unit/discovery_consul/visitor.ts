/**
 * A session of the Consul discovery as a test holds it.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import {
  consulDiscovery,
  type ConsulDiscoveryOptions,
} from "../../../adapters/discovery_consul/consul_discovery.ts";
import {
  ClusterError,
  type DiscoveryAnswer,
  type DiscoverySelf,
  type DiscoverySession,
} from "../../../mod.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

/** A session, and what it has said. */
export class Visitor implements AsyncDisposable {
  readonly session: DiscoverySession;
  readonly self: DiscoverySelf;
  /** Messages to the log, with their fields. */
  readonly said: readonly string[];
  /** Reasons of `forgotten`. */
  readonly forgotten: readonly string[];
  readonly #closing = new AbortController();

  private constructor(
    session: DiscoverySession,
    self: DiscoverySelf,
    said: readonly string[],
    forgotten: readonly string[],
  ) {
    this.session = session;
    this.self = self;
    this.said = said;
    this.forgotten = forgotten;
  }

  /** Opens a session for a node. */
  static async open(
    options: ConsulDiscoveryOptions,
    changes: Partial<DiscoverySelf> = {},
  ): Promise<Visitor> {
    const self: DiscoverySelf = {
      nodeId: "gw-1",
      bootId: "boot-1",
      region: "eu",
      ip: "127.0.0.1",
      port: 1,
      rpcPort: 2,
      capabilities: ["ack:v1", "other:v2"],
      version: "1.2.3",
      ...changes,
    };
    const [said, forgotten]: [string[], string[]] = [[], []];
    const session = await consulDiscovery(options).open({
      runtime: await runtimeUnderTest(),
      self,
      gossipKeys: () => [],
      say: (level, message, fields = {}) => {
        said.push(`${level} ${message} ${JSON.stringify(fields)}`);
      },
      forgotten: (reason) => void forgotten.push(reason),
    });
    return new Visitor(session, self, said, forgotten);
  }

  /** The next answer. */
  next(): Promise<DiscoveryAnswer> {
    return this.session.next(this.#closing.signal);
  }

  /** Announces the node. */
  announce(): Promise<void> {
    return this.session.announce!(this.#closing.signal);
  }

  /** Takes it back. */
  withdraw(): Promise<void> {
    return this.session.withdraw!(this.#closing.signal);
  }

  /** Asks as the finder does, failures included, until `suits`; rejects after `withinMs`. */
  async until(
    claim: string,
    suits: (answer: DiscoveryAnswer) => boolean,
    withinMs = 20_000,
  ): Promise<DiscoveryAnswer> {
    const patience = AbortSignal.timeout(withinMs);
    for (let last = "there was no answer";;) {
      try {
        const answer = await this.session.next(patience);
        if (suits(answer)) return answer;
        last = JSON.stringify(answer);
      } catch (error) {
        if (!ClusterError.is(error)) throw error;
        if (!patience.aborted) last = error.message;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      if (patience.aborted) {
        throw new Error(`Waited ${withinMs} ms in vain until ${claim}: ${last}`);
      }
    }
  }

  /** Waits until a node of that id is listed, or is not. */
  async sees(nodeId: string, wanted = true): Promise<DiscoveryAnswer> {
    return await this.until(
      `${nodeId} is listed: ${wanted}`,
      ({ candidates }) => candidates.some((one) => one.nodeId === nodeId) === wanted,
    );
  }

  /** Closes the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }
}

/** Two ports that take connections, as a node's gossip and RPC ports do. */
export class TwoPorts implements AsyncDisposable {
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();

  private constructor(servers: readonly Server[]) {
    this.#servers = servers;
    for (const server of servers) {
      server.on("connection", (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => this.#sockets.delete(socket));
      });
    }
  }

  /** Listens on loopback. */
  static async open(): Promise<TwoPorts> {
    const servers = [createServer(), createServer()];
    for (const server of servers) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return new TwoPorts(servers);
  }

  /** Where they are, for a node that claims to be there. */
  get place(): { readonly port: number; readonly rpcPort: number } {
    const [port, rpcPort] = this.#servers.map((server) => {
      return (server.address() as { readonly port: number }).port;
    });
    return { port: port!, rpcPort: rpcPort! };
  }

  /** Closes the second alone. */
  async closeRpc(): Promise<void> {
    await this.#close(this.#servers[1]!);
  }

  /** Closes both. Harmless twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await this.#close(server);
  }

  async #close(server: Server): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
