/**
 * The application plane: one bidirectional stream of link frames per directed link, over gRPC.
 *
 * @module
 */

import type { LinkFrame } from "../core/replication/frames.ts";
import type { Address, Millis } from "../core/machine.ts";

/** One bidirectional stream of frames. Both directions keep their order; a break loses what was not acknowledged. */
export interface LinkStream {
  /** The other end's address. */
  readonly remote: Address;
  /** Writes one frame; resolves when the stream can take more (flow control reaches the peer). Rejects once broken. */
  send(frame: LinkFrame): Promise<void>;
  /** Frames in order; ends when the peer ends or the stream breaks. Frames that do not decode end the stream. */
  readonly frames: AsyncIterable<LinkFrame>;
  /** Ends both directions. Harmless twice. */
  close(): void;
}

/** PEM texts. */
export interface RpcTls {
  /** The certificate chain. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** Trust anchors for the other side. */
  readonly ca?: string;
  /** Server side: demand a client certificate of `ca`. */
  readonly clientAuth: boolean;
}

/** Who may talk to us, and how we prove ourselves. Secrets are functions so that rotation takes effect at once. */
export interface RpcSecurity {
  /** Encryption and certificates; left out: plain text. */
  readonly tls?: RpcTls;
  /**
   * Secret shared by tools and peers (`security.token`). Tools send it as bearer; links prove it as they prove a link
   * key, and say it only to a server that the CA of `tls` vouches for.
   */
  readonly token?: string;
  /**
   * Keys derived from the gossip ring, primary first (HKDF, see `docs/protocol.md`); empty: none. With keys and no
   * client certificates, links prove by HMAC over both sides' nonces that they hold one.
   */
  linkKeys(): readonly Uint8Array[];
}

/** Standard gRPC health, as told by the node. */
export type RpcHealth = () => "serving" | "not-serving";

/** How to serve. */
export interface RpcServeOptions {
  /** The local IP; `0.0.0.0` and `::` mean all interfaces. */
  readonly ip: string;
  /** The local port; 0 lets the system choose. */
  readonly port: number;
  /** Who may call. */
  readonly security: RpcSecurity;
  /** Asked for every health check. */
  readonly health: RpcHealth;
  /**
   * The addresses under which peers dial this node. When given, a link proof made for another address is refused, so
   * that whoever inherits the address of a dead node can't pass a peer's proof on to us; left out: not checked.
   */
  readonly audience?: () => readonly Address[];
  /** Called for every authenticated link. MUST NOT throw; the stream ends when the promise settles. */
  readonly onLink: (stream: LinkStream) => Promise<void>;
  /** Told of refused callers, for counters and the log; carries no secret. */
  readonly onRefused?: (from: Address, reason: string) => void;
}

/** A running RPC server. Disposal ends its streams within `graceMs` and closes its sockets. */
export interface RpcServer extends AsyncDisposable {
  /** The bound address, real port included. */
  readonly local: Address;
}

/** How to dial. */
export interface RpcDialOptions {
  /** How to prove ourselves. */
  readonly security: RpcSecurity;
  /** For connecting and authenticating together. */
  readonly timeoutMs: Millis;
  /** Gives up early; without effect on an open link. */
  readonly signal?: AbortSignal;
}

/** gRPC over HTTP/2 with real trailers. */
export interface Rpc {
  /** Serves the link service, standard health and server reflection; rejects with `bind-failed` when the port is taken. */
  serve(options: RpcServeOptions): Promise<RpcServer>;
  /** Opens an authenticated link; rejects with `ClusterError` `unreachable`, `timeout`, `refused` or `aborted`. */
  dial(to: Address, options: RpcDialOptions): Promise<LinkStream>;
}
