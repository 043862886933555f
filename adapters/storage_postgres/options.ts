/** @module */

import * as tls from "node:tls";
import { isIP } from "node:net";
import { ClusterError } from "../../mod.ts";

/** Where the database is and whose state is kept. */
export interface PostgresStorageOptions {
  /** Host name or address; a folder (`/run/postgresql`) for the Unix socket in it. */
  readonly host: string;
  /** The port of the server. @default {5432} */
  readonly port?: number;
  /** User name. */
  readonly user: string;
  /** Left out: none. */
  readonly password?: string | undefined;
  /** Name of the database; its encoding must be UTF8. */
  readonly database: string;
  /**
   * libpq's word. `disable`: no TLS. `prefer` and `allow`: TLS when the server has it. `require`: TLS, whoever answers.
   * `verify-ca`: TLS with a certificate of the authorities in `ca` (left out: the platform's). `verify-full`: and it
   * must be for `host`. With `ca`, `require` is `verify-ca`, as in libpq.
   *
   * @default {"prefer"}
   */
  readonly sslMode?: string;
  /** PEM of the certificate authorities that `verify-ca` and `verify-full` trust. */
  readonly ca?: string;
  /**
   * The node whose state this is. All nodes of a cluster may use one database: each keeps its own rows, and is alone in
   * writing them.
   */
  readonly nodeId: string;
  /**
   * How long a call tries to reach a server that is away (restarting, failing over) before it rejects.
   *
   * @default {10_000}
   */
  readonly retryForMs?: number;
}

/** The options with nothing left open. */
export interface ResolvedPostgres {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: PostgresSsl;
  readonly nodeId: string;
  readonly retryForMs: number;
}

/** TLS in the words of the `postgres` package. */
export type PostgresSsl = false | "prefer" | "require" | tls.ConnectionOptions;

/** Checks the options; throws `ClusterError` `bad-config` for an unknown `sslMode`. */
export function resolvePostgres(options: PostgresStorageOptions): ResolvedPostgres {
  const { host, port = 5432, user, password = "", database, nodeId, retryForMs = 10_000 } = options;
  const ssl = sslOf(options.sslMode ?? "prefer", host, options.ca);
  return { host, port, user, password, database, ssl, nodeId, retryForMs };
}

/** Certificates are checked against the host that was configured, an address too. */
function sslOf(mode: string, host: string, ca: string | undefined): PostgresSsl {
  const verified = {
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: true,
  };
  switch (mode) {
    case "disable":
      return false;
    case "allow":
    case "prefer":
      return "prefer";
    case "require":
      return ca === undefined ? "require" : sslOf("verify-ca", host, ca);
    case "verify-ca":
      return { ...verified, checkServerIdentity: () => undefined };
    case "verify-full":
      return {
        ...verified,
        checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate),
      };
  }
  throw new ClusterError(
    "bad-config",
    `Cannot use the ssl mode ${JSON.stringify(mode)}: libpq knows no such word, ` +
      "say disable, allow, prefer, require, verify-ca or verify-full",
  );
}
