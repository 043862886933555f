/**
 * Every field of a configuration file: the one source of the check (`check.ts`) and of the JSON Schema
 * (`json_schema.ts`). Spec: `cluster.md` 3. What the values become is in `resolved.ts`.
 *
 * @module
 */

import type {
  AliasField,
  ChoiceField,
  Field,
  FlagField,
  GroupField,
  GroupsField,
  ListField,
  NumberField,
  TextField,
} from "./field.ts";
import * as format from "./formats.ts";
import type { TextFormat } from "./formats.ts";

/** The six ways to find peers. */
export const DISCOVERY_TYPES = ["kubernetes", "consul", "etcd", "dns", "udp", "mdns"] as const;

/** One of {@linkcode DISCOVERY_TYPES}. */
export type DiscoveryType = typeof DISCOVERY_TYPES[number];

/** What `discovery` must hold for each type, when enabled. */
export const DISCOVERY_NEEDS: Readonly<Record<DiscoveryType, readonly string[]>> = {
  kubernetes: ["k8s_label_selector"],
  consul: ["service_name"],
  etcd: ["service_name", "etcd_endpoints"],
  dns: ["dns_names"],
  udp: ["service_name", "udp_broadcast_port", "allowed_address_space"],
  mdns: [],
};

/** No timeout or threshold makes sense above this. */
const SECONDS_MAX = format.DURATION_MS_MAX / 1000;

function flag(doc: string, more: Partial<FlagField> = {}): FlagField {
  return { kind: "flag", doc, ...more };
}

function choice(choices: readonly string[], doc: string, more: Partial<ChoiceField> = {}) {
  return { kind: "choice", choices, doc, ...more } satisfies ChoiceField;
}

function text(rule: TextFormat, doc: string, more: Partial<TextField> = {}): TextField {
  return { kind: "text", format: rule, doc, ...more };
}

function secret(doc: string, rule: TextFormat = format.TOKEN): TextField {
  return { kind: "text", format: rule, doc, secret: true };
}

function list(item: TextFormat, doc: string, itemIsSecret: boolean = false): ListField {
  return {
    kind: "list",
    doc,
    item: { kind: "text", format: item, doc: "One entry.", secret: itemIsSecret },
  };
}

function seconds(defaultSeconds: number, doc: string): NumberField {
  return {
    kind: "number",
    integer: false,
    minimum: 0,
    above: true,
    maximum: SECONDS_MAX,
    default: defaultSeconds,
    doc,
  };
}

function whole(
  minimum: number,
  maximum: number,
  doc: string,
  more: Partial<NumberField> = {},
): NumberField {
  return { kind: "number", integer: true, minimum, maximum, doc, ...more };
}

function listenPort(defaultPort: number, doc: string): NumberField {
  return whole(0, 65535, `${doc} 0 lets the system choose.`, { default: defaultPort });
}

function group(doc: string, fields: Record<string, Field>): GroupField {
  return { kind: "group", doc, fields };
}

function alias(of: string): AliasField {
  return { kind: "alias", doc: `The same as ${of}.`, of };
}

const GOSSIP = group("The gossip channel: membership and liveness, the memberlist protocol.", {
  port: listenPort(10101, "UDP and TCP port of the gossip channel."),
  profile: choice(["lan", "wan", "local"], "Timing preset of memberlist.", { default: "lan" }),
  label: text(format.LABEL, "Clusters with different labels never merge.", { default: "" }),
  config: group("Health checks of links; they do not change memberlist's timing.", {
    timeout_seconds: seconds(10, "One health check's timeout."),
    success_threshold: whole(
      1,
      1000,
      "Consecutive good checks before an unhealthy peer counts as healthy.",
      { default: 3 },
    ),
    failure_threshold: whole(
      1,
      1000,
      "Consecutive bad checks before a healthy peer counts as unhealthy.",
      { default: 3 },
    ),
  }),
  timeout_seconds: alias("gossip.config.timeout_seconds"),
  success_threshold: alias("gossip.config.success_threshold"),
  failure_threshold: alias("gossip.config.failure_threshold"),
  delegate_version: group(
    "Delegate protocol versions, needed to join the gossip of another application such as Serf.",
    {
      min: whole(0, 255, "The oldest version understood.", { required: true }),
      max: whole(0, 255, "The newest version understood.", { required: true }),
      current: whole(0, 255, "The version spoken.", { required: true }),
    },
  ),
});

