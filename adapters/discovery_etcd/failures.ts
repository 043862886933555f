/**
 * Says in our terms what went wrong at etcd.
 *
 * @module
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { ClusterError, type ClusterErrorCode } from "../../mod.ts";

/** What to do after a failed call. */
export type Failure =
  /** Another member may do better: so it is with all but an answer of etcd. */
  | "elsewhere"
  /** Every member would say the same. */
  | "refused"
  /** The token has expired: a new one may do. */
  | "token"
  /** There is no such lease. */
  | "lease";

/** What etcd refuses everywhere. */
const REFUSALS: readonly Code[] = [
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.Unauthenticated,
];

/** Tells failures of a call apart. */
export function failureOf(error: unknown): Failure {
  const words = wordsOf(error);
  if (/invalid auth token|revision of auth store is old/.test(words)) return "token";
  if (/requested lease not found/.test(words)) return "lease";
  return error instanceof ConnectError && REFUSALS.includes(error.code) ? "refused" : "elsewhere";
}

/** Why, in a few words: those of etcd itself where they are known, else a code. */
export function reasonOf(error: unknown): string {
  if (ClusterError.is(error)) return error.message;
  const words = wordsOf(error);
  if (words !== "") return JSON.stringify(words);
  if (error instanceof ConnectError) return `gRPC status ${Code[error.code] ?? error.code}`;
  return systemCode(error);
}

/** Any failure, in one sentence. */
export function etcdError(
  code: ClusterErrorCode,
  deed: string,
  state: string,
  cure: string,
): ClusterError {
  return new ClusterError(code, `Cannot ${deed}: ${state}, ${cure}`);
}

/** The code of a system or TLS error: short, and never anything secret. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "an unknown error";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** What etcd says of itself (its `rpctypes`). Other words are not passed on: whoever answers could echo what we sent. */
const WORDS: readonly string[] = [
  "authentication failed, invalid user ID or password",
  "authentication is not enabled",
  "corrupt cluster",
  "invalid auth token",
  "leader changed",
  "mvcc: database space exceeded",
  "mvcc: required revision has been compacted",
  "no leader",
  "not capable",
  "permission denied",
  "request is too large",
  "request timed out",
  "requested lease not found",
  "revision of auth store is old",
  "rpc not supported for learner",
  "server stopped",
  "too many requests",
  "unhealthy cluster",
  "user name is empty",
];

/** The words of etcd in a message, as it says them; empty when there are none that it is known to say. */
export function knownWords(message: string): string {
  const found = WORDS.find((words) => message.includes(words));
  return found === undefined ? "" : `etcdserver: ${found}`;
}

function wordsOf(error: unknown): string {
  return error instanceof ConnectError ? knownWords(error.rawMessage) : "";
}
