/**
 * Servers that take etcd's port and are not etcd, or not well.
 *
 * @module
 */

import * as http2 from "node:http2";
import { createServer, type Server, type Socket } from "node:net";

/** What an impostor does with a call: `path` is such as `/etcdserverpb.KV/Range`. */
export type OnCall = (stream: http2.ServerHttp2Stream, path: string) => void;

/** A server on loopback; disposal ends it with all its connections. */
export class Impostor implements AsyncDisposable {
  /** Calls so far, by path. */
  readonly calls: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#sockets.delete(socket));
      onSocket(socket);
    });
  }

  /** One that is given bytes. */
  static async ofBytes(onSocket: (socket: Socket) => void): Promise<Impostor> {
    return await new Impostor(onSocket).#listen();
  }

  /** One that speaks gRPC as far as to be given calls. */
  static async ofCalls(onCall: OnCall): Promise<Impostor> {
    const h2 = http2.createServer();
    const impostor: Impostor = new Impostor((socket) => h2.emit("connection", socket));
    h2.on("sessionError", () => {});
    h2.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      const path = String(headers[":path"]);
      impostor.calls.push(path);
      onCall(stream, path);
    });
    return await impostor.#listen();
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as { readonly port: number }).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }
}

const HEADERS = { ":status": 200, "content-type": "application/grpc" };

/** Answers with messages, and ends the call well. */
export function answer(stream: http2.ServerHttp2Stream, ...messages: readonly Uint8Array[]): void {
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  for (const message of messages) stream.write(framed(message));
  stream.end();
}

/** Begins an answer that does not end. */
export function begin(stream: http2.ServerHttp2Stream, ...messages: readonly Uint8Array[]): void {
  stream.respond(HEADERS);
  for (const message of messages) stream.write(framed(message));
}

/** Ends the call with a gRPC status. */
export function refuse(stream: http2.ServerHttp2Stream, status: number, message: string): void {
  const trailers = { ...HEADERS, "grpc-status": String(status), "grpc-message": message };
  stream.respond(trailers, { endStream: true });
}

/** A message as gRPC frames it; `length` other than its own is a lie. */
export function framed(message: Uint8Array, length = message.length): Uint8Array {
  const frame = new Uint8Array(5 + message.length);
  new DataView(frame.buffer).setUint32(1, length);
  frame.set(message, 5);
  return frame;
}
