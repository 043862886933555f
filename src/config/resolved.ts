/**
 * A configuration after checks and defaults: complete, frozen, units at the end of names.
 *
 * @module
 */

import type { Millis } from "../core/machine.ts";
import type { EntitySeed } from "./governance.ts";
import type { HostPort } from "./host_port.ts";

/** What a node is built from. Every key is present; secrets are in here, so never print it whole. */
export interface ResolvedConfig {
  /** `false`: a single node that talks to nobody. */
  readonly enabled: boolean;
  /** How nodes reach each other. In `"broker"` mode there are no `peers` and no `discoveries`, and `gossip` has the defaults. */
  readonly type: "mesh" | "broker";
  /** The name people see; the memberlist name is this, a hyphen and the gossip port that was bound. */
  readonly nodeId: string;
  /** Scopes regional leadership; `"unknown"` unless told. */
  readonly region: string;
  /** Where gossip and RPC listen; `0.0.0.0` and `::` mean all interfaces. */
  readonly bindIp: string;
  /** The IP told to peers; `undefined`: found out when starting. */
  readonly advertiseIp: string | undefined;
  /** How many nodes the cluster is meant to have, if told. */
  readonly expectedNodes: number | undefined;
  /** How long a starting node waits for an answer of a peer. */
  readonly joinTimeoutMs: Millis;
  /** Static gossip addresses; names are not resolved yet. */
  readonly peers: readonly HostPort[];
  /** The gossip channel. */
  readonly gossip: GossipConfig;
  /** Health of links. */
  readonly healthCheck: HealthCheckConfig;
  /** The RPC channel. */
  readonly grpc: GrpcConfig;
  /** The `discovery` object; `undefined` when it is off. */
  readonly discovery: DiscoveryConfig | undefined;
  /** All ways to find peers that are on: the `discovery` object first, then the entries of `discoveries`. */
  readonly discoveries: readonly DiscoveryConfig[];
  /** Broker mode. */
  readonly broker: BrokerConfig;
  /** Keys, certificates and tokens. */
  readonly security: SecurityConfig;
  /** The status server. */
  readonly status: StatusConfig;
  /** Where state survives a restart. */
  readonly storage: StorageConfig;
  /** The entities the file's `governance` object seeds, in order. */
  readonly governance: readonly EntitySeed[];
  /** Whole sentences for the log at level `warn`: what was given and has no effect, or weakens the cluster. */
  readonly warnings: readonly string[];
  /** Whole sentences for the log at level `info`: what was derived. */
  readonly notices: readonly string[];
}

/** The gossip channel. */
export interface GossipConfig {
  /** UDP and TCP; 0 lets the system choose. */
  readonly port: number;
  /** Timing preset (memberlist.md 5). */
  readonly profile: "lan" | "wan" | "local";
  /** Empty: none. */
  readonly label: string;
  /** For joining another application's gossip. */
  readonly delegateVersion:
    | { readonly min: number; readonly max: number; readonly current: number }
    | undefined;
}

/** Health of links (cluster.md 9); not memberlist's timing. */
export interface HealthCheckConfig {
  /** One check's timeout. */
  readonly timeoutMs: Millis;
  /** Consecutive good checks before an unhealthy peer counts as healthy. */
  readonly successThreshold: number;
  /** Consecutive bad checks before a healthy peer counts as unhealthy. */
  readonly failureThreshold: number;
}

/** The RPC channel. */
export interface GrpcConfig {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Timeout of connecting. */
  readonly dialTimeoutMs: Millis;
}

/** What all ways of discovery share. */
export interface DiscoveryCommon {
  /** Appended to discovered hosts without a port; `undefined`: the gossip port that was bound. */
  readonly bindPort: number | undefined;
  /** Timeout of connecting. */
  readonly dialTimeoutMs: Millis;
  /** CIDR blocks; empty lets every address pass. */
  readonly allowedAddressSpace: readonly string[];
}

/** Lists the pods of a label selector. */
export interface KubernetesDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "kubernetes";
  /** `undefined`: the pod's own, else `default`. */
  readonly namespace: string | undefined;
  /** As Kubernetes writes them: `app=gw,env=prod`. */
  readonly labelSelector: string;
  /** `undefined`: the in-cluster service account. */
  readonly kubeconfig: string | undefined;
}

