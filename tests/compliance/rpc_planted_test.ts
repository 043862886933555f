/**
 * Proves the RPC suite: each planted bug must be caught by the case that is there for it.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LinkFrame, LinkStream, Rpc, RpcServeOptions } from "../../mod.ts";
import { connectRpc } from "../../adapters/connect/mod.ts";
import { rpcCases } from "../../src/testing/compliance/rpc.ts";
import { mute, poke } from "./rpc_raw_sockets.ts";
import { testTls } from "./rpc_tls_files.ts";

const sound = connectRpc();

/** `sound` with another way to serve, or other streams at the dialling side. */
function broken(
  serve: (options: RpcServeOptions) => Partial<RpcServeOptions>,
  stream: (link: LinkStream) => LinkStream = (link) => link,
): Rpc {
  return {
    serve: (options) => sound.serve({ ...options, ...serve(options) }),
    dial: async (to, options) => stream(await sound.dial(to, options)),
  };
}

function plant(bug: string, rpc: Rpc, claim: string): void {
  it(`${bug} is caught by "${claim}"`, async () => {
    const judging = rpcCases({ rpc, tls: testTls(), poke, mute })
      .filter((one) => one.claim === claim);
    assert.equal(judging.length, 1);
    await assert.rejects(judging[0]!.run(), (error: Error) => error.message.includes(claim));
  });
}

const asIs = (): Partial<RpcServeOptions> => ({});

describe("a planted bug in an RPC implementation", () => {
  plant(
    "a token that is not looked at",
    broken(({ security: { token: _, ...security } }) => ({ security })),
    "refuses a caller without credentials where a token is set",
  );
  plant(
    "keys that are not looked at",
    broken(({ security }) => ({ security: { ...security, linkKeys: () => [] } })),
    "refuses a caller without credentials where keys are set",
  );
  plant(
    "only the primary key is accepted",
    broken(({ security }) => ({
      security: { ...security, linkKeys: () => security.linkKeys().slice(0, 1) },
    })),
    "accepts any key of the acceptor's ring",
  );
  plant(
    "client certificates that are asked for and not checked",
    broken(({ security }) => ({
      security: security.tls === undefined
        ? security
        : { ...security, tls: { ...security.tls, clientAuth: false } },
    })),
    "refuses a client certificate of another CA",
  );
  plant(
    "an audience that is not looked at",
    broken(() => ({ audience: () => ["127.0.0.1:1"] })),
    "accepts a proof for one of the addresses it goes by",
  );
  plant(
    "a send that never waits",
    broken(asIs, (link) => changed(link, { send: neverWaiting(link) })),
    "lets a dialler stall while the acceptor does not read",
  );
  plant(
    "two frames swapped",
    broken(asIs, (link) => changed(link, { send: swapping(link) })),
    "delivers frames in order, both ways at once",
  );
  plant(
    "a send that fails in silence",
    broken(asIs, (link) => changed(link, { send: (frame) => link.send(frame).catch(() => {}) })),
    "tells a dialler that only sends when the acceptor is gone",
  );
  plant(
    "an error that quotes the token",
    {
      ...sound,
      dial: (to, options) =>
        sound.dial(to, options).catch((error) => {
          error.message += ` with ${options.security.token}`;
          throw error;
        }),
    },
    "refuses another token of the same length",
  );
});

function changed(link: LinkStream, change: Partial<LinkStream>): LinkStream {
  return {
    remote: link.remote,
    frames: link.frames,
    send: (f) => link.send(f),
    close: () => link.close(),
    ...change,
  };
}

/** Keeps what the stream does not take, without bound. */
function neverWaiting(link: LinkStream): LinkStream["send"] {
  let last: Promise<void> = Promise.resolve();
  return (frame) => {
    last = last.then(() => link.send(frame)).catch(() => {});
    return Promise.resolve();
  };
}

function swapping(link: LinkStream): LinkStream["send"] {
  let held: LinkFrame | undefined;
  return async (frame) => {
    if (held === undefined) {
      held = frame;
      return;
    }
    await link.send(frame);
    await link.send(held);
    held = undefined;
  };
}
