/**
 * Keys, certificates and tokens.
 *
 * @module
 */

import type { CheckedValues } from "./check.ts";
import { decodeBase64 } from "./formats.ts";
import type { SecurityConfig, StatusConfig, TlsFiles } from "./resolved.ts";
import { ROOT } from "./schema.ts";

/** Shorter tokens are warned of: an acceptor proves its token to whoever asks (docs/protocol.md, "Link keys"). */
const TOKEN_LENGTH_MIN = 16;

/** Checks how the fields of `security` go together. */
export function resolveSecurity(values: CheckedValues, warnings: string[]): SecurityConfig {
  const verifyIncoming = values.flag("security.verify_incoming");
  const verifyOutgoing = values.flag("security.verify_outgoing");
  const gossipKeys = distinctKeys(values, warnings);
  if (gossipKeys.length > 0 && verifyIncoming && !verifyOutgoing) {
    values.refuse(
      "security.verify_outgoing",
      "current value is false while verify_incoming is true, so that nodes would refuse " +
        "each other's gossip, set verify_incoming to false too while keys are being rolled out",
    );
  }
  if (gossipKeys.length === 0) {
    for (const key of ["security.verify_incoming", "security.verify_outgoing"]) {
      if (values.given(key)) {
        warnings.push(`${ROOT}.${key} has no effect without security.gossip_keys`);
      }
    }
  }
  const token = values.textIfGiven("security.token");
  if (token !== undefined && token.length < TOKEN_LENGTH_MIN) {
    warnings.push(
      `${ROOT}.security.token has fewer than ${TOKEN_LENGTH_MIN} characters, whoever reaches the RPC ` +
        "port can try guesses offline: take a random one",
    );
  }
  return { gossipKeys, verifyIncoming, verifyOutgoing, tls: tls(values), token };
}

function distinctKeys(values: CheckedValues, warnings: string[]): readonly Uint8Array[] {
  const seen = new Map<string, number>();
  const keys: Uint8Array[] = [];
  for (const [index, text] of values.list("security.gossip_keys").entries()) {
    const bytes = decodeBase64(text) as Uint8Array;
    const identity = bytes.join();
    const earlier = seen.get(identity);
    if (earlier === undefined) {
      seen.set(identity, index);
      keys.push(bytes);
    } else {
      const at = `${ROOT}.security.gossip_keys`;
      warnings.push(`${at}[${index}] repeats ${at}[${earlier}] and is left out`);
    }
  }
  return keys;
}

function tls(values: CheckedValues): TlsFiles | undefined {
  if (!values.given("security.tls")) return undefined;
  const caFile = values.textIfGiven("security.tls.ca_file");
  const clientAuth = values.flag("security.tls.client_auth");
  if (clientAuth && caFile === undefined) {
    values.refuse(
      "security.tls.ca_file",
      "it is missing while client_auth is true, name the CA that client certificates come from",
    );
  }
  return {
    certFile: values.text("security.tls.cert_file"),
    keyFile: values.text("security.tls.key_file"),
    caFile,
    clientAuth,
  };
}

/** Checks how the fields of `status` go together. */
export function resolveStatus(values: CheckedValues, warnings: string[]): StatusConfig {
  const adminToken = values.textIfGiven("status.admin_token");
  const readToken = values.textIfGiven("status.read_token");
  if (adminToken !== undefined && adminToken === readToken) {
    warnings.push(`${ROOT}.status.read_token is the admin_token, so that readers may write too`);
  }
  return {
    port: values.number("status.port"),
    ip: values.textIfGiven("status.bind_addr") ?? values.text("bind_addr"),
    adminToken,
    readToken,
  };
}
