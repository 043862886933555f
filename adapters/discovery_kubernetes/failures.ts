/**
 * What went wrong with the API server, in sentences that say what to do.
 *
 * @module
 */

import { ClusterError, type ClusterErrorCode } from "../../mod.ts";
import { part } from "./pod.ts";

/** What can be done with pods here. */
export type Verb = "list" | "watch";

/** Of what the server says, so much is told on. */
const TOLD_CHARS_MAX = 300;

/** A failure without its beginning, `Cannot list pods …`, which {@linkcode explained} adds. */
export function failed(code: ClusterErrorCode, what: string): ClusterError {
  return new ClusterError(code, what);
}

/** What a status other than 200 means; `body` is what came with it. */
export function statusFailure(status: number, body: string, verb: Verb, who: string): ClusterError {
  const message = messageOf(body);
  const told = message === "" ? "" : ` (${message})`;
  if (status === 401) return failed("refused", `${who} is not accepted, renew it${told}`);
  if (status === 403) {
    const user = /[Uu]ser "([^"]{1,250})"/.exec(message)?.[1];
    return failed(
      "refused",
      `${user === undefined ? who : `user "${user}"`} may not "${verb}" the resource "pods", ` +
        "bind a Role with the verbs get, list and watch on pods to it",
    );
  }
  if (status === 410 || status === 429 || status >= 500) {
    return failed("unreachable", `the API server answers ${status}${told}, look at its log`);
  }
  if (status >= 400) {
    return failed("refused", `the API server answers ${status}${told}, check the label selector`);
  }
  return failed("bad-data", `it answers ${status}, which no API server does, check the address`);
}

/** Whatever went wrong, as what the caller of a session catches. */
export function explained(attempt: string, error: unknown): ClusterError {
  if (ClusterError.is(error)) {
    const isWhole = error.message.startsWith("Cannot ");
    const message = isWhole
      ? `${attempt}: ${error.message.slice(error.message.indexOf(": ") + 2)}`
      : `${attempt}: ${error.message}`;
    return new ClusterError(codeOf(error.code), message, { cause: error });
  }
  const reason = reasonOf(error);
  return isDistrust(error, reason)
    ? new ClusterError(
      "refused",
      `${attempt}: its certificate is not accepted (${reason}), check the CA and the address`,
      { cause: error },
    )
    : new ClusterError(
      "unreachable",
      `${attempt}: ${reason}, check that the API server runs and lets this node through`,
      { cause: error },
    );
}

/** Credentials that can't be read now may be there soon. */
function codeOf(code: ClusterErrorCode): ClusterErrorCode {
  return code === "bad-config" ? "refused" : code;
}

function isDistrust(error: unknown, reason: string): boolean {
  const code = String(part(error, "code") ?? "");
  return /CERT|SELF_SIGNED|VERIFY|ALTNAME/.test(code) || /certificate|altname/i.test(reason);
}

/** One that failed on all addresses of a name holds their reasons, and no own. */
function reasonOf(error: unknown): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = [error, inner].map((one) => one instanceof Error ? one.message : "").find(
    Boolean,
  );
  return (message ?? String(error)).split("\n", 1)[0]!.slice(0, TOLD_CHARS_MAX);
}

/** The `message` of a Kubernetes Status, printable. */
function messageOf(body: string): string {
  let message: unknown;
  try {
    message = part(JSON.parse(body), "message");
  } catch {
    message = undefined;
  }
  return typeof message === "string"
    ? message.replace(/[^\x20-\x7e]+/g, " ").trim().slice(0, TOLD_CHARS_MAX)
    : "";
}
