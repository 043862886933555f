/**
 * An HTTP/2 server with a stop that works, the same on Node, Deno and Bun.
 *
 * `node:http2` speaks the protocol but never listens: connections come from our own listener, since that is where the
 * GOAWAY guard fits in, and since a server of its own cannot be told to end its sessions.
 *
 * @module
 */

import * as http2 from "node:http2";
import type { Socket } from "node:net";
import { type Address, formatAddress } from "../../mod.ts";
import { widenConnection } from "../_http2/client_session.ts";
import { GoawayGuard } from "../_http2/goaway_guard.ts";
import { keepAlive } from "../_http2/keep_alive.ts";
import { listen, type Listener, type ListenerOptions } from "./listener.ts";
import type { ConnectRpcConfig } from "./options.ts";

const STREAMS_MAX = 100;
const HEADER_BYTES_MAX = 16 * 1024;

/** Handles a request; MUST NOT throw. */
export type Http2Handler = (
  request: http2.Http2ServerRequest,
  response: http2.Http2ServerResponse,
) => void;

/** What is served, and where. */
export interface Http2ServerOptions
  extends Pick<ListenerOptions, "ip" | "port" | "tls" | "onRefused"> {
  readonly handler: Http2Handler;
  readonly config: ConnectRpcConfig;
}

interface SessionUse {
  calls: number;
  /** When it last had a call, or was opened. */
  idleSince: number;
}

/** A running server. */
export class Http2Server {
  readonly #options: Http2ServerOptions;
  readonly #http2: http2.Http2Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #sessions: Map<http2.Http2Session, SessionUse> = new Map();
  readonly #sweep: ReturnType<typeof setInterval>;
  #listener: Listener | undefined;

  private constructor(options: Http2ServerOptions) {
    this.#options = options;
    const { idleMs, windowBytes } = options.config;
    this.#http2 = http2.createServer({
      settings: {
        enablePush: false,
        maxConcurrentStreams: STREAMS_MAX,
        maxHeaderListSize: HEADER_BYTES_MAX,
        initialWindowSize: windowBytes,
      },
    }, (request, response) => this.#handle(request, response));
    this.#http2.on("session", (session) => this.#keep(session));
    this.#http2.on("sessionError", () => {});
    this.#sweep = setInterval(() => this.#endIdle(), Math.max(5, Math.min(1000, idleMs / 2)));
    this.#sweep.unref();
  }

  /** Binds and serves; rejects with `ClusterError` `bind-failed` or `bad-config`, and nothing stays open then. */
  static async serve(options: Http2ServerOptions): Promise<Http2Server> {
    const server = new Http2Server(options);
    try {
      server.#listener = await listen({
        ip: options.ip,
        port: options.port,
        tls: options.tls,
        connectionsMax: options.config.connectionsMax,
        onSocket: (socket) => server.#accept(socket),
        onRefused: options.onRefused,
      });
    } catch (error) {
      clearInterval(server.#sweep);
      throw error;
    }
    return server;
  }

  /** The bound address. */
  get local(): Address {
    return (this.#listener as Listener).local;
  }

  /** Takes no more connections; those open go on. */
  stopListening(): void {
    this.#listener?.close();
    clearInterval(this.#sweep);
  }

  /** Asks every session to end; resolves when all have, or destroys what is left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.stopListening();
    const closed = Promise.all(
      [...this.#sockets].map((socket) =>
        new Promise<void>((resolve) => socket.once("close", () => resolve()))
      ),
    );
    for (const session of this.#sessions.keys()) session.close();
    const timer = setTimeout(() => this.#destroyAll(), graceMs);
    await closed;
    clearTimeout(timer);
  }

  #destroyAll(): void {
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { config, onRefused } = this.#options;
    if (this.#sockets.size >= config.connectionsMax) {
      onRefused(addressOf(socket), "too many connections");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#http2.emit(
      "connection",
      config.goawayGuard ? new GoawayGuard(socket, { preface: true }) : socket,
    );
  }

  #keep(session: http2.Http2Session): void {
    const { config } = this.#options;
    this.#sessions.set(session, { calls: 0, idleSince: performance.now() });
    session.on("error", () => {});
    session.once("close", () => this.#sessions.delete(session));
    widenConnection(session, config.windowBytes);
    keepAlive(session, config, () => session.destroy());
  }

  #handle(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
    const { session } = request.stream;
    const use = session === undefined ? undefined : this.#sessions.get(session);
    if (use !== undefined) {
      use.calls++;
      request.stream.once("close", () => {
        use.calls--;
        use.idleSince = performance.now();
      });
    }
    request.stream.on("error", () => {});
    this.#options.handler(request, response);
  }

  /** Also ends those that connected and never said anything sensible. */
  #endIdle(): void {
    const latest = performance.now() - this.#options.config.idleMs;
    for (const [session, use] of this.#sessions) {
      if (use.calls === 0 && use.idleSince < latest) session.destroy();
    }
  }
}

/** The other end of a socket or of a guarded one. */
export function addressOf(socket: Pick<Socket, "remoteAddress" | "remotePort">): Address {
  return formatAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
}
