/**
 * One HTTP/2 session over one socket.
 *
 * @module
 */

import * as http2 from "node:http2";
import type { Socket } from "node:net";
import { GoawayGuard } from "./goaway_guard.ts";
import { keepAlive, type KeepAliveConfig } from "./keep_alive.ts";

/** How a session is kept. */
export interface ClientSessionConfig extends KeepAliveConfig {
  /** Drop inbound GOAWAY frames before `node:http2` sees them, see `goaway_guard.ts`. */
  readonly goawayGuard: boolean;
  /** Flow control window of a stream and of the connection. */
  readonly windowBytes: number;
}

/** What happened to the session. */
export interface ClientSessionEvents {
  /** The peer takes no more streams; those open go on. */
  readonly onGoaway: () => void;
  /** A call is over, in both directions; told for each. */
  readonly onCallClose: () => void;
  /** The connection is gone. */
  readonly onClose: (error: unknown) => void;
}

/**
 * A session over a socket that is connected already. It is what connect-node calls a session manager, but never
 * reconnects: what breaks is dialled anew, on a new session.
 */
export class ClientSession {
  /** Scheme, host and port, as connect-node compares it. */
  readonly authority: string;
  readonly #session: http2.ClientHttp2Session;
  readonly #socket: Socket;
  readonly #onCallClose: () => void;
  #error: unknown;
  #hasSpoken = false;

  /** Takes over `socket`. */
  constructor(
    socket: Socket,
    authority: string,
    config: ClientSessionConfig,
    events: ClientSessionEvents,
  ) {
    this.authority = authority;
    this.#socket = socket;
    const { onGoaway, onClose } = events;
    this.#onCallClose = events.onCallClose;
    const wire = config.goawayGuard
      ? new GoawayGuard(socket, { preface: false, onGoaway })
      : socket;
    this.#session = http2.connect(authority, {
      createConnection: () => wire,
      settings: { enablePush: false, initialWindowSize: config.windowBytes },
    });
    const widen = (): void => widenConnection(this.#session, config.windowBytes);
    this.#session.once("connect", widen);
    this.#session.once("goaway", onGoaway);
    this.#session.once("remoteSettings", () => {
      this.#hasSpoken = true;
    });
    this.#session.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      this.destroy();
      onClose(this.#error ?? new Error("closed by the peer"));
    };
    this.#session.once("close", close);
    socket.once("close", close);
    keepAlive(this.#session, config, () => {
      this.#error ??= new Error("no answer to a ping");
      this.destroy();
    });
  }

  /** Whether the peer has said anything in HTTP/2. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** For connect-node. */
  request(
    method: string,
    path: string,
    headers: http2.OutgoingHttpHeaders,
    options: http2.ClientSessionRequestOptions,
  ): Promise<http2.ClientHttp2Stream> {
    return new Promise((resolve) => {
      // Said explicitly: left alone, Node and Deno drop the brackets of an IPv6 address.
      const authority = this.authority.slice(this.authority.indexOf("//") + 2);
      const all = { ...headers, ":method": method, ":path": path, ":authority": authority };
      const stream = this.#session.request(all, options);
      stream.once("close", this.#onCallClose);
      resolve(stream);
    });
  }

  /** For connect-node; our pings do not depend on it. */
  notifyResponseByteRead(): void {}

  /** Destroys the socket: no GOAWAY goes out, which would crash an unguarded Deno peer. Harmless twice. */
  destroy(): void {
    this.#socket.destroy();
    if (!this.#session.destroyed) this.#session.destroy();
  }
}

/** Widens the window of the whole connection, which settings cannot do, where the runtime can. */
export function widenConnection(session: http2.Http2Session, windowBytes: number): void {
  if (session.destroyed) return;
  const widenable: { setLocalWindowSize?: (bytes: number) => void } = session;
  widenable.setLocalWindowSize?.(windowBytes);
}
