/**
 * What stands before the Consul agent in tests: counts questions and connections, and fails or falls silent on demand.
 *
 * @module
 */

import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { SourceState } from "../../src/testing/compliance/mod.ts";

/** A reverse proxy on loopback; disposal ends it with all connections. */
export class ConsulGate implements AsyncDisposable {
  readonly #agentPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #passed: string[] = [];
  #state: SourceState = "well";

  private constructor(agentPort: number) {
    this.#agentPort = agentPort;
    this.#server = createServer((question, answer) => this.#pass(question, answer));
    // Blocking queries may take longer than a server waits by default.
    this.#server.requestTimeout = 0;
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** Listens before the agent at this port. */
  static async open(agentPort: number): Promise<ConsulGate> {
    const gate = new ConsulGate(agentPort);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  /** Method and path of every question, oldest first. */
  get passed(): readonly string[] {
    return this.#passed;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** What is under way breaks; what comes meets the new state. */
  turn(state: SourceState): void {
    this.#state = state;
    this.cut();
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #pass(question: IncomingMessage, answer: ServerResponse): void {
    const { method = "GET", url = "/", headers } = question;
    this.#passed.push(`${method} ${url}`);
    if (this.#state === "silent") return;
    if (this.#state === "failing") {
      answer.writeHead(500, { "content-type": "text/plain" }).end("No cluster leader");
      return;
    }
    const onward = request({
      port: this.#agentPort,
      host: "127.0.0.1",
      method,
      path: url,
      headers,
    });
    onward.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    question.pipe(onward);
  }
}
