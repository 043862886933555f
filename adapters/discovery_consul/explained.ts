/**
 * Says in our terms why a call of the agent failed.
 *
 * @module
 */

import { ClusterError, type ClusterErrorCode } from "../../mod.ts";
import type { ResolvedConsul } from "./options.ts";

/** How much of the agent's own words is passed on. */
const WORDS_CHARS_MAX = 160;

/** What was tried. */
export interface Deed {
  /** The words after `Cannot`. */
  readonly attempt: string;
  /** The ACL rules that it takes. */
  readonly rules: string;
  /** An answer with this status is as good as success. */
  readonly harmlessStatus?: number;
}

/** Why `deed` failed. No `cause` is attached: it holds the request, and with it the token. */
export function explained(options: ResolvedConsul, deed: Deed, error: unknown): ClusterError {
  if (ClusterError.is(error)) return error;
  const { isTimeout, isCodec, code } = error as Partial<PackageError>;
  const status = statusOf(error);
  if (status !== undefined) return answered(options, deed, status, wordsOf(options, error));
  if (isTimeout === true) {
    return failed(options, deed, "timeout", "it did not answer in time, check that it is well");
  }
  if (isCodec === true) return failed(options, deed, "bad-data", NO_CONSUL);
  const name = typeof code === "string" ? code : "an unknown error";
  if (name === "EMSGSIZE") {
    return failed(options, deed, "bad-data", "its answer is longer than 16 MiB, check the service");
  }
  if (/CERT|SSL|TLS|SIGN|EPROTO/.test(name)) {
    const cure = "check the certificate, the CA file, and whether the port serves TLS";
    return failed(options, deed, "refused", `TLS failed with ${name}, ${cure}`);
  }
  return failed(
    options,
    deed,
    "unreachable",
    `the connection failed with ${name}, check that the agent runs`,
  );
}

/** An answer that is none of Consul's. */
export const NO_CONSUL = "its answer is not Consul's, check the address";

/** A failure of `deed` for the reason `why`, cure included. */
export function failed(
  options: ResolvedConsul,
  deed: Deed,
  code: ClusterErrorCode,
  why: string,
): ClusterError {
  const { host, port } = options;
  const place = JSON.stringify(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  return new ClusterError(code, `Cannot ${deed.attempt} at ${place}: ${why}`);
}

/** The HTTP status, where the agent answered. */
export function statusOf(error: unknown): number | undefined {
  const { isResponse, statusCode } = error as Partial<PackageError>;
  return isResponse === true ? statusCode : undefined;
}

/** What the package rejects with. */
interface PackageError {
  readonly isResponse: boolean;
  readonly statusCode: number;
  readonly isTimeout: boolean;
  readonly isCodec: boolean;
  readonly code: unknown;
  readonly response: { readonly body?: unknown };
}

function answered(
  options: ResolvedConsul,
  deed: Deed,
  status: number,
  words: string,
): ClusterError {
  if (status === 403 || status === 401) {
    const why = /ACL not found|does not exist/i.test(words)
      ? "it does not know the token, check it"
      : `the token lacks a rule, give it ${deed.rules}`;
    return failed(options, deed, "refused", why);
  }
  const told = words === "" ? "" : ` (${words})`;
  const code = status >= 500 || status === 429 ? "unreachable" : "refused";
  return failed(options, deed, code, `it answered ${status}${told}, check the agent's log`);
}

/** The agent's words in one line, without the token should it repeat it. */
function wordsOf({ token }: ResolvedConsul, error: unknown): string {
  const body = (error as Partial<PackageError>).response?.body;
  const text = typeof body === "string" || body instanceof Uint8Array ? textOf(body) : "";
  return (token === undefined ? text : text.replaceAll(token, "..."))
    .replace(/[^\x20-\x7e]+/g, " ").trim().slice(0, WORDS_CHARS_MAX);
}

function textOf(body: string | Uint8Array): string {
  const some = body.slice(0, 4 * WORDS_CHARS_MAX);
  return typeof some === "string" ? some : new TextDecoder().decode(some);
}