/** More ways to find peers at once make no sense. */
const DISCOVERIES_MAX = 16;

/** One way to find peers. */
export const DISCOVERY: GroupField = group("Finds peers while the node runs.", {
  enabled: flag("Must be true for discovery to run.", { default: false }),
  type: choice(DISCOVERY_TYPES, "How peers are found; required when enabled."),
  service_name: text(format.SERVICE_NAME, "Name of the service; required for consul, etcd, udp."),
  bind_port: whole(1, 65535, "Appended to discovered hosts that carry no port.", {
    derived: "gossip.port",
  }),
  dial_timeout: text(format.GO_DURATION, "Timeout of a call of the discovery service.", {
    default: "10s",
  }),
  allowed_address_space: list(
    format.CIDR,
    "Filters every discovered address; empty lets all pass. Required for udp.",
  ),
  k8s_namespace: text(format.LINE, "Namespace of the pods.", {
    derived: "the pod's own, else default",
  }),
  k8s_label_selector: text(
    format.LINE,
    'Selects the pods, for example "app=gw,env=prod"; required for kubernetes.',
  ),
  kubeconfig: text(format.LINE, "Path of a kubeconfig file, when not running in a cluster."),
  consul_address: text(format.ENDPOINT, "Consul's HTTP address.", { default: "localhost:8500" }),
  consul_token: secret("ACL token for Consul."),
  consul_datacenter: text(format.LINE, "Consul datacenter.", { derived: "the agent's own" }),
  consul_ca_file: text(format.LINE, "Path of the CA certificate of Consul's HTTPS address."),
  etcd_endpoints: list(format.ENDPOINT, "Addresses of etcd; required for etcd."),
  etcd_username: text(format.LINE, "User name for etcd; needs etcd_password."),
  etcd_password: secret("Password for etcd; needs etcd_username.", format.LINE),
  etcd_ca_file: text(format.LINE, "Path of the CA certificate of etcd."),
  etcd_cert_file: text(format.LINE, "Path of the client certificate for etcd."),
  etcd_key_file: text(format.LINE, "Path of the client key for etcd."),
  dns_names: list(format.DNS_NAME, "Names whose A, AAAA and SRV records are peers."),
  dns_server: text(format.DNS_SERVER, "DNS server to ask.", { derived: "the system's" }),
  udp_broadcast_port: whole(1, 65535, "Port of the beacons; required for udp."),
  mdns_service: text(format.MDNS_SERVICE, "Service type to register and browse.", {
    derived: "_<service_name>._tcp, without a service_name _bifrost._tcp",
  }),
});

const DISCOVERIES: GroupsField = {
  kind: "groups",
  lengthMax: DISCOVERIES_MAX,
  doc: "More ways to find peers, besides discovery; all run together.",
  item: group("One way to find peers; the fields of discovery.", {
    ...DISCOVERY.fields,
    enabled: flag("false sets it aside.", { default: true }),
  }),
};

const SECURITY = group("Keys, certificates and tokens of both channels.", {
  gossip_keys: list(
    format.GOSSIP_KEY,
    "AES keys of the gossip channel; the first encrypts, all decrypt. Also guards the RPC channel.",
    true,
  ),
  verify_incoming: flag("Refuse gossip that is not encrypted, when keys are set.", {
    default: true,
  }),
  verify_outgoing: flag("Encrypt our gossip, when keys are set.", { default: true }),
  tls: group("TLS of the RPC channel.", {
    cert_file: text(format.LINE, "Path of this node's certificate (PEM).", { required: true }),
    key_file: text(format.LINE, "Path of its private key (PEM).", { required: true }),
    ca_file: text(format.LINE, "Path of the CA certificates that peers are checked with (PEM)."),
    client_auth: flag("Demand a client certificate of ca_file (mutual TLS).", { default: false }),
  }),
  token: secret("Shared secret of the RPC channel; at least 16 random characters."),
});

