import type { MiddlewareHandler } from "hono";
import { parseAddress } from "../../mod.ts";
import { hasBearer } from "./bearer.ts";
import { problem } from "./problem.ts";

/** What the host hands to the app with each request. */
export interface WriterGuardEnv {
  /** Hono's name for what comes with a request. */
  readonly Bindings: { readonly remote?: string | undefined };
}

/** Headers that proxies add: then the socket's peer is not the caller. */
const FORWARDING = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/**
 * Lets admins pass: with a token configured, its bearer; without one, only callers whose socket and `Host` are
 * loopback and that no proxy forwards, so that neither a page in a browser nor a neighbour gets in.
 */
export function writerGuard(adminToken: string | undefined): MiddlewareHandler<WriterGuardEnv> {
  return async (c, next) => {
    if (adminToken !== undefined) {
      if (await hasBearer(c.req.header("authorization"), [adminToken])) return await next();
      return problem(401, "This page needs the admin token: set the header Authorization", {
        "www-authenticate": "Bearer",
      });
    }
    const local = isLoopback(parseAddress(c.env?.remote ?? "")?.ip ?? "") &&
      isLoopbackHost(c.req.header("host") ?? "") &&
      FORWARDING.every((name) => c.req.header(name) === undefined);
    if (local) return await next();
    return problem(
      403,
      "This page is for callers on this machine: set cluster_config.status.admin_token to allow others",
    );
  };
}

function isLoopback(ip: string): boolean {
  return ip === "::1" || /^127\./.test(ip);
}

function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name);
}
