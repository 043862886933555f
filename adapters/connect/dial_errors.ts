/**
 * Says in our terms why a link could not be opened.
 *
 * @module
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { type Address, ClusterError, type ClusterErrorCode } from "../../mod.ts";

const REFUSALS: Readonly<Partial<Record<Code, string>>> = {
  [Code.Unauthenticated]: "it does not accept our credentials, check the security settings",
  [Code.PermissionDenied]:
    "it says that another node was meant, check which addresses are advertised",
  [Code.Unimplemented]: "it serves no cluster links, check the port",
  [Code.InvalidArgument]: "it does not take the call, check the versions of both nodes",
  [Code.FailedPrecondition]: "it does not take the call, check the versions of both nodes",
  [Code.ResourceExhausted]: "it has too much to do",
};

/** The dial did not get as far as a socket. */
export function connectError(to: Address, cause: unknown): ClusterError {
  const why = `connecting failed with ${systemCode(cause)}, check that the node runs`;
  return dialError("unreachable", to, why, cause);
}

/** The TLS handshake failed. */
export function tlsError(to: Address, cause: unknown): ClusterError {
  const why = `TLS failed with ${systemCode(cause)}, check security.tls on both nodes`;
  return dialError("refused", to, why, cause);
}

/**
 * The connection was lost before the link was open. With `hasSpoken` false the peer took the connection and ended it
 * before it said anything in HTTP/2: one that wants TLS, or another client certificate, can say so in no other way.
 */
export function lostError(to: Address, cause: unknown, hasSpoken: boolean): ClusterError {
  const code = systemCode(cause);
  if (hasSpoken) return dialError("unreachable", to, `the connection broke with ${code}`, cause);
  const why = `it took the connection and ended it at once with ${code}, check security.tls`;
  return dialError("refused", to, why, cause);
}

/**
 * A call failed. Takes over the code of the peer and never its words, and attaches no `cause`: a hostile peer could
 * echo what we sent it.
 */
export function callError(to: Address, error: unknown): ClusterError {
  if (ClusterError.is(error)) return error;
  const code = error instanceof ConnectError ? error.code : Code.Unknown;
  if (code === Code.DeadlineExceeded) return dialError("timeout", to, "it took too long");
  const refusal = REFUSALS[code];
  return refusal === undefined
    ? dialError("unreachable", to, `the call failed with gRPC status ${code}`)
    : dialError("refused", to, refusal);
}

/** Any failure of a dial. */
export function dialError(
  code: ClusterErrorCode,
  to: Address,
  why: string,
  cause?: unknown,
): ClusterError {
  const message = `Cannot open a link to "${to}": ${why}`;
  return new ClusterError(code, message, cause === undefined ? {} : { cause });
}

/** The code of a system or TLS error: short, and never anything secret. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
