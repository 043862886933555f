/**
 * Decides who may call, on the accepting side.
 *
 * @module
 */

import { Code, ConnectError } from "@connectrpc/connect";
import { decodeBinaryHeader } from "@connectrpc/connect";
import { create } from "@bufbuild/protobuf";
import { type Address, formatAddress, parseAddress, type RpcSecurity } from "../../mod.ts";
import {
  type ChallengeRequest,
  type ChallengeResponse,
  ChallengeResponseSchema,
  type LinkProof,
  LinkProofSchema,
} from "../../proto/gen/cluster/v1/link_pb.ts";
import { AUDIENCE_LENGTH_MAX, isNonce, PROOF_HEADER, proveLink, sameSecret } from "./link_proof.ts";
import { Nonces } from "./nonces.ts";
import { proofKeys } from "./proof_keys.ts";

const PROOF_HEADER_LENGTH_MAX = 1024;

/**
 * Who may call: a client certificate suffices where TLS demands one (the handshake has checked it by then); else a proof
 * of a link key, the token's among them, or the token itself as bearer. With nothing configured everybody may.
 */
export class Authenticator {
  readonly #security: RpcSecurity;
  readonly #audience: (() => readonly Address[]) | undefined;
  readonly #nonces: Nonces = new Nonces();

  /** With `audience`, only proofs for one of these addresses count. Throws `RangeError` for an empty token. */
  constructor(security: RpcSecurity, audience?: () => readonly Address[]) {
    if (security.token === "") {
      throw new RangeError(
        "Cannot authenticate RPC as the token is empty: leave it out or set one",
      );
    }
    this.#security = security;
    this.#audience = audience;
  }

  /** Answers a challenge; throws `ConnectError` when there is nothing to prove here. */
  challenge(request: ChallengeRequest): ChallengeResponse {
    const keys = proofKeys(this.#security);
    if (keys.length === 0) {
      throw new ConnectError("this node has no link key", Code.FailedPrecondition);
    }
    if (!isNonce(request.diallerNonce)) {
      throw new ConnectError("the dialler's nonce must have 16 to 64 bytes", Code.InvalidArgument);
    }
    if (!this.#isForUs(request.audience)) {
      throw new ConnectError("the audience is another address", Code.PermissionDenied);
    }
    const acceptorNonce = this.#nonces.issue(request.diallerNonce);
    const { diallerNonce, audience } = request;
    const proofs = keys.map((key) =>
      proveLink(key, { role: "acceptor", diallerNonce, acceptorNonce, audience })
    );
    return create(ChallengeResponseSchema, { acceptorNonce, proofs });
  }

  /** Lets a caller pass or throws `ConnectError` `Unauthenticated`, whose text holds no secret. */
  admit(header: Headers): void {
    if (this.#security.tls?.clientAuth === true) return;
    const keys = proofKeys(this.#security);
    if (keys.length === 0) return;
    if (this.#hasToken(header.get("authorization"))) return;
    const proof = header.get(PROOF_HEADER);
    if (proof !== null && this.#isProven(proof, keys)) return;
    throw new ConnectError(
      proof === null && !header.has("authorization") ? "no credentials" : "wrong credentials",
      Code.Unauthenticated,
    );
  }

  #hasToken(authorization: string | null): boolean {
    const { token } = this.#security;
    if (token === undefined || authorization === null) return false;
    const match = /^Bearer +(.+)$/i.exec(authorization);
    return match !== null && sameSecret(match[1] as string, token);
  }

  #isProven(header: string, keys: readonly Uint8Array[]): boolean {
    const claim = decodeProof(header);
    if (claim === undefined || !isNonce(claim.diallerNonce)) return false;
    const { diallerNonce, acceptorNonce, audience, proof } = claim;
    if (!this.#nonces.isFresh(acceptorNonce, diallerNonce) || !this.#isForUs(audience)) {
      return false;
    }
    const transcript = { role: "dialler", diallerNonce, acceptorNonce, audience } as const;
    let matches = false;
    for (const key of keys) {
      if (sameSecret(proveLink(key, transcript), proof)) matches = true;
    }
    return matches && this.#nonces.redeem(acceptorNonce);
  }

  #isForUs(audience: string): boolean {
    if (audience.length > AUDIENCE_LENGTH_MAX) return false;
    if (this.#audience === undefined) return true;
    const asked = normalized(audience);
    return asked !== undefined && this.#audience().some((own) => normalized(own) === asked);
  }
}

function normalized(address: string): Address | undefined {
  const parsed = parseAddress(address);
  return parsed === undefined ? undefined : formatAddress(parsed.ip.toLowerCase(), parsed.port);
}

function decodeProof(header: string): LinkProof | undefined {
  if (header.length > PROOF_HEADER_LENGTH_MAX) return undefined;
  try {
    return decodeBinaryHeader(header, LinkProofSchema);
  } catch {
    return undefined;
  }
}
