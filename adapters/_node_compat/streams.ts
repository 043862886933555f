/** @module */

import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type Address,
  ClusterError,
  formatAddress,
  parseAddress,
  type StreamListenOptions,
  type Streams,
} from "../../mod.ts";
import { bindFailed } from "./bind_failed.ts";
import { SocketStream } from "./socket_stream.ts";

/** Accepted connections that may be open at once when nothing else is asked for. */
const STREAMS_MAX = 1_024;

/** TCP over `node:net`. */
export function nodeStreams(): Streams {
  return {
    async listen(options) {
      const { ip, port } = options;
      const accepted = new Set<Socket>();
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        accept(socket, accepted, options);
      });
      const bound = await listening(server, ip, port);
      server.on(
        "error",
        (error) => options.onRefused?.(undefined, `accept failed: ${error.message}`),
      );
      let disposed: Promise<void> | undefined;
      return {
        local: formatAddress(ip, bound),
        [Symbol.asyncDispose]() {
          disposed ??= new Promise((resolve) => {
            server.close(() => resolve());
            for (const socket of accepted) socket.destroy();
          });
          return disposed;
        },
      };
    },
    dial: (to, { timeoutMs, signal }) => dial(to, timeoutMs, signal),
  };
}

function accept(
  socket: Socket,
  accepted: Set<Socket>,
  { onStream, onRefused, streamsMax = STREAMS_MAX }: StreamListenOptions,
): void {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.on("error", () => {});
    socket.destroy();
    onRefused?.(undefined, "the connection closed before it was accepted");
    return;
  }
  const remote = formatAddress(remoteAddress, remotePort);
  if (accepted.size >= streamsMax) {
    socket.on("error", () => {});
    socket.destroy();
    onRefused?.(remote, `${streamsMax} connections are open, the most that are allowed`);
    return;
  }
  accepted.add(socket);
  socket.once("close", () => accepted.delete(socket));
  onStream(new SocketStream(socket, remote));
}

function listening(server: Server, ip: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(bindFailed("TCP", ip, port, cause));
    server.once("error", fail);
    server.listen({ host: ip, port, exclusive: true }, () => {
      server.off("error", fail);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function dial(to: Address, timeoutMs: number, signal?: AbortSignal): Promise<SocketStream> {
  return new Promise((resolve, reject) => {
    const peer = parseAddress(to);
    if (signal?.aborted === true) return reject(aborted(to, signal));
    if (peer === undefined || peer.port === 0) {
      return reject(
        new ClusterError("unreachable", `Cannot connect to "${to}": it is not "ip:port"`),
      );
    }
    const socket = connect({ host: peer.ip, port: peer.port, allowHalfOpen: true, noDelay: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError);
    };
    const fail = (error: ClusterError): void => {
      settle();
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const onError = (cause: Error): void => {
      fail(new ClusterError("unreachable", `Cannot connect to ${to}: ${cause.message}`, { cause }));
    };
    const onAbort = (): void => fail(aborted(to, signal));
    const timer = setTimeout(() => {
      fail(
        new ClusterError("timeout", `Cannot connect to ${to}: no answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
    socket.once("error", onError);
    socket.once("connect", () => {
      settle();
      resolve(new SocketStream(socket, to));
    });
    signal?.addEventListener("abort", onAbort);
  });
}

function aborted(to: Address, signal: AbortSignal | undefined): ClusterError {
  return new ClusterError("aborted", `Cannot connect to ${to}: the caller gave up`, {
    cause: signal?.reason,
  });
}
