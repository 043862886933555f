/** @module */

import type { ResolvedConfig } from "../config/resolved.ts";
import type { WireConfig } from "../core/wire/contract.ts";
import type { Keyring } from "../core/wire/keyring.ts";

/** The layers around gossip as a configuration asks for them. */
export function wireConfig({ gossip, security }: ResolvedConfig, keyring: Keyring): WireConfig {
  return {
    label: gossip.label,
    skipInboundLabelCheck: false,
    keyring,
    verifyIncoming: security.verifyIncoming,
    verifyOutgoing: security.verifyOutgoing,
    compression: true,
    protocolVersion: 2,
  };
}
