import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, resolveConfig } from "../../../mod.ts";
import { discovering, KEY_32, MESH, withValue } from "./field_cases.ts";

const ENV: ReadonlyMap<string, string> = new Map([["PORT", "abc"], ["EMPTY", ""]]);

function sentence(file: unknown, hostName: string = "host-1"): string {
  try {
    resolveConfig(file, { env: (name) => ENV.get(name), hostName });
  } catch (error) {
    assert.ok(ClusterError.is(error, "bad-config"));
    return error.message;
  }
  return "accepted";
}

const cluster = (clusterConfig: unknown) => ({ cluster_config: clusterConfig });
const mesh = (path: string, value: unknown) => cluster(withValue(MESH, path, value));
const secure = (more: object) =>
  mesh("security", { gossip_keys: [KEY_32], verify_incoming: true, ...more });
const found = (type: string, path: string, value: unknown) =>
  cluster(withValue(discovering(type), `discovery.${path}`, value));
const store = (config: unknown, more: object = {}) => ({
  ...cluster(MESH),
  config_store: { enabled: true, type: "postgres", config, ...more },
});
const postgres = { host: "db", user: "gw", db_name: "gw" };
const governance = (value: unknown) => ({ ...cluster(MESH), governance: value });

/** Every sentence there is, one per kind of mistake. */
const SENTENCES: readonly (readonly [file: unknown, sentence: string])[] = [
  [42, "Cannot use the configuration: current value is 42, allowed is an object"],
  [
    {},
    'Cannot use cluster_config: there is no such object, add one with at least "enabled"',
  ],
  [
    { clusterConfg: {} },
    'Cannot use cluster_config: there is no such object, rename "clusterConfg"',
  ],
  [cluster([]), "Cannot use cluster_config: current value is a list, allowed is an object"],
  [cluster({}), "Cannot use cluster_config.enabled: it is missing, allowed is true or false"],
  [
    cluster({ enabled: "yes" }),
    'Cannot use cluster_config.enabled: current value is "yes", allowed is true or false',
  ],
  [
    mesh("gosip", {}),
    'Cannot use cluster_config.gosip: there is no such key, the nearest known key is "gossip"',
  ],
  [
    mesh("gossip", { "pört number": 1 }),
    'Cannot use cluster_config.gossip["pört number"]: there is no such key, ' +
    'the nearest known key is "port"',
  ],
  [
    mesh("gossip.port", 70_000),
    "Cannot use cluster_config.gossip.port: current value is 70000, " +
    "allowed is an integer from 0 to 65535",
  ],
  [
    mesh("gossip.port", "env.PORT"),
    'Cannot use cluster_config.gossip.port: what environment variable "PORT" holds is not allowed, ' +
    "allowed is an integer from 0 to 65535",
  ],
  [
    mesh("region", "env.NOWHERE"),
    'Cannot use cluster_config.region: environment variable "NOWHERE" is not set, ' +
    "set it or write the value into the file",
  ],
  [
    mesh("security.token", "env.EMPTY"),
    'Cannot use cluster_config.security.token: what environment variable "EMPTY" holds is not allowed, ' +
    "allowed is a text of visible ASCII characters that is not empty",
  ],
  [
    mesh("security.token", "env.MY-TOKEN"),
    "Cannot use cluster_config.security.token: it looks like env.NAME but is none, " +
    "a name has letters, digits and _ only and begins with no digit, rename the variable",
  ],
  [
    mesh("status.admin_token", "env.1ST"),
    "Cannot use cluster_config.status.admin_token: it looks like env.NAME but is none, " +
    "a name has letters, digits and _ only and begins with no digit, rename the variable",
  ],
  [
    mesh("security.gossip_keys", [KEY_32, "env.gossip.key"]),
    "Cannot use cluster_config.security.gossip_keys[1]: it looks like env.NAME but is none, " +
    "a name has letters, digits and _ only and begins with no digit, rename the variable",
  ],
  [
    mesh("node_id", "env.NODE-ID"),
    "Cannot use cluster_config.node_id: it looks like env.NAME but is none, " +
    "a name has letters, digits and _ only and begins with no digit, rename the variable",
  ],
  [
    mesh("security.token", "two words"),
    "Cannot use cluster_config.security.token: current value is hidden, " +
    "allowed is a text of visible ASCII characters that is not empty",
  ],
  [
    mesh("security.gossip_keys", [KEY_32, "c2VjcmV0"]),
    "Cannot use cluster_config.security.gossip_keys[1]: current value is hidden, " +
    "allowed is base64 of 16, 24 or 32 bytes",
  ],
  [
    mesh("security.gossip_keys", KEY_32),
    "Cannot use cluster_config.security.gossip_keys: current value is hidden, " +
    "allowed is a list whose entries are each base64 of 16, 24 or 32 bytes",
  ],
  [
    mesh("join_timeout_seconds", 0),
    "Cannot use cluster_config.join_timeout_seconds: current value is 0, " +
    "allowed is a number above 0 and up to 86400",
  ],
  [
    mesh("gossip.profile", "wlan"),
    'Cannot use cluster_config.gossip.profile: current value is "wlan", ' +
    'allowed is "lan", "wan" or "local"',
  ],
  [
    mesh("peers", ["10.0.0.4:10101", "10.0.0.5"]),
    'Cannot use cluster_config.peers[1]: current value is "10.0.0.5", ' +
    'allowed is host:port such as "10.0.0.4:10101", "[2001:db8::1]:10101" or "gw-1.example:10101"',
  ],
  [
    mesh("peers", Array.from({ length: 10_001 }, () => "a:1")),
    "Cannot use cluster_config.peers: it has 10001 entries, allowed are 10000",
  ],
  [
    mesh("region", "x".repeat(100)),
    `Cannot use cluster_config.region: current value is "${"x".repeat(60)}...", ` +
    "allowed is a name of 1 to 64 bytes",
  ],
  [
    cluster({ enabled: true }),
    "Cannot use cluster_config.peers: there are neither peers nor discovery, list at least one peer " +
    "(the node itself will do for the first), set discovery.enabled, or set enabled to false for a " +
    "single node",
  ],
  [
    cluster({ enabled: true, type: "broker" }),
    'Cannot use cluster_config.broker.address: it is missing while type is "broker", ' +
    "give the broker's host:port",
  ],
  [
    cluster({ ...MESH, gossip: { timeout_seconds: 3, config: { timeout_seconds: 4 } } }),
    "Cannot use cluster_config.gossip.timeout_seconds: it is not the same as " +
    "cluster_config.gossip.config.timeout_seconds, leave one of them out",
  ],
  [
    mesh("gossip.delegate_version", { min: 2, max: 3, current: 4 }),
    "Cannot use cluster_config.gossip.delegate_version.current: current value is 4, " +
    "allowed is from min 2 to max 3",
  ],
  [
    mesh("gossip.delegate_version", { min: 2 }),
    "Cannot use cluster_config.gossip.delegate_version.max: it is missing, " +
    "allowed is an integer from 0 to 255",
  ],
  [
    mesh("grpc.port", 10101),
    "Cannot use cluster_config.grpc.port: current value is 10101, which is gossip.port, " +
    "choose another port",
  ],
  [
    mesh("status.port", 10102),
    "Cannot use cluster_config.status.port: current value is 10102, which is grpc.port, " +
    "choose another port",
  ],
  [
    cluster({ enabled: true, discovery: { enabled: true } }),
    "Cannot use cluster_config.discovery.type: it is missing while discovery.enabled is true, " +
    'allowed is "kubernetes", "consul", "etcd", "dns", "udp" or "mdns"',
  ],
  [
    cluster({ enabled: true, discoveries: [{ type: "mdns" }, {}] }),
    "Cannot use cluster_config.discoveries[1].type: it is missing while discoveries[1].enabled is true, " +
    'allowed is "kubernetes", "consul", "etcd", "dns", "udp" or "mdns"',
  ],
  [
    cluster({ enabled: true, discoveries: [{ type: "mdns", dns_nam: [] }] }),
    "Cannot use cluster_config.discoveries[0].dns_nam: there is no such key, " +
    'the nearest known key is "dns_names"',
  ],
  [
    cluster({ enabled: true, discoveries: { type: "mdns" } }),
    "Cannot use cluster_config.discoveries: current value is an object, allowed is a list of objects",
  ],
  [
    found("kubernetes", "k8s_label_selector", undefined),
    'Cannot use cluster_config.discovery.k8s_label_selector: discovery of type "kubernetes" needs it, ' +
    "allowed is a text that is not empty, on one line",
  ],
  [
    found("consul", "service_name", undefined),
    'Cannot use cluster_config.discovery.service_name: discovery of type "consul" needs it, ' +
    'allowed is a name of 1 to 62 letters, digits, "-", "_" and "."',
  ],
  [
    found("etcd", "service_name", undefined),
    'Cannot use cluster_config.discovery.service_name: discovery of type "etcd" needs it, ' +
    'allowed is a name of 1 to 62 letters, digits, "-", "_" and "."',
  ],
  [
    found("etcd", "etcd_endpoints", undefined),
    'Cannot use cluster_config.discovery.etcd_endpoints: discovery of type "etcd" needs it, ' +
    'allowed is a list whose entries are each host:port such as "localhost:8500" or ' +
    '"https://etcd-1.example:2379"',
  ],
  [
    found("dns", "dns_names", []),
    'Cannot use cluster_config.discovery.dns_names: discovery of type "dns" needs at least one entry, ' +
    "it is empty",
  ],
  [
    found("udp", "service_name", undefined),
    'Cannot use cluster_config.discovery.service_name: discovery of type "udp" needs it, ' +
    'allowed is a name of 1 to 62 letters, digits, "-", "_" and "."',
  ],
  [
    found("udp", "udp_broadcast_port", undefined),
    'Cannot use cluster_config.discovery.udp_broadcast_port: discovery of type "udp" needs it, ' +
    "allowed is an integer from 1 to 65535",
  ],
  [
    found("udp", "allowed_address_space", undefined),
    'Cannot use cluster_config.discovery.allowed_address_space: discovery of type "udp" needs it, ' +
    'allowed is a list whose entries are each a CIDR block such as "10.0.0.0/8" or "2001:db8::/32"',
  ],
  [
    found("udp", "udp_broadcast_port", 10101),
    "Cannot use cluster_config.discovery.udp_broadcast_port: current value is 10101, " +
    "which is gossip.port, choose another port",
  ],
  [
    found("mdns", "service_name", "my_gw"),
    "Cannot use cluster_config.discovery.service_name: it makes no service type for mDNS, " +
    'use letters, digits and "-" or set mdns_service',
  ],
  [
    found("etcd", "etcd_username", "root"),
    "Cannot use cluster_config.discovery.etcd_password: it is missing while discovery.etcd_username " +
    "is given, give both or neither",
  ],
  [
    found("etcd", "etcd_key_file", "k.pem"),
    "Cannot use cluster_config.discovery.etcd_cert_file: it is missing while discovery.etcd_key_file " +
    "is given, give both or neither",
  ],
  [
    mesh("security.tls", { cert_file: "c.pem" }),
    "Cannot use cluster_config.security.tls.key_file: it is missing, " +
    "allowed is a text that is not empty, on one line",
  ],
  [
    mesh("security.tls", { cert_file: "c.pem", key_file: "k.pem", client_auth: true }),
    "Cannot use cluster_config.security.tls.ca_file: it is missing while client_auth is true, " +
    "name the CA that client certificates come from",
  ],
  [
    secure({ verify_outgoing: false }),
    "Cannot use cluster_config.security.verify_outgoing: current value is false while " +
    "verify_incoming is true, so that nodes would refuse each other's gossip, " +
    "set verify_incoming to false too while keys are being rolled out",
  ],
  [
    mesh("storage", { type: "sqlite" }),
    'Cannot use cluster_config.storage.path: storage of type "sqlite" needs it, ' +
    "give the path of a file",
  ],
  [
    mesh("storage", { type: "memory", path: "gw.db" }),
    'Cannot use cluster_config.storage.path: storage of type "memory" has no path, leave it out',
  ],
  [
    mesh("storage", { type: "postgres" }),
    'Cannot use cluster_config.storage.type: current value is "postgres", ' +
    "but config_store is no enabled postgres store, describe the database there",
  ],
  [
    { ...cluster(MESH), config_store: [] },
    "Cannot use config_store: current value is a list, allowed is an object",
  ],
  [
    store(undefined),
    "Cannot use config_store.config: current value is missing, allowed is an object",
  ],
  [
    store({ ...postgres, port: "54a" }),
    'Cannot use config_store.config.port: current value is "54a", ' +
    "allowed is an integer from 1 to 65535, also as text",
  ],
  [
    store({ ...postgres, password: 12345 }),
    "Cannot use config_store.config.password: current value is hidden, " +
    "allowed is a text that is not empty, on one line",
  ],
  [
    governance([]),
    "Cannot use governance: current value is a list, allowed is an object",
  ],
  [
    governance({ teams: {} }),
    "Cannot use governance.teams: current value is an object, allowed is a list",
  ],
  [
    governance({ teams: [{ id: "a" }, "b"] }),
    'Cannot use governance.teams[1]: current value is "b", allowed is an object',
  ],
  [
    governance({ virtual_keys: [{ name: "a" }] }),
    "Cannot use governance.virtual_keys[0].id: current value is missing, " +
    "allowed is a text of 1 to 256 characters",
  ],
  [
    governance({ budgets: [{ id: "a" }, { id: "b" }, { id: "a" }] }),
    'Cannot use governance.budgets[2].id: "a" is taken by governance.budgets[0], give each its own',
  ],
  [
    governance({ budgets: [{ id: "a", max_limit: NaN }] }),
    "Cannot use governance.budgets[0].max_limit: current value is NaN, " +
    "allowed is an object, a list, a text, a finite number, true, false or null",
  ],
];

