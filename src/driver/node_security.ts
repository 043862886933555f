/**
 * Keys and certificates of both planes: gossip keys at run time, and what the RPC plane derives from them.
 *
 * @module
 */

import type { SecurityConfig } from "../config/resolved.ts";
import { Keyring } from "../core/wire/keyring.ts";
import type { RpcSecurity, RpcTls } from "../ports/rpc.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { NodeKeys } from "./cluster_node.ts";
import { deriveLinkKey } from "./link_keys.ts";

/** Keys that rotate while the node runs. */
export class NodeSecurity implements NodeKeys {
  readonly keyring: Keyring;
  readonly rpc: RpcSecurity;
  /** Derived keys by the hex of the gossip key. */
  readonly #derived: Map<string, Uint8Array> = new Map();
  #linkKeys: readonly Uint8Array[] = [];

  private constructor(keyring: Keyring, tls: RpcTls | undefined, token: string | undefined) {
    this.keyring = keyring;
    this.rpc = {
      ...(tls === undefined ? {} : { tls }),
      ...(token === undefined ? {} : { token }),
      linkKeys: () => this.#linkKeys,
    };
  }

  /** Reads the certificate files and derives the first keys; rejects with `bad-data` naming a file it can't read. */
  static async load(
    config: SecurityConfig,
    runtime: Pick<Runtime, "files" | "sealer">,
  ): Promise<NodeSecurity> {
    const { gossipKeys, token } = config;
    const keyring = new Keyring((key) => runtime.sealer.aesGcm(key), gossipKeys, gossipKeys[0]);
    const security = new NodeSecurity(keyring, await readTls(config, runtime), token);
    await security.#derive();
    return security;
  }

  get size(): number {
    return this.keyring.size;
  }

  async add(key: Uint8Array): Promise<void> {
    // Derived first: from the moment gossip accepts the key, links accept it too.
    this.#derived.set(hex(key), await deriveLinkKey(key));
    this.keyring.add(key);
    await this.#derive();
  }

  async use(key: Uint8Array): Promise<void> {
    this.keyring.use(key);
    await this.#derive();
  }

  async remove(key: Uint8Array): Promise<void> {
    this.keyring.remove(key);
    await this.#derive();
  }

  async #derive(): Promise<void> {
    const keys = this.keyring.list();
    for (const key of keys) {
      if (!this.#derived.has(hex(key))) this.#derived.set(hex(key), await deriveLinkKey(key));
    }
    const current = this.keyring.list().map(hex);
    for (const known of [...this.#derived.keys()]) {
      if (!current.includes(known)) this.#derived.delete(known);
    }
    this.#linkKeys = current.map((key) => this.#derived.get(key)).filter((key) =>
      key !== undefined
    );
  }
}

/** What the log should say about the RPC plane's protection; `undefined` when there is nothing to warn of. */
export function securityWarning(security: NodeSecurity): string | undefined {
  const { tls, token } = security.rpc;
  const isAuthenticated = tls?.clientAuth === true || token !== undefined || security.size > 0;
  const isEncrypted = tls !== undefined;
  if (isAuthenticated && isEncrypted) return undefined;
  if (isAuthenticated) {
    return "RPC is authenticated but not encrypted: set cluster_config.security.tls to encrypt it";
  }
  return isEncrypted
    ? "RPC is open though encrypted: TLS keeps nobody out as client_auth is false, " +
      "set cluster_config.security.tls.client_auth, .gossip_keys or .token"
    : "RPC is open: whoever reaches its port is let in, " +
      "set cluster_config.security.gossip_keys or .token, or .tls with client_auth";
}

async function readTls(
  { tls }: SecurityConfig,
  { files }: Pick<Runtime, "files">,
): Promise<RpcTls | undefined> {
  if (tls === undefined) return undefined;
  const [cert, key, ca] = await Promise.all([
    files.readText(tls.certFile),
    files.readText(tls.keyFile),
    tls.caFile === undefined ? undefined : files.readText(tls.caFile),
  ]);
  return { cert, key, ...(ca === undefined ? {} : { ca }), clientAuth: tls.clientAuth };
}

function hex(key: Uint8Array): string {
  return [...key].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
