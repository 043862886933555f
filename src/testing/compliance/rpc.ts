/** @module */

import type { Address } from "../../core/machine.ts";
import type { Rpc, RpcTls } from "../../ports/rpc.ts";
import { casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";
import { rpcHostileRules } from "./rpc_hostile.ts";
import { rpcLinkRules } from "./rpc_links.ts";
import { rpcSecurityRules } from "./rpc_security.ts";
import { rpcTlsRules } from "./rpc_tls.ts";

/** What is judged. */
export interface RpcSetup extends ComplianceSetup {
  readonly rpc: Rpc;
  /** An address that can be bound and dialled; default `127.0.0.1`. */
  readonly ip?: string;
  /** Certificates; without them TLS is not judged. */
  readonly tls?: RpcTestTls;
  /** Connects, writes the chunks, and resolves when the other side closed or nothing moved for `ms`. */
  readonly poke?: (to: Address, chunks: Iterable<Uint8Array>, ms: number) => Promise<void>;
  /** Finds an address that takes connections and never says a word; without it, timeouts are not judged. */
  readonly mute?: () => Promise<MuteAddress>;
}

/** Somebody who takes connections and never answers. */
export interface MuteAddress extends AsyncDisposable {
  readonly address: Address;
}

/** TLS material of three nodes; the `ca` of each is the one of `node`, and `clientAuth` is set by the cases. */
export interface RpcTestTls {
  /** Valid for the address under test. */
  readonly node: RpcTls;
  /** Of the same CA, but valid for another address. */
  readonly elsewhere: RpcTls;
  /** Of another CA, valid for the address under test. */
  readonly foreign: RpcTls;
}

/** The rules of {@linkcode Rpc}. */
export function rpcCases(setup: RpcSetup): ComplianceCase[] {
  return casesOf(setup, {
    ...rpcLinkRules(setup),
    ...rpcSecurityRules(setup),
    ...rpcTlsRules(setup),
    ...rpcHostileRules(setup),
  });
}
