/**
 * Checks certificates before they are used.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { ClusterError, type RpcTls } from "../../mod.ts";

/**
 * Throws `ClusterError` `bad-config` for material that cannot work. The runtimes would say so in different ways, some
 * only to the first caller; and some of their errors quote what they could not read, so that none is passed on.
 */
export function checkTls({ cert, key, ca, clientAuth }: RpcTls): void {
  const certificate = attempt("the certificate is not PEM", () => new X509Certificate(cert));
  const privateKey = attempt("the key is not PEM", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw unusable("the key is not the certificate's");
  if (ca !== undefined) attempt("the CA is not PEM", () => new X509Certificate(ca));
  else if (clientAuth) throw unusable("client certificates need a CA to check them with");
}

function attempt<T>(problem: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw unusable(problem);
  }
}

function unusable(problem: string): ClusterError {
  return new ClusterError("bad-config", `Cannot use security.tls: ${problem}, check the files`);
}
