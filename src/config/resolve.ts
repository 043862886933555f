/**
 * From a parsed configuration file to checked options.
 *
 * @module
 */

import { type CheckedValues, checkGroup, type EnvLookup, isRecord } from "./check.ts";
import { resolveDiscovery } from "./discovery.ts";
import { NODE_ID } from "./formats.ts";
import { governanceSeeds } from "./governance.ts";
import { type HostPort, parseHostPort } from "./host_port.ts";
import { refuse, shown } from "./refuse.ts";
import type { BrokerConfig, GossipConfig, HealthCheckConfig, ResolvedConfig } from "./resolved.ts";
import { CLUSTER_CONFIG, ROOT } from "./schema.ts";
import { resolveSecurity, resolveStatus } from "./security.ts";
import { resolveStorage } from "./storage.ts";
import { isNear } from "./suggest.ts";

/** What a configuration is resolved with. */
export interface ResolveOptions {
  /** Looks an environment variable up, for `env.NAME`. */
  readonly env: EnvLookup;
  /** This machine's name, used when `node_id` is not given. */
  readonly hostName: string;
  /**
   * Whether the program brings ways of its own to find peers, so that the file needs none.
   *
   * @default {false}
   */
  readonly hasSources?: boolean;
}

/**
 * Checks the content of a configuration file and fills in defaults; pure. Of the top-level keys only `cluster_config`,
 * `governance` and, unless `storage` is set, `config_store` are looked at.
 *
 * Throws `ClusterError` `bad-config` with one sentence that names the path, what is there and what is allowed; values
 * of secrets and of environment variables are never repeated.
 *
 * ```ts
 * import { resolveConfig } from "@althing/cluster";
 *
 * const config = resolveConfig(
 *   { cluster_config: { enabled: true, peers: ["10.0.0.4:10101"] } },
 *   { env: () => undefined, hostName: "gw-1" },
 * );
 * console.log(config.nodeId, config.gossip.port); // gw-1 10101
 * ```
 */
export function resolveConfig(raw: unknown, options: ResolveOptions): ResolvedConfig {
  const { env } = options;
  const file = topLevel(raw);
  const values = checkGroup(CLUSTER_CONFIG, file[ROOT], ROOT, env);
  const warnings: string[] = [];
  const notices: string[] = [];
  const enabled = values.flag("enabled");
  const type = values.text("type") as "mesh" | "broker";
  const mesh = type === "mesh";
  if (enabled && mesh && options.hasSources !== true) refuseMeshOfNobody(values);
  if (enabled && !mesh) warnOfIgnored(values, warnings);
  refusePortClashes(values, enabled, mesh);
  const gossipPort = values.number("gossip.port");
  const ways = [values.within("discovery"), ...values.groups("discoveries")]
    .map((way) => enabled && mesh ? resolveDiscovery(way, { gossipPort }) : undefined);
  const gossipValues = mesh ? values : defaults();
  const config: ResolvedConfig = {
    enabled,
    type,
    nodeId: nodeId(values, options.hostName, notices),
    region: values.text("region"),
    bindIp: values.text("bind_addr"),
    advertiseIp: values.textIfGiven("advertise_addr"),
    expectedNodes: values.numberIfGiven("expected_nodes"),
    joinTimeoutMs: millis(values.number("join_timeout_seconds")),
    peers: mesh ? values.list("peers").map(hostPort) : [],
    gossip: gossip(gossipValues),
    healthCheck: healthCheck(gossipValues),
    grpc: {
      port: values.number("grpc.port"),
      dialTimeoutMs: millis(values.number("grpc.dial_timeout_seconds")),
    },
    discovery: ways[0],
    discoveries: ways.filter((way) => way !== undefined),
    broker: broker(values, enabled && !mesh),
    security: resolveSecurity(values, warnings),
    status: resolveStatus(values, warnings),
    storage: resolveStorage(values, file["config_store"], env, notices),
    governance: governance(file["governance"], notices),
    warnings,
    notices,
  };
  return frozen(config);
}

function topLevel(raw: unknown): Record<string, unknown> {
  if (!isRecord(raw)) {
    refuse("the configuration", `current value is ${shown(raw)}, allowed is an object`);
  }
  if (Object.hasOwn(raw, ROOT)) return raw;
  const near = Object.keys(raw).find((key) => isNear(key, ROOT));
  refuse(
    ROOT,
    `there is no such object, ${
      near === undefined ? 'add one with at least "enabled"' : `rename ${shown(near)}`
    }`,
  );
}

