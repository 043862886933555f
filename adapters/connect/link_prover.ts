/**
 * Proves to the accepting side who we are.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, encodeBinaryHeader } from "@connectrpc/connect";
import type { Address, RpcSecurity } from "../../mod.ts";
import { LinkProofSchema, type LinkService } from "../../proto/gen/cluster/v1/link_pb.ts";
import { dialError } from "./dial_errors.ts";
import { isNonce, LINK_KEYS_MAX, PROOF_HEADER, proveLink, sameSecret } from "./link_proof.ts";
import { proofKeys } from "./proof_keys.ts";

const DIALLER_NONCE_BYTES = 32;

/** How to prove. */
export interface LinkProverOptions {
  readonly security: RpcSecurity;
  readonly to: Address;
  readonly signal: AbortSignal;
}

/**
 * The metadata that opens a link to `to`.
 *
 * Holding keys, it lets the acceptor prove one first. Only where the cluster's own CA has vouched for the acceptor
 * (TLS with `ca`) does the token itself go out, and may the proof be missing; everywhere else an acceptor that proves
 * none of our keys is refused and learns nothing: whoever joins the gossip may announce an RPC address, and anybody can
 * have a certificate of a public authority. Rejects with `ClusterError` `refused`, or with the `ConnectError` of the call.
 */
export async function linkCredentials(
  client: Client<typeof LinkService>,
  options: LinkProverOptions,
): Promise<Headers> {
  const { security } = options;
  const headers = new Headers();
  const isVouched = security.tls?.ca !== undefined;
  if (security.token !== undefined && isVouched) {
    headers.set("authorization", `Bearer ${security.token}`);
  }
  const keys = proofKeys(security);
  if (keys.length === 0) return headers;
  const proof = await provenBy(client, keys, options);
  if (proof !== undefined) {
    headers.set(PROOF_HEADER, proof);
  } else if (!isVouched) {
    throw dialError(
      "refused",
      options.to,
      "it proves none of our link keys, check that both nodes share a gossip key or the token",
    );
  }
  return headers;
}

/** The header value that proves the first key both sides hold; `undefined` when there is none. */
async function provenBy(
  client: Client<typeof LinkService>,
  keys: readonly Uint8Array[],
  options: LinkProverOptions,
): Promise<string | undefined> {
  const diallerNonce = new Uint8Array(randomBytes(DIALLER_NONCE_BYTES));
  const audience = options.to;
  const answer = await client.challenge({ diallerNonce, audience }, { signal: options.signal })
    .catch((error) => {
      const { code } = ConnectError.from(error);
      if (code === Code.FailedPrecondition || code === Code.Unimplemented) return undefined;
      throw error;
    });
  if (answer === undefined || !isNonce(answer.acceptorNonce)) return undefined;
  const nonces = { diallerNonce, acceptorNonce: answer.acceptorNonce, audience };
  const proofs = answer.proofs.slice(0, LINK_KEYS_MAX);
  for (const key of keys) {
    const expected = proveLink(key, { role: "acceptor", ...nonces });
    if (!proofs.some((proof) => sameSecret(proof, expected))) continue;
    const proof = proveLink(key, { role: "dialler", ...nonces });
    return encodeBinaryHeader(create(LinkProofSchema, { ...nonces, proof }), LinkProofSchema);
  }
  return undefined;
}