/** Registers with and queries Consul. */
export interface ConsulDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "consul";
  /** The name registered and asked for. */
  readonly serviceName: string;
  /** `host:port`, perhaps with a scheme. */
  readonly address: string;
  /** `undefined`: none. */
  readonly token: string | undefined;
  /** `undefined`: the agent's own. */
  readonly datacenter: string | undefined;
  /** Path of a PEM file; `undefined`: the system's trust anchors. */
  readonly caFile: string | undefined;
}

/** Registers with and lists etcd. */
export interface EtcdDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "etcd";
  /** The name registered and asked for. */
  readonly serviceName: string;
  /** `host:port`, perhaps with a scheme; at least one. */
  readonly endpoints: readonly string[];
  /** Both or neither. */
  readonly username: string | undefined;
  /** With `username`, or neither. */
  readonly password: string | undefined;
  /** Path of a PEM file; `undefined`: the system's trust anchors. */
  readonly caFile: string | undefined;
  /** Both or neither. */
  readonly certFile: string | undefined;
  /** With `certFile`, or neither. */
  readonly keyFile: string | undefined;
}

/** Resolves names. */
export interface DnsDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "dns";
  /** Host names, perhaps with a port; at least one. */
  readonly names: readonly string[];
  /** An IP, perhaps with a port; `undefined`: the system's resolver. */
  readonly server: string | undefined;
}

/** Broadcasts beacons; `allowedAddressSpace` is not empty. */
export interface UdpDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "udp";
  /** The name registered and asked for. */
  readonly serviceName: string;
  /** The port of the beacons. */
  readonly broadcastPort: number;
}

/** Registers and browses by multicast DNS. */
export interface MdnsDiscovery extends DiscoveryCommon {
  /** Discriminates the union. */
  readonly type: "mdns";
  /** The service type, such as `_bifrost._tcp`. */
  readonly service: string;
}

/** One way to find peers, with all it needs. */
export type DiscoveryConfig =
  | KubernetesDiscovery
  | ConsulDiscovery
  | EtcdDiscovery
  | DnsDiscovery
  | UdpDiscovery
  | MdnsDiscovery;

/** Both ends of broker mode. */
export interface BrokerConfig {
  /** Always there when `enabled` and `type` is `"broker"`. */
  readonly address: HostPort | undefined;
  /** Whether TLS is used. */
  readonly tls: boolean;
  /** Shared secret; `undefined`: none. */
  readonly authToken: string | undefined;
  /** 0 lets the system choose. */
  readonly listenPort: number;
}

/** Keys, certificates and tokens. */
export interface SecurityConfig {
  /** AES keys of 16, 24 or 32 bytes, primary first, no duplicates; empty: gossip is not encrypted. */
  readonly gossipKeys: readonly Uint8Array[];
  /** Refuse gossip that is not encrypted; of no effect without keys. */
  readonly verifyIncoming: boolean;
  /** Encrypt our gossip; of no effect without keys. */
  readonly verifyOutgoing: boolean;
  /** Paths; reading them is the driver's business. */
  readonly tls: TlsFiles | undefined;
  /** `undefined`: none. */
  readonly token: string | undefined;
}

/** Where the PEM files of the RPC channel are. */
export interface TlsFiles {
  /** Path of a PEM file. */
  readonly certFile: string;
  /** Path of a PEM file. */
  readonly keyFile: string;
  /** Always there when `clientAuth` is set. */
  readonly caFile: string | undefined;
  /** Demand a client certificate of `caFile`. */
  readonly clientAuth: boolean;
}

/** The status server. */
export interface StatusConfig {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where it listens; `0.0.0.0` and `::` mean all interfaces. */
  readonly ip: string;
  /** Bearer token for writes and entity values; `undefined`: loopback only. */
  readonly adminToken: string | undefined;
  /** Bearer token for reads; `undefined`: none is asked for. */
  readonly readToken: string | undefined;
}

/** Where state survives a restart. */
export type StorageConfig =
  | { readonly type: "memory" }
  | { readonly type: "sqlite"; readonly path: string }
  | PostgresStorage;

/** A PostgreSQL database, as the gateway's `config_store` names it. */
export interface PostgresStorage {
  /** Discriminates the union. */
  readonly type: "postgres";
  /** Host name or address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** User name. */
  readonly user: string;
  /** `undefined`: none. */
  readonly password: string | undefined;
  /** Name of the database. */
  readonly database: string;
  /** libpq's word. */
  readonly sslMode: string;
}
