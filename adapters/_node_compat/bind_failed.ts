/** @module */

import { ClusterError, formatAddress } from "../../mod.ts";

/** What the systems' error codes, and Deno's error names, mean for the person who reads the log. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken, stop what holds it or choose another port",
  AddrInUse: "the port is taken, stop what holds it or choose another port",
  EADDRNOTAVAIL: "no interface of this machine has the address, choose one that it has",
  AddrNotAvailable: "no interface of this machine has the address, choose one that it has",
  EACCES: "this user may not bind the port, choose one above 1023",
  PermissionDenied: "this user may not bind the port, choose one above 1023",
  NotCapable: "the process lacks the permission, start it with --allow-net",
};

/** The `bind-failed` error for a socket of `kind`, with the cause in words. */
export function bindFailed(
  kind: "UDP" | "TCP" | "HTTP",
  ip: string,
  port: number,
  cause: unknown,
): ClusterError {
  const { code, name, message } = cause as Partial<Record<"code" | "name" | "message", string>>;
  const reason = REASONS[code ?? ""] ?? REASONS[name ?? ""] ?? message ?? String(cause);
  return new ClusterError(
    "bind-failed",
    `Cannot bind ${kind} ${formatAddress(ip, port)}: ${reason}`,
    { cause },
  );
}