/** The key of the object in the file, and how messages call it. */
export const ROOT = "cluster_config";

/** The `cluster_config` object. */
export const CLUSTER_CONFIG: GroupField = {
  ...group("Turns this gateway into a member of a cluster.", {
    enabled: flag("Master switch; false gives a working single node.", { required: true }),
    type: choice(["mesh", "broker"], "How nodes reach each other.", { default: "mesh" }),
    node_id: text(format.NODE_ID, "The name people see; unique in the cluster.", {
      derived: "the host name",
    }),
    region: text(format.REGION, "A free label; scopes regional leadership.", {
      default: "unknown",
    }),
    bind_addr: text(format.IP, "IP address that gossip and RPC listen on.", { default: "0.0.0.0" }),
    advertise_addr: text(format.REACHABLE_IP, "IP address told to peers.", {
      derived: "bind_addr, or a private address of this host",
    }),
    peers: list(
      format.HOST_PORT,
      "Static gossip addresses, host:port; all addresses of a host name are tried.",
    ),
    expected_nodes: whole(
      1,
      100_000,
      "Size of the cluster; a node is ready alone only when this is unset or 1.",
    ),
    join_timeout_seconds: seconds(15, "How long a starting node waits for an answer of a peer."),
    gossip: GOSSIP,
    grpc: group("The RPC channel: all application messages.", {
      port: listenPort(10102, "TCP port of the RPC channel."),
      dial_timeout_seconds: seconds(5, "Timeout of connecting to a peer."),
    }),
    discovery: DISCOVERY,
    discoveries: DISCOVERIES,
    broker: group("The relay of broker mode.", {
      address: text(format.HOST_PORT, "The broker, host:port; required in broker mode."),
      tls: flag("Connect to the broker with TLS.", { default: false }),
      auth_token: secret("Secret shared with the broker."),
      listen_port: listenPort(50051, "TCP port of the broker process."),
    }),
    security: SECURITY,
    status: group("The status server: health, readiness, members.", {
      port: listenPort(8080, "TCP port of the status server."),
      bind_addr: text(format.IP, "IP address it listens on.", { derived: "bind_addr" }),
      admin_token: secret("Bearer token for writes and for reads of entity values."),
      read_token: secret("Bearer token for reads."),
    }),
    storage: group("Where state survives a restart.", {
      type: choice(["memory", "sqlite", "postgres"], "The store.", {
        derived: "sqlite when a path is given, else what config_store says, else memory",
      }),
      path: text(format.LINE, "Path of the SQLite file."),
    }),
  }),
  required: true,
};

/** The gateway's own `config_store`, of which only this much matters here. */
export const CONFIG_STORE: GroupField = {
  kind: "group",
  open: true,
  doc: "The gateway's store; a PostgreSQL one also keeps cluster state unless storage is set.",
  fields: {
    enabled: flag("Whether it is used.", { default: false }),
    type: text(format.LINE, "The kind of store; the cluster uses postgres only."),
  },
};

/** `config_store.config` of type postgres. */
export const POSTGRES: GroupField = {
  kind: "group",
  open: true,
  required: true,
  doc: "How to connect.",
  fields: {
    host: text(format.LINE, "Host name or address.", { required: true }),
    port: whole(1, 65535, "Port, as a number or as text.", { default: 5432, orText: true }),
    user: text(format.LINE, "User name.", { required: true }),
    password: secret("Password.", format.LINE),
    db_name: text(format.LINE, "Name of the database.", { required: true }),
    ssl_mode: choice(
      ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
      "TLS towards the database, in libpq's words.",
      { default: "prefer" },
    ),
  },
};
