/**
 * What every field of `cluster_config` accepts, means when left out, and refuses.
 *
 * @module
 */

import type { ResolvedConfig, ResolveOptions } from "../../../mod.ts";

type Json = Record<string, unknown>;

/** One field. */
export interface FieldCase {
  /** From `cluster_config`. */
  readonly path: string;
  /** A configuration in which the field has an effect; {@linkcode MESH} unless told. */
  readonly base?: Json;
  /** Where the value arrives. */
  read(config: ResolvedConfig): unknown;
  /** What arrives when the field is left out; absent when it can't be. */
  readonly byDefault?: { readonly value: unknown };
  /** What the file holds, and what arrives. */
  readonly good: readonly (readonly [raw: unknown, resolved: unknown])[];
  /** What is refused. */
  readonly bad: readonly unknown[];
}

/** The least configuration of a mesh. */
export const MESH: Json = { enabled: true, peers: ["10.0.0.4:10101"] };

/** A key of 32 bytes as text. */
export const KEY_32 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/** A key of 16 bytes as text. */
export const KEY_16 = "AAECAwQFBgcICQoLDA0ODw==";

/** Resolving without environment on a host called `host-1`. */
export const OPTIONS: ResolveOptions = { env: () => undefined, hostName: "host-1" };

const BASES: Record<string, Json> = {
  kubernetes: { k8s_label_selector: "app=gw" },
  consul: { service_name: "gw" },
  etcd: { service_name: "gw", etcd_endpoints: ["etcd:2379"] },
  dns: { dns_names: ["gw.example"] },
  udp: { service_name: "gw", udp_broadcast_port: 9999, allowed_address_space: ["10.0.0.0/8"] },
  mdns: {},
};

/** A mesh that finds its peers by discovery of `type`. */
export function discovering(type: string, more: Json = {}): Json {
  return { enabled: true, discovery: { enabled: true, type, ...BASES[type], ...more } };
}

/** `base` with `value` at a dotted path; `undefined` takes the key away. */
export function withValue(base: Json, path: string, value: unknown): Json {
  const [key = "", ...rest] = path.split(".");
  const copy = { ...base };
  if (rest.length > 0) {
    copy[key] = withValue((base[key] ?? {}) as Json, rest.join("."), value);
  } else if (value === undefined) {
    delete copy[key];
  } else {
    copy[key] = value;
  }
  return copy;
}

const NOT_TEXT: readonly unknown[] = ["", 1, true, null, ["x"], {}, "a\nb", "\ud800"];
const NOT_PORT: readonly unknown[] = [-1, 65536, 1.5, "80", true, null, NaN, Infinity, [80], {}];
const NOT_SECONDS: readonly unknown[] = [0, -1, 86_401, "5", null, NaN, Infinity, true];
const NOT_COUNT: readonly unknown[] = [0, -1, 1.5, 1001, "3", null, true];
const NOT_FLAG: readonly unknown[] = ["true", 0, 1, null, [], {}];
const NOT_TOKEN: readonly unknown[] = ["", "with space", "caf\u00e9", 12345, null];
const NOT_LIST: readonly unknown[] = ["x", 1, true, null, {}];

const line = (
  path: string,
  read: FieldCase["read"],
  base: Json,
  value: string = "/etc/ssl/some.pem",
): FieldCase => ({
  path,
  base,
  read,
  byDefault: { value: undefined },
  good: [[value, value]],
  bad: NOT_TEXT,
});

const as = <T>(config: ResolvedConfig, type: string): T => {
  if (config.discovery?.type !== type) throw new Error(`no discovery of type ${type}`);
  return config.discovery as T;
};
const d = (key: string, type: string): FieldCase["read"] => (c) => as<Json>(c, type)[key];

const TLS: Json = withValue(MESH, "security.tls", {
  cert_file: "c.pem",
  key_file: "k.pem",
  ca_file: "ca.pem",
});
const BROKER: Json = { enabled: true, type: "broker", broker: { address: "broker:50051" } };
const DELEGATE: Json = withValue(MESH, "gossip.delegate_version", { min: 2, max: 5, current: 4 });
const ETCD_USER = discovering("etcd", { etcd_username: "u", etcd_password: "p" });
const ETCD_TLS = discovering("etcd", { etcd_cert_file: "c.pem", etcd_key_file: "k.pem" });

