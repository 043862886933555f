/**
 * The accepting side of links.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { ContextKey } from "@connectrpc/connect";
import type { Address, RpcServeOptions } from "../../mod.ts";
import {
  type ExchangeRequest,
  type ExchangeResponse,
  ExchangeResponseSchema,
  LinkService,
} from "../../proto/gen/cluster/v1/link_pb.ts";
import type { Authenticator } from "./authenticator.ts";
import { encodeResponse } from "./frame_codec.ts";
import { FrameStream } from "./link_stream.ts";
import type { ConnectRpcConfig } from "./options.ts";
import { Outbox } from "./outbox.ts";

/** Largest message of callers that need no credentials. */
export const STRANGERS_BYTES_MAX = 4096;

/** The caller's address, set for every call. */
export const callerKey: ContextKey<Address> = createContextKey<Address>("");

/** The open links of a server. */
export class LinkAcceptor {
  readonly #onLink: RpcServeOptions["onLink"];
  readonly #config: ConnectRpcConfig;
  readonly #open: Map<FrameStream<ExchangeResponse>, Promise<void>> = new Map();

  /** `onLink` is told of every caller the router lets pass. */
  constructor(onLink: RpcServeOptions["onLink"], config: ConnectRpcConfig) {
    this.#onLink = onLink;
    this.#config = config;
  }

  /** Adds the link service. */
  route(router: ConnectRouter, authenticator: Authenticator): void {
    router.rpc(LinkService.method.challenge, (request) => authenticator.challenge(request), {
      readMaxBytes: STRANGERS_BYTES_MAX,
    });
    router.rpc(
      LinkService.method.exchange,
      (requests, context) => this.#exchange(requests, context),
    );
  }

  /** Closes all links; resolves when those who use them are done. */
  async close(): Promise<void> {
    for (const stream of this.#open.keys()) stream.close();
    await Promise.all(this.#open.values());
  }

  async *#exchange(
    requests: AsyncIterable<ExchangeRequest>,
    context: HandlerContext,
  ): AsyncGenerator<ExchangeResponse> {
    const outgoing = new Outbox<ExchangeResponse>();
    const stream: FrameStream<ExchangeResponse> = new FrameStream({
      remote: context.values.get(callerKey),
      outgoing,
      incoming: requests[Symbol.asyncIterator](),
      encode: (frame) => encodeResponse(frame, this.#config.messageBytesMax),
      onClosed: () => {},
    });
    const onGone = (): void => stream.break();
    context.signal.addEventListener("abort", onGone, { once: true });
    if (context.signal.aborted) onGone();
    this.#open.set(stream, this.#run(stream));
    try {
      // Empty: tells the dialler that it is admitted, and sends the headers.
      yield create(ExchangeResponseSchema);
      yield* outgoing;
    } finally {
      context.signal.removeEventListener("abort", onGone);
      stream.break();
    }
  }

  async #run(stream: FrameStream<ExchangeResponse>): Promise<void> {
    try {
      await this.#onLink(stream);
    } catch {
      // The port forbids it; one link ends, the server goes on.
    } finally {
      stream.close();
      this.#open.delete(stream);
    }
  }
}
