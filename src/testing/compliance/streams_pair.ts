/** @module */

import type { ByteStream, StreamListener, Streams } from "../../ports/streams.ts";

/** Both ends of one connection. */
export interface StreamPair extends AsyncDisposable {
  /** The end that dialled. */
  readonly near: ByteStream;
  /** The end that was accepted. */
  readonly far: ByteStream;
  readonly listener: StreamListener;
}

/** Listens at `ip` and dials it. */
export async function openPair(streams: Streams, ip: string): Promise<StreamPair> {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => accept = resolve);
  const listener = await streams.listen({ ip, port: 0, onStream: (stream) => accept(stream) });
  const near = await streams.dial(listener.local, { timeoutMs: 5_000 });
  const far = await accepted;
  return {
    near,
    far,
    listener,
    async [Symbol.asyncDispose](): Promise<void> {
      near.destroy();
      far.destroy();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** All bytes until the end, or the first `count`. */
export async function readBytes(stream: ByteStream, count: number = Infinity): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream.chunks) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
