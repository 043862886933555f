/**
 * One connection to one member of etcd: all calls and the watch share it.
 *
 * @module
 */

import type { Socket } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { ClusterError } from "../../mod.ts";
import {
  Auth,
  KV,
  Lease,
  type LeaseKeepAliveRequest,
  LeaseKeepAliveRequestSchema,
  Watch,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
} from "../../proto/gen/etcd/etcd_pb.ts";
import { create } from "@bufbuild/protobuf";
import { ClientSession } from "../_http2/client_session.ts";
import type { Endpoint } from "./endpoint.ts";
import { etcdError, systemCode } from "./failures.ts";

/** A message above it ends its call. Ten thousand nodes have room in half of it. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** etcd takes offence at more than a PING in five seconds. */
const SESSION = { windowBytes: 1024 * 1024, keepAliveMs: 10_000, keepAliveTimeoutMs: 5_000 };

/** What calls carry. */
export interface CallOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Calls to one member, until the connection is lost; it never comes back. */
export class EtcdConnection {
  readonly endpoint: Endpoint;
  readonly kv: Client<typeof KV>;
  readonly lease: Client<typeof Lease>;
  readonly auth: Client<typeof Auth>;
  /** Of this connection; empty: none. */
  token: string = "";
  readonly #watch: Client<typeof Watch>;
  readonly #session: ClientSession;
  readonly #lost = new AbortController();

  /** Takes over `socket`. */
  constructor(endpoint: Endpoint, socket: Socket, goawayGuard: boolean) {
    this.endpoint = endpoint;
    this.#session = new ClientSession(socket, endpoint.text, { ...SESSION, goawayGuard }, {
      // The member is shutting down: its streams are about to end, and another member has more to tell.
      onGoaway: () => this.#lose("it is shutting down"),
      onCallClose: () => {},
      onClose: (error) => {
        const code = systemCode(error);
        this.#lose(
          this.#session.hasSpoken
            ? `the connection broke with ${code}`
            : `it took the connection and ended it with ${code}, check whether it wants TLS`,
        );
      },
    });
    const transport = createGrpcTransport({
      baseUrl: this.#session.authority,
      sessionManager: this.#session,
      acceptCompression: [],
      readMaxBytes: MESSAGE_BYTES_MAX,
      writeMaxBytes: MESSAGE_BYTES_MAX,
    });
    this.kv = createClient(KV, transport);
    this.lease = createClient(Lease, transport);
    this.auth = createClient(Auth, transport);
    this.#watch = createClient(Watch, transport);
  }

  /** Aborts when the connection is lost, with a `ClusterError` that says why. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** What every call carries: the token, and that a member without a leader shall not serve it. */
  get headers(): Readonly<Record<string, string>> {
    return { hasleader: "true", ...(this.token === "" ? {} : { token: this.token }) };
  }

  /** Watches the keys from `key` to `rangeEnd` from `revision` on, until `signal` aborts. */
  watch(
    key: Uint8Array,
    rangeEnd: Uint8Array,
    revision: bigint,
    signal: AbortSignal,
  ): AsyncIterator<WatchResponse> {
    const request = create(WatchRequestSchema, {
      requestUnion: {
        case: "createRequest",
        value: { key, rangeEnd, startRevision: revision },
      },
    });
    const { headers } = this;
    return this.#watch.watch(heldOpen(request, signal), { headers, signal })[
      Symbol.asyncIterator
    ]();
  }

  /** Renews a lease once; the seconds it has left, 0 when there is none any more. */
  async renew(id: bigint, options: CallOptions): Promise<number> {
    const request = create(LeaseKeepAliveRequestSchema, { ID: id });
    let seconds: bigint | undefined;
    for await (const answer of this.lease.leaseKeepAlive(once(request), options)) {
      seconds = answer.TTL;
    }
    if (seconds === undefined) {
      throw etcdError("bad-data", "renew a lease", "etcd did not answer", "check its version");
    }
    return Number(seconds);
  }

  /** Ends the connection; harmless twice. */
  close(why = "it was closed"): void {
    this.#lose(why);
  }

  #lose(why: string): void {
    if (this.#lost.signal.aborted) return;
    this.#lost.abort(this.#lossError(why));
    this.#session.destroy();
  }

  #lossError(why: string): ClusterError {
    return etcdError("unreachable", `use etcd at ${this.endpoint.text}`, why, "check that it runs");
  }
}

async function* once(request: LeaseKeepAliveRequest): AsyncGenerator<LeaseKeepAliveRequest> {
  yield request;
}

/** etcd ends a watch whose requests have ended. */
async function* heldOpen(
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchRequest> {
  yield request;
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
