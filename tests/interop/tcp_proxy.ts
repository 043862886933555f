/**
 * A TCP proxy on loopback that lets a test cut connections, refuse them, or let them fall silent.
 *
 * @module
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import type { SourceState } from "../../src/testing/compliance/mod.ts";

/** Stands before a server; disposal closes all connections. */
export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  /** How many connections were made so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #open = new Set<Socket>();
  #state: SourceState = "well";

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (client) => this.#accept(client));
  }

  /** Listens on a port of its own; `target` is a port of 127.0.0.1. */
  static start(target: number): Promise<TcpProxy> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as { readonly port: number };
        resolve(new TcpProxy(server, port, target));
      });
    });
  }

  /** How many connections of clients are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Ends all connections; from now on lets new ones through, ends them, or takes them and says nothing. */
  turn(state: SourceState): void {
    this.#state = state;
    this.cut();
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.turn("failing");
    await closed;
  }

  #accept(client: Socket): void {
    this.accepted++;
    client.on("error", () => {});
    if (this.#state === "failing") return void client.destroy();
    this.#open.add(client);
    client.once("close", () => this.#open.delete(client));
    if (this.#state === "silent") return void client.resume();
    const server = connect(this.#target, "127.0.0.1");
    server.on("error", () => client.destroy());
    server.once("close", () => client.destroy());
    client.once("close", () => server.destroy());
    client.pipe(server).pipe(client);
  }
}
