/**
 * An HTTPS server on loopback that answers as a test wants: like an API server, or like nothing that a session should
 * believe.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import { join } from "node:path";
import { ROOT } from "../../../tools/project.ts";

/** One question that came. */
export interface Question {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

/** Answers one question. */
export type Script = (question: Question, answer: ServerResponse) => void;

/** Answers by scripts; disposal closes all connections. */
export class ScriptedApi implements AsyncDisposable {
  readonly port: number;
  /** Every question so far. */
  readonly questions: Question[] = [];
  /** Watches that are open, the newest last. */
  readonly watches: ServerResponse[] = [];
  /** What `list` answers. */
  pods: readonly unknown[] = [];
  /** The version of the list. */
  version = "1";
  /** Answers lists. */
  onList: Script = (_question, answer) => sendList(answer, this.pods, this.version);
  /** Answers watches. */
  onWatch: Script = (_question, answer) => this.openWatch(answer);
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(server: Server, port: number, sockets: ReadonlySet<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
    server.on("request", (request, answer) => this.#answer(request, answer));
  }

  /** Serves with a certificate of `tests/fixtures/tls`. */
  static start(certificate = "node"): Promise<ScriptedApi> {
    const file = (name: string): string =>
      readFileSync(join(ROOT, "tests/fixtures/tls", `${certificate}.${name}`), "utf8");
    return new Promise((resolve, reject) => {
      const server = createServer({ cert: file("pem"), key: file("key.pem") });
      const sockets = new Set<Socket>();
      server.on("secureConnection", (socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.once("close", () => sockets.delete(socket));
      });
      server.on("tlsClientError", () => {});
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as { readonly port: number };
        resolve(new ScriptedApi(server, port, sockets));
      });
    });
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Begins the answer of a watch. */
  openWatch(answer: ServerResponse): void {
    answer.writeHead(200, { "content-type": "application/json" });
    answer.flushHeaders();
    this.watches.push(answer);
    answer.once("close", () => this.watches.splice(this.watches.indexOf(answer), 1));
  }

  /** Tells an event to the newest watch. */
  tell(type: string, object: unknown): void {
    this.watches.at(-1)?.write(`${JSON.stringify({ type, object })}\n`);
  }

  /** How many questions were watches. */
  get watchesAsked(): number {
    return this.questions.filter(({ query }) => query.has("watch")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, answer: ServerResponse): void {
    answer.on("error", () => {});
    const url = new URL(request.url ?? "/", "https://127.0.0.1");
    const { authorization } = request.headers;
    const question = { path: url.pathname, query: url.searchParams, authorization };
    this.questions.push(question);
    (question.query.has("watch") ? this.onWatch : this.onList)(question, answer);
  }
}

/** A list of pods. */
export function sendList(answer: ServerResponse, items: readonly unknown[], version: string): void {
  sendJson(answer, 200, { kind: "PodList", metadata: { resourceVersion: version }, items });
}

/** What the API server sends with a status that is no success. */
export function sendStatus(answer: ServerResponse, code: number, message: string): void {
  sendJson(answer, code, { kind: "Status", status: "Failure", message, code });
}

/** Any JSON. */
export function sendJson(answer: ServerResponse, status: number, value: unknown): void {
  answer.writeHead(status, { "content-type": "application/json" });
  answer.end(JSON.stringify(value));
}

/** A pod as the API server tells it; `changes` are laid over its status. */
export function podAt(
  name: string,
  ip: string,
  changes: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    metadata: { name, uid: `uid-of-${name}`, resourceVersion: "2" },
    spec: { containers: [{ ports: [{ name: "gossip", containerPort: 7946 }] }] },
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: "Ready", status: "True" }],
      ...changes,
    },
  };
}
