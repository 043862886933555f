/** @module */

import { ClusterError, type Millis, parseHostPort } from "../../mod.ts";

/** Which agent, which service, and how patiently. */
export interface ConsulDiscoveryOptions {
  /** The name that is registered and asked for; the id is `<serviceName>-<node id>`. */
  readonly serviceName: string;
  /**
   * The HTTP address of the agent that checks this node, best the one on the same machine: `host:port`, with `https://`
   * in front for TLS.
   *
   * @default {"localhost:8500"}
   */
  readonly address?: string;
  /** ACL token; left out: the agent's default token. Needs `service "<serviceName>" { policy = "write" }` and `node_prefix "" { policy = "read" }`. */
  readonly token?: string | undefined;
  /** The datacenter whose catalog is asked; left out: the agent's own, where this node is registered in any case. */
  readonly datacenter?: string | undefined;
  /** Path of a PEM file with the certificate authorities to trust instead of the system's; turns TLS on. */
  readonly caFile?: string | undefined;
  /**
   * What a call may take that the agent should answer at once.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: Millis;
  /**
   * How long the agent holds a question back while there is no news: 1 s to 10 min. It ends each wait up to a sixteenth
   * later, and an agent that died without a word is noticed no earlier.
   *
   * @default {60_000}
   */
  readonly waitMs?: Millis;
  /**
   * How often the agent connects to our two ports, and how long it waits for one.
   *
   * @default {10_000}
   */
  readonly checkIntervalMs?: Millis;
  /**
   * How long a port may stay closed before the agent forgets the service; agents take less than a minute for a minute
   * and look every 30 s.
   *
   * @default {60_000}
   */
  readonly deregisterAfterMs?: Millis;
}

/** The options with nothing left open. */
export interface ResolvedConsul {
  readonly serviceName: string;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly caFile: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly timeoutMs: Millis;
  readonly waitMs: Millis;
  readonly checkIntervalMs: Millis;
  readonly deregisterAfterMs: Millis;
}

/** Throws `ClusterError` `bad-config` for what can't work anywhere. */
export function resolveConsul(options: ConsulDiscoveryOptions): ResolvedConsul {
  const { address = "localhost:8500", serviceName, token, datacenter, caFile } = options;
  const { timeoutMs = 10_000, waitMs = 60_000 } = options;
  const { checkIntervalMs = 10_000, deregisterAfterMs = 60_000 } = options;
  const parts = /^(?:(https?):\/\/)?(.*)$/.exec(address);
  const place = parseHostPort(parts?.[2] ?? "");
  if (place === undefined) {
    throw unusable(`the address ${JSON.stringify(address)}`, "write it as host:port");
  }
  if (parts?.[1] === "http" && caFile !== undefined) {
    throw unusable("a CA with an http:// address", "write https:// or leave the CA out");
  }
  if (serviceName === "") throw unusable("an empty service name", "give the service a name");
  for (const [name, ms] of Object.entries({ timeoutMs, checkIntervalMs, deregisterAfterMs })) {
    if (!(ms >= 1)) throw unusable(`${name} ${ms}`, "give a number of milliseconds");
  }
  if (!(waitMs >= 1_000 && waitMs <= 600_000)) {
    throw unusable(`waitMs ${waitMs}`, "give 1,000 to 600,000 milliseconds");
  }
  return {
    serviceName,
    token: token === "" ? undefined : token,
    datacenter: datacenter === "" ? undefined : datacenter,
    caFile,
    ...place,
    secure: parts?.[1] === "https" || caFile !== undefined,
    timeoutMs,
    waitMs,
    checkIntervalMs,
    deregisterAfterMs,
  };
}

function unusable(what: string, cure: string): ClusterError {
  return new ClusterError(
    "bad-config",
    `Cannot discover peers by Consul: ${what} won't do, ${cure}`,
  );
}
