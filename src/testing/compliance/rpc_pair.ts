/** @module */

import type { LinkFrame } from "../../core/replication/frames.ts";
import type { LinkStream, RpcSecurity, RpcServeOptions, RpcServer } from "../../ports/rpc.ts";
import type { RpcSetup } from "./rpc.ts";

/** Nothing configured: everybody may call. */
export const OPEN: RpcSecurity = { linkKeys: () => [] };

/** A server that keeps the links it accepted. */
export interface LinkHost extends AsyncDisposable {
  readonly server: RpcServer;
  /** Accepted links, in order; each stays open until it is closed or `release` is called. */
  readonly accepted: LinkStream[];
  /** Reasons of refusals, in order. */
  readonly refused: string[];
  /** Lets `onLink` return for all links accepted so far. */
  release(): void;
}

/** Serves at the address under test. */
export async function hostLinks(
  setup: RpcSetup,
  security: RpcSecurity = OPEN,
  more: Partial<RpcServeOptions> = {},
): Promise<LinkHost> {
  const accepted: LinkStream[] = [];
  const refused: string[] = [];
  let releases: (() => void)[] = [];
  const server = await setup.rpc.serve({
    ip: setup.ip ?? "127.0.0.1",
    port: 0,
    security,
    health: () => "serving",
    onLink: (stream) => {
      accepted.push(stream);
      return new Promise((resolve) => releases.push(resolve));
    },
    onRefused: (_from, reason) => void refused.push(reason),
    ...more,
  });
  const release = (): void => {
    for (const one of releases) one();
    releases = [];
  };
  return {
    server,
    accepted,
    refused,
    release,
    async [Symbol.asyncDispose](): Promise<void> {
      release();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Both ends of one link. */
export interface LinkPair extends AsyncDisposable {
  readonly dialler: LinkStream;
  readonly acceptor: LinkStream;
  readonly host: LinkHost;
}

/** Serves and dials. */
export async function openLink(
  setup: RpcSetup,
  security: RpcSecurity = OPEN,
): Promise<LinkPair> {
  const host = await hostLinks(setup, security);
  try {
    const dialler = await setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
    const acceptor = host.accepted[0];
    if (acceptor === undefined) throw new Error("dial resolved before onLink was called");
    return {
      dialler,
      acceptor,
      host,
      async [Symbol.asyncDispose](): Promise<void> {
        dialler.close();
        await host[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

/** A batch with one entry. */
export function batch(sequence: number, entry: Uint8Array = new Uint8Array()): LinkFrame {
  return { frame: { case: "batch", value: { sequence, entries: [entry], snapshotEnd: false } } };
}

/** An acknowledgement. */
export function ack(sequence: number): LinkFrame {
  return { frame: { case: "ack", value: { sequence, refused: [] } } };
}

/** Reads until `count` frames or the end. */
export async function readFrames(stream: LinkStream, count: number): Promise<LinkFrame[]> {
  const frames: LinkFrame[] = [];
  if (count === 0) return frames;
  for await (const frame of stream.frames) {
    frames.push(frame);
    if (frames.length >= count) break;
  }
  return frames;
}

/** Sequence numbers of batches and acknowledgements. */
export function sequencesOf(frames: readonly LinkFrame[]): number[] {
  return frames.map(({ frame }) =>
    frame.case === "batch" || frame.case === "ack" ? frame.value.sequence : -1
  );
}