describe("the sentence for a mistake", () => {
  for (const [file, expected] of SENTENCES) {
    it(expected.slice("Cannot use ".length), () => {
      assert.equal(sentence(file), expected);
    });
  }

  it("names the node_id when the host name can't take its place", () => {
    assert.equal(
      sentence(cluster(MESH), "my laptop"),
      'Cannot use cluster_config.node_id: it is missing and the host name "my laptop" ' +
        `can't take its place, allowed is a name of 1 to 128 bytes without spaces and "/"`,
    );
  });
});

describe("the nearest known key", () => {
  for (
    const [path, key, expected] of [
      ["", "nodeId", "node_id"],
      ["", "node-id", "node_id"],
      ["", "peer", "peers"],
      ["", "Region", "region"],
      ["", "disovery", "discovery"],
      ["", "grcp", "grpc"],
      ["", "secuirty", "security"],
      ["", "expectedNodes", "expected_nodes"],
      ["gossip", "prot", "port"],
      ["gossip", "failure_treshold", "failure_threshold"],
      ["gossip.config", "timeout", "timeout_seconds"],
      ["discovery", "k8s_namepsace", "k8s_namespace"],
      ["discovery", "etcd_endpoint", "etcd_endpoints"],
      ["security", "gossip_key", "gossip_keys"],
      ["security.tls", "certFile", "cert_file"],
      ["status", "adminToken", "admin_token"],
      ["storage", "paht", "path"],
    ] as const
  ) {
    it(`of ${path}.${key} is ${expected}`, () => {
      const full = path === "" ? key : `${path}.${key}`;
      assert.equal(
        sentence(mesh(full, 1)),
        `Cannot use cluster_config.${full}: ` +
          `there is no such key, the nearest known key is "${expected}"`,
      );
    });
  }
});