const seconds = (
  path: string,
  byDefault: number,
  read: FieldCase["read"],
): FieldCase => ({
  path,
  read,
  byDefault: { value: byDefault },
  good: [[7, 7000], [0.25, 250], [86_400, 86_400_000], [0.0001, 1]],
  bad: NOT_SECONDS,
});

const threshold = (path: string, read: FieldCase["read"]): FieldCase => ({
  path,
  read,
  byDefault: { value: 3 },
  good: [[1, 1], [1000, 1000], [5.0, 5]],
  bad: NOT_COUNT,
});

const listenPort = (path: string, byDefault: number, read: FieldCase["read"]): FieldCase => ({
  path,
  read,
  byDefault: { value: byDefault },
  good: [[0, 0], [1, 1], [65535, 65535]],
  bad: NOT_PORT,
});

const token = (
  path: string,
  read: FieldCase["read"],
  base: Json = MESH,
): FieldCase => ({
  path,
  base,
  read,
  byDefault: { value: undefined },
  good: [["s3cret!", "s3cret!"]],
  bad: NOT_TOKEN,
});

const flag = (
  path: string,
  byDefault: boolean,
  read: FieldCase["read"],
  base: Json = MESH,
): FieldCase => ({
  path,
  base,
  read,
  byDefault: { value: byDefault },
  good: [[true, true], [false, false]],
  bad: NOT_FLAG,
});

const byte = (path: string, base: Json, good: number, read: FieldCase["read"]): FieldCase => ({
  path,
  base,
  read,
  good: [[good, good]],
  bad: [-1, 256, 1.5, "2", null],
});

const NOT_HOST_PORT = [
  "10.0.0.4",
  "10.0.0.4:0",
  "10.0.0.4:65536",
  "10.0.0.4:010",
  "256.0.0.1:80",
  "::1:80",
  "[10.0.0.4]:80",
  "a b:80",
  "-a:80",
  "http://a:80",
  ":80",
  "env.example",
  "",
  8080,
];