function refuseMeshOfNobody(values: CheckedValues): void {
  if (values.list("peers").length > 0 || values.flag("discovery.enabled")) return;
  if (values.groups("discoveries").some((way) => way.flag("enabled"))) return;
  values.refuse(
    "peers",
    "there are neither peers nor discovery, list at least one peer (the node itself will do for " +
      "the first), set discovery.enabled, or set enabled to false for a single node",
  );
}

function warnOfIgnored(values: CheckedValues, warnings: string[]): void {
  for (const key of ["peers", "gossip", "discovery", "discoveries"]) {
    if (values.given(key)) warnings.push(`${ROOT}.${key} is ignored in broker mode`);
  }
}

/** Ports that this process listens on must differ where their addresses overlap. */
function refusePortClashes(values: CheckedValues, enabled: boolean, mesh: boolean): void {
  const bind = values.text("bind_addr");
  const statusBind = values.textIfGiven("status.bind_addr") ?? bind;
  const listeners: [path: string, address: string][] = [];
  if (enabled && mesh) listeners.push(["gossip.port", bind], ["grpc.port", bind]);
  listeners.push(["status.port", statusBind]);
  for (const [index, [path, address]] of listeners.entries()) {
    const port = values.number(path);
    if (port === 0) continue;
    for (const [otherPath, otherAddress] of listeners.slice(0, index)) {
      if (values.number(otherPath) !== port || !overlap(address, otherAddress)) continue;
      values.refuse(path, `current value is ${port}, which is ${otherPath}, choose another port`);
    }
  }
}

function overlap(a: string, b: string): boolean {
  const everywhere = ["0.0.0.0", "::"];
  return a === b || everywhere.includes(a) || everywhere.includes(b);
}

function nodeId(values: CheckedValues, hostName: string, notices: string[]): string {
  const given = values.textIfGiven("node_id");
  if (given !== undefined) return given;
  if (!NODE_ID.accepts(hostName)) {
    values.refuse(
      "node_id",
      `it is missing and the host name ${shown(hostName)} can't take its place, ` +
        `allowed is ${NODE_ID.allowed}`,
    );
  }
  notices.push(`${ROOT}.node_id is not set, the host name ${shown(hostName)} takes its place`);
  return hostName;
}

function gossip(values: CheckedValues): GossipConfig {
  return {
    port: values.number("gossip.port"),
    profile: values.text("gossip.profile") as GossipConfig["profile"],
    label: values.text("gossip.label"),
    delegateVersion: delegateVersion(values),
  };
}

function delegateVersion(values: CheckedValues): GossipConfig["delegateVersion"] {
  const at = "gossip.delegate_version";
  if (!values.given(at)) return undefined;
  const min = values.number(`${at}.min`);
  const max = values.number(`${at}.max`);
  const current = values.number(`${at}.current`);
  if (min > current || current > max) {
    values.refuse(
      `${at}.current`,
      `current value is ${current}, allowed is from min ${min} to max ${max}`,
    );
  }
  return { min, max, current };
}

function healthCheck(values: CheckedValues): HealthCheckConfig {
  return {
    timeoutMs: millis(values.number("gossip.config.timeout_seconds")),
    successThreshold: values.number("gossip.config.success_threshold"),
    failureThreshold: values.number("gossip.config.failure_threshold"),
  };
}

/** What nobody gave, for a mode that ignores the gossip object. */
function defaults(): CheckedValues {
  return checkGroup(CLUSTER_CONFIG, { enabled: true }, ROOT, () => undefined);
}

function broker(values: CheckedValues, used: boolean): BrokerConfig {
  const address = values.textIfGiven("broker.address");
  if (used && address === undefined) {
    values.refuse(
      "broker.address",
      'it is missing while type is "broker", give the broker\'s host:port',
    );
  }
  return {
    address: address === undefined ? undefined : hostPort(address),
    tls: values.flag("broker.tls"),
    authToken: values.textIfGiven("broker.auth_token"),
    listenPort: values.number("broker.listen_port"),
  };
}

function governance(raw: unknown, notices: string[]): ResolvedConfig["governance"] {
  if (raw === undefined) return [];
  const { seeds, ignored } = governanceSeeds(raw);
  for (const name of ignored) notices.push(`governance.${name} is left to the gateway`);
  return seeds;
}

function hostPort(text: string): HostPort {
  return parseHostPort(text) as HostPort;
}

/** Whole milliseconds, at least one. */
function millis(seconds: number): number {
  return Math.max(1, Math.round(seconds * 1000));
}

/** Freezes our own objects; what a seed carries belongs to the caller, and bytes can't be frozen. */
function frozen(config: ResolvedConfig): ResolvedConfig {
  const freeze = (value: unknown): void => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
    if (Object.isFrozen(value)) return;
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  };
  freeze(config);
  return config;
}
