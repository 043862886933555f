/**
 * The keys that links prove, see `docs/protocol.md`, "Link keys".
 *
 * @module
 */

import { hkdfSync } from "node:crypto";
import type { RpcSecurity } from "../../mod.ts";
import { LINK_KEYS_MAX } from "./link_proof.ts";

const INFO = "althing token link key v1";
const KEY_BYTES = 32;

/** What either side of a link may prove: the keys of the ring, primary first, then the token's; at most 16. */
export function proofKeys(security: RpcSecurity): readonly Uint8Array[] {
  const { token } = security;
  if (token === undefined) return security.linkKeys().slice(0, LINK_KEYS_MAX);
  return [...security.linkKeys().slice(0, LINK_KEYS_MAX - 1), tokenLinkKey(token)];
}

/**
 * The key with which links prove that their node holds `token`, so that it need not be said: HKDF-SHA256 (RFC 5869) of
 * its UTF-8 with an empty salt and the info string `althing token link key v1`.
 */
export function tokenLinkKey(token: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", token, "", INFO, KEY_BYTES));
}