/** Every field. */
export const FIELD_CASES: readonly FieldCase[] = [
  {
    path: "enabled",
    read: (c) => c.enabled,
    good: [[true, true], [false, false]],
    bad: NOT_FLAG,
  },
  {
    path: "type",
    read: (c) => c.type,
    base: { ...MESH, broker: { address: "broker:50051" } },
    byDefault: { value: "mesh" },
    good: [["mesh", "mesh"], ["broker", "broker"]],
    bad: ["Mesh", "", 1, null, ["mesh"]],
  },
  {
    path: "node_id",
    read: (c) => c.nodeId,
    byDefault: { value: "host-1" },
    good: [["gw-1", "gw-1"], ["Göteborg_2", "Göteborg_2"], ["x".repeat(128), "x".repeat(128)]],
    bad: [...NOT_TEXT, "a b", "a/b", "x".repeat(129), "ö".repeat(65)],
  },
  {
    path: "region",
    read: (c) => c.region,
    byDefault: { value: "unknown" },
    good: [["eu north 1", "eu north 1"]],
    bad: [...NOT_TEXT, "x".repeat(65)],
  },
  {
    path: "bind_addr",
    read: (c) => c.bindIp,
    byDefault: { value: "0.0.0.0" },
    good: [["127.0.0.1", "127.0.0.1"], ["::", "::"]],
    bad: ["localhost", "10.0.0.4:80", "10.0.0", "[::1]", "fe80::1%eth0", "", 1],
  },
  {
    path: "advertise_addr",
    read: (c) => c.advertiseIp,
    byDefault: { value: undefined },
    good: [["203.0.113.7", "203.0.113.7"], ["2001:db8::7", "2001:db8::7"]],
    bad: ["0.0.0.0", "::", "gw.example", "10.0.0.4:80", "", null],
  },
  {
    path: "peers",
    read: (c) => c.peers,
    good: [
      [["10.0.0.4:10101"], [{ host: "10.0.0.4", port: 10101 }]],
      [["[2001:db8::4]:1"], [{ host: "2001:db8::4", port: 1 }]],
      [["gw-1.example.:65535", "a_b:2"], [
        { host: "gw-1.example.", port: 65535 },
        { host: "a_b", port: 2 },
      ]],
    ],
    bad: [...NOT_LIST, ...NOT_HOST_PORT.map((entry) => [entry])],
  },
  {
    path: "expected_nodes",
    read: (c) => c.expectedNodes,
    byDefault: { value: undefined },
    good: [[1, 1], [100_000, 100_000]],
    bad: [0, 100_001, 1.5, "3", null],
  },
  seconds("join_timeout_seconds", 15_000, (c) => c.joinTimeoutMs),
  listenPort("gossip.port", 10101, (c) => c.gossip.port),
  {
    path: "gossip.profile",
    read: (c) => c.gossip.profile,
    byDefault: { value: "lan" },
    good: [["wan", "wan"], ["local", "local"], ["lan", "lan"]],
    bad: ["LAN", "", 1, null],
  },
  {
    path: "gossip.label",
    read: (c) => c.gossip.label,
    byDefault: { value: "" },
    good: [["blue", "blue"], ["", ""], ["x".repeat(255), "x".repeat(255)]],
    bad: ["x".repeat(256), "a\nb", "\udc00", 1, null],
  },
  seconds("gossip.config.timeout_seconds", 10_000, (c) => c.healthCheck.timeoutMs),
  threshold("gossip.config.success_threshold", (c) => c.healthCheck.successThreshold),
  threshold("gossip.config.failure_threshold", (c) => c.healthCheck.failureThreshold),
  seconds("gossip.timeout_seconds", 10_000, (c) => c.healthCheck.timeoutMs),
  threshold("gossip.success_threshold", (c) => c.healthCheck.successThreshold),
  threshold("gossip.failure_threshold", (c) => c.healthCheck.failureThreshold),
  byte("gossip.delegate_version.min", DELEGATE, 3, (c) => c.gossip.delegateVersion?.min),
  byte("gossip.delegate_version.max", DELEGATE, 255, (c) => c.gossip.delegateVersion?.max),
  byte("gossip.delegate_version.current", DELEGATE, 5, (c) => c.gossip.delegateVersion?.current),
  listenPort("grpc.port", 10102, (c) => c.grpc.port),
  seconds("grpc.dial_timeout_seconds", 5000, (c) => c.grpc.dialTimeoutMs),
  {
    path: "discoveries",
    base: { enabled: true },
    read: (c) => c.discoveries.map(({ type, bindPort }) => `${type} ${bindPort}`),
    good: [
      [[{ type: "mdns" }], ["mdns 10101"]],
      [
        [{ type: "dns", dns_names: ["a.example"], bind_port: 7 }, { type: "mdns" }],
        ["dns 7", "mdns 10101"],
      ],
      [[{ type: "etcd", enabled: false }, { type: "mdns", enabled: true }], ["mdns 10101"]],
    ],
    bad: [
      {},
      "mdns",
      [3],
      [{}],
      [{ type: "gossip" }],
      [{ type: "mdns", unknown: 1 }],
      [{ type: "mdns" }, { type: "etcd" }],
      [{
        type: "udp",
        service_name: "a",
        udp_broadcast_port: 10101,
        allowed_address_space: ["10.0.0.0/8"],
      }],
      Array.from({ length: 17 }, () => ({ type: "mdns" })),
    ],
  },
  {
    path: "discovery.enabled",
    base: { ...MESH, ...discovering("mdns"), peers: ["a:1"] },
    read: (c) => c.discovery !== undefined,
    byDefault: { value: false },
    good: [[true, true], [false, false]],
    bad: NOT_FLAG,
  },
  {
    path: "discovery.type",
    base: discovering("consul", {
      ...BASES["etcd"],
      ...BASES["udp"],
      ...BASES["dns"],
      k8s_label_selector: "a=b",
    }),
    read: (c) => c.discovery?.type,
    good: ["kubernetes", "consul", "etcd", "dns", "udp", "mdns"].map((type) => [type, type]),
    bad: ["k8s", "", null, 1],
  },
  {
    path: "discovery.service_name",
    base: discovering("etcd"),
    read: d("serviceName", "etcd"),
    good: [["gw", "gw"], ["my_gw.v2", "my_gw.v2"]],
    bad: [...NOT_TEXT, "a/b", "a b", "x".repeat(63)],
  },
  {
    path: "discovery.bind_port",
    base: discovering("mdns"),
    read: (c) => c.discovery?.bindPort,
    byDefault: { value: 10101 },
    good: [[1, 1], [7946, 7946]],
    bad: [0, ...NOT_PORT],
  },
  {
    path: "discovery.dial_timeout",
    base: discovering("mdns"),
    read: (c) => c.discovery?.dialTimeoutMs,
    byDefault: { value: 10_000 },
    good: [["500ms", 500], ["1m30s", 90_000], ["1.5h", 5_400_000], ["24h", 86_400_000]],
    bad: ["10", "0s", "-1s", "24h1ns", "1d", "", "s", "1s ", 10, null],
  },
  {
    path: "discovery.allowed_address_space",
    base: discovering("mdns"),
    read: (c) => c.discovery?.allowedAddressSpace,
    byDefault: { value: [] },
    good: [
      [["10.0.0.0/8", "2001:db8::/32"], ["10.0.0.0/8", "2001:db8::/32"]],
      [["0.0.0.0/0", "::/0", "10.1.2.3/32"], ["0.0.0.0/0", "::/0", "10.1.2.3/32"]],
    ],
    bad: [
      ...NOT_LIST,
      ...["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0/8", "10.0.0.0/-1", "/8", 8]
        .map((entry) => [entry]),
    ],
  },
  line("discovery.k8s_namespace", d("namespace", "kubernetes"), discovering("kubernetes"), "prod"),
  {
    path: "discovery.k8s_label_selector",
    base: discovering("kubernetes"),
    read: d("labelSelector", "kubernetes"),
    good: [["app=gw,env in (prod)", "app=gw,env in (prod)"]],
    bad: NOT_TEXT,
  },
  line("discovery.kubeconfig", d("kubeconfig", "kubernetes"), discovering("kubernetes")),
  {
    path: "discovery.consul_address",
    base: discovering("consul"),
    read: d("address", "consul"),
    byDefault: { value: "localhost:8500" },
    good: [["consul:8500", "consul:8500"], ["https://[::1]:8501", "https://[::1]:8501"]],
    bad: ["consul", "ftp://consul:1", "https://consul:8500/v1", "http://u:p@consul:8500", "", 1],
  },
  token("discovery.consul_token", d("token", "consul"), discovering("consul")),
  line("discovery.consul_datacenter", d("datacenter", "consul"), discovering("consul"), "dc1"),
  line("discovery.consul_ca_file", d("caFile", "consul"), discovering("consul")),
  {
    path: "discovery.etcd_endpoints",
    base: discovering("etcd"),
    read: d("endpoints", "etcd"),
    good: [[["http://a:2379", "b:2379"], ["http://a:2379", "b:2379"]]],
    bad: [...NOT_LIST, [], ["a"], ["http://a"], [""], [1]],
  },
  {
    path: "discovery.etcd_username",
    base: ETCD_USER,
    read: d("username", "etcd"),
    good: [["root", "root"]],
    bad: NOT_TEXT,
  },
  {
    path: "discovery.etcd_password",
    base: ETCD_USER,
    read: d("password", "etcd"),
    good: [["pass word", "pass word"]],
    bad: NOT_TEXT,
  },
  line("discovery.etcd_ca_file", d("caFile", "etcd"), discovering("etcd")),
  {
    path: "discovery.etcd_cert_file",
    base: ETCD_TLS,
    read: d("certFile", "etcd"),
    good: [["/c.pem", "/c.pem"]],
    bad: NOT_TEXT,
  },
  {
    path: "discovery.etcd_key_file",
    base: ETCD_TLS,
    read: d("keyFile", "etcd"),
    good: [["/k.pem", "/k.pem"]],
    bad: NOT_TEXT,
  },
  {
    path: "discovery.dns_names",
    base: discovering("dns"),
    read: d("names", "dns"),
    good: [[["gw.example", "_gossip._tcp.gw.example", "gw:7946"], [
      "gw.example",
      "_gossip._tcp.gw.example",
      "gw:7946",
    ]]],
    bad: [...NOT_LIST, [], ["10.0.0.4"], ["::1"], ["[::1]:9"], ["10.0.0.4:80"], ["a b"], ["gw:0"], [
      "http://gw",
    ], [""]],
  },
  {
    path: "discovery.dns_server",
    base: discovering("dns"),
    read: d("server", "dns"),
    byDefault: { value: undefined },
    good: [["10.0.0.53", "10.0.0.53"], ["[::1]:5353", "[::1]:5353"], ["::1", "::1"]],
    bad: ["dns.example", "dns.example:53", "10.0.0.53:0", "", 53],
  },
  {
    path: "discovery.udp_broadcast_port",
    base: discovering("udp"),
    read: d("broadcastPort", "udp"),
    good: [[9998, 9998]],
    bad: [0, ...NOT_PORT],
  },
  {
    path: "discovery.mdns_service",
    base: discovering("mdns"),
    read: d("service", "mdns"),
    byDefault: { value: "_bifrost._tcp" },
    good: [["_gw._tcp", "_gw._tcp"], ["_gw-2._udp", "_gw-2._udp"]],
    bad: ["gw._tcp", "_gw", "_gw._sctp", "__gw._tcp", "_-gw._tcp", "", 1],
  },
  {
    path: "broker.address",
    base: BROKER,
    read: (c) => c.broker.address,
    good: [["relay.example:443", { host: "relay.example", port: 443 }]],
    bad: NOT_HOST_PORT,
  },
  flag("broker.tls", false, (c) => c.broker.tls, BROKER),
  token("broker.auth_token", (c) => c.broker.authToken, BROKER),
  listenPort("broker.listen_port", 50051, (c) => c.broker.listenPort),
  {
    path: "security.gossip_keys",
    read: (c) => c.security.gossipKeys.map((key) => key.length),
    byDefault: { value: [] },
    good: [
      [[KEY_32, KEY_16], [32, 16]],
      [["AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"], [24]],
    ],
    bad: [
      ...NOT_LIST,
      ...["", "AAECAwQ=", "not base64!", KEY_32.slice(0, -1), KEY_32.replaceAll("H", "_"), 5]
        .map((entry) => [entry]),
    ],
  },
  flag("security.verify_incoming", true, (c) => c.security.verifyIncoming),
  flag("security.verify_outgoing", true, (c) => c.security.verifyOutgoing),
  {
    path: "security.tls.cert_file",
    base: TLS,
    read: (c) => c.security.tls?.certFile,
    good: [["/c.pem", "/c.pem"]],
    bad: NOT_TEXT,
  },
  {
    path: "security.tls.key_file",
    base: TLS,
    read: (c) => c.security.tls?.keyFile,
    good: [["/k.pem", "/k.pem"]],
    bad: NOT_TEXT,
  },
  line("security.tls.ca_file", (c) => c.security.tls?.caFile, TLS),
  flag("security.tls.client_auth", false, (c) => c.security.tls?.clientAuth, TLS),
  token("security.token", (c) => c.security.token),
  listenPort("status.port", 8080, (c) => c.status.port),
  {
    path: "status.bind_addr",
    read: (c) => c.status.ip,
    byDefault: { value: "0.0.0.0" },
    good: [["::1", "::1"]],
    bad: ["localhost", "", null],
  },
  token("status.admin_token", (c) => c.status.adminToken),
  token("status.read_token", (c) => c.status.readToken),
  {
    path: "storage.type",
    read: (c) => c.storage.type,
    base: MESH,
    byDefault: { value: "memory" },
    good: [["memory", "memory"]],
    bad: ["redis", "", null, 1],
  },
  {
    path: "storage.path",
    read: (c) => c.storage,
    byDefault: { value: { type: "memory" } },
    good: [["/var/lib/gw.db", { type: "sqlite", path: "/var/lib/gw.db" }]],
    bad: NOT_TEXT,
  },
];
