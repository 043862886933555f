/**
 * The same security on both sides of a process boundary.
 *
 * @module
 */

import type { RpcSecurity } from "../../mod.ts";
import { testTls } from "../compliance/rpc_tls_files.ts";

/** What is tried between runtimes. */
export const CROSS_MODES: readonly string[] = ["open", "keys", "tls", "mtls"];

/** The security that `mode` names. */
export function crossSecurity(mode: string): RpcSecurity {
  const linkKeys = (): Uint8Array[] => mode === "keys" ? [new Uint8Array(32).fill(5)] : [];
  if (mode !== "tls" && mode !== "mtls") return { linkKeys };
  return { linkKeys, token: "t", tls: { ...testTls().node, clientAuth: mode === "mtls" } };
}
