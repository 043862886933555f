/**
 * Datagrams that a test can cut off.
 *
 * @module
 */

import type { Address } from "../../src/core/machine.ts";
import type { Datagrams } from "../../src/ports/datagrams.ts";

/** What becomes of our node's datagrams; the same shape as the Go side's. */
export interface OurUdp {
  readonly blockIn?: boolean;
  readonly blockOut?: boolean;
  /** Addresses whose datagrams are dropped both ways. */
  readonly blockPeers?: readonly Address[];
}

/** Wraps `inner`; `rules` is asked for every datagram. */
export function lossy(inner: Datagrams, rules: () => OurUdp): Datagrams {
  return {
    async bind(options) {
      const socket = await inner.bind({
        ...options,
        onFrame: (frame) => {
          const { blockIn, blockPeers } = rules();
          if (blockIn !== true && blockPeers?.includes(frame.from) !== true) options.onFrame(frame);
        },
      });
      return {
        local: socket.local,
        send(to, bytes) {
          const { blockOut, blockPeers } = rules();
          if (blockOut !== true && blockPeers?.includes(to) !== true) socket.send(to, bytes);
        },
        [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
      };
    },
  };
}
