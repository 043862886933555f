import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resolveConfig, type ResolvedConfig } from "../../../mod.ts";
import { discovering, KEY_16, KEY_32, MESH, OPTIONS, withValue } from "./field_cases.ts";

const resolved = (clusterConfig: unknown, rest: object = {}): ResolvedConfig =>
  resolveConfig({ cluster_config: clusterConfig, ...rest }, OPTIONS);

const POSTGRES = {
  enabled: true,
  type: "postgres",
  config: {
    host: "db",
    port: "5433",
    user: "gw",
    password: "p w",
    db_name: "gw",
    ssl_mode: "require",
    max_open_conns: 10,
  },
};

const RESOLVED_POSTGRES = {
  type: "postgres",
  host: "db",
  port: 5433,
  user: "gw",
  password: "p w",
  database: "gw",
  sslMode: "require",
};

describe("resolveConfig", () => {
  it("fills in every default", () => {
    assert.deepEqual(resolved(MESH), {
      enabled: true,
      type: "mesh",
      nodeId: "host-1",
      region: "unknown",
      bindIp: "0.0.0.0",
      advertiseIp: undefined,
      expectedNodes: undefined,
      joinTimeoutMs: 15_000,
      peers: [{ host: "10.0.0.4", port: 10101 }],
      gossip: { port: 10101, profile: "lan", label: "", delegateVersion: undefined },
      healthCheck: { timeoutMs: 10_000, successThreshold: 3, failureThreshold: 3 },
      grpc: { port: 10102, dialTimeoutMs: 5000 },
      discovery: undefined,
      discoveries: [],
      broker: { address: undefined, tls: false, authToken: undefined, listenPort: 50051 },
      security: {
        gossipKeys: [],
        verifyIncoming: true,
        verifyOutgoing: true,
        tls: undefined,
        token: undefined,
      },
      status: { port: 8080, ip: "0.0.0.0", adminToken: undefined, readToken: undefined },
      storage: { type: "memory" },
      governance: [],
      warnings: [],
      notices: ['cluster_config.node_id is not set, the host name "host-1" takes its place'],
    });
  });

  it("gives a single node when it is not enabled, peers or not", () => {
    assert.equal(resolved({ enabled: false }).enabled, false);
    assert.equal(resolved({ enabled: false, type: "broker" }).broker.address, undefined);
    assert.equal(resolved({ enabled: false, discovery: { enabled: true } }).discovery, undefined);
    assert.equal(resolved({ enabled: false, status: { port: 10101 } }).status.port, 10101);
  });

  it("starts with discovery alone", () => {
    assert.deepEqual(resolved(discovering("mdns")).peers, []);
  });

  it("takes a broker instead of gossip, and says what it ignores", () => {
    const config = resolved({
      enabled: true,
      type: "broker",
      broker: { address: "relay:50051" },
      peers: ["a:1"],
      gossip: { port: 9000, timeout_seconds: 1 },
      discovery: { enabled: true },
    });
    assert.deepEqual(config.peers, []);
    assert.equal(config.discovery, undefined);
    assert.equal(config.gossip.port, 10101);
    assert.equal(config.healthCheck.timeoutMs, 10_000);
    assert.deepEqual(config.warnings, [
      "cluster_config.peers is ignored in broker mode",
      "cluster_config.gossip is ignored in broker mode",
      "cluster_config.discovery is ignored in broker mode",
    ]);
  });

  it("takes thresholds from either place, and from both when they agree", () => {
    const gossip = { failure_threshold: 7, config: { failure_threshold: 7, timeout_seconds: 2 } };
    assert.deepEqual(resolved({ ...MESH, gossip }).healthCheck, {
      timeoutMs: 2000,
      successThreshold: 3,
      failureThreshold: 7,
    });
  });

  it("lets ports meet on addresses that do not", () => {
    const status = { port: 10101, bind_addr: "127.0.0.2" };
    assert.equal(resolved({ ...MESH, bind_addr: "127.0.0.1", status }).status.ip, "127.0.0.2");
    assert.throws(() => resolved({ ...MESH, status }), /status\.port: .* which is gossip\.port/);
  });

  it("lets the system choose several ports", () => {
    const config = resolved({
      ...discovering("mdns"),
      gossip: { port: 0 },
      grpc: { port: 0 },
      status: { port: 0 },
    });
    assert.equal(config.discovery?.bindPort, undefined);
  });

  it("serves status where the node listens, unless told otherwise", () => {
    assert.equal(resolved({ ...MESH, bind_addr: "127.0.0.1" }).status.ip, "127.0.0.1");
  });

  it("runs the discovery object and the entries of discoveries together, in order", () => {
    const config = resolved({
      ...discovering("dns"),
      discoveries: [{ type: "mdns", service_name: "gw" }, {
        type: "dns",
        dns_names: ["b.example"],
      }],
    });
    assert.deepEqual(config.discoveries.map(({ type }) => type), ["dns", "mdns", "dns"]);
    assert.equal(config.discoveries[0], config.discovery);
    assert.deepEqual(resolved({ ...discovering("dns"), enabled: false }).discoveries, []);
  });

  it("asks for no peers when the program brings its own way to find them", () => {
    const file = { cluster_config: { enabled: true } };
    assert.throws(() => resolveConfig(file, OPTIONS), /there are neither peers nor discovery/);
    assert.deepEqual(resolveConfig(file, { ...OPTIONS, hasSources: true }).peers, []);
  });

  it("derives the mDNS type from the service name", () => {
    const config = resolved(discovering("mdns", { service_name: "gw" }));
    assert.deepEqual(config.discovery, {
      type: "mdns",
      bindPort: 10101,
      dialTimeoutMs: 10_000,
      allowedAddressSpace: [],
      service: "_gw._tcp",
    });
  });

  it("keeps each gossip key once, in order", () => {
    const config = resolved(withValue(MESH, "security.gossip_keys", [KEY_16, KEY_32, KEY_16]));
    assert.deepEqual(config.security.gossipKeys.map((key) => key.length), [16, 32]);
    assert.deepEqual([...config.security.gossipKeys[0] ?? []], Array.from(Array(16).keys()));
    assert.deepEqual(config.warnings, [
      "cluster_config.security.gossip_keys[2] repeats cluster_config.security.gossip_keys[0] and " +
      "is left out",
    ]);
  });

  it("warns of settings that change nothing or give too much", () => {
    const config = resolved({
      ...MESH,
      security: { verify_incoming: false },
      status: { admin_token: "t", read_token: "t" },
    });
    assert.deepEqual(config.warnings, [
      "cluster_config.security.verify_incoming has no effect without security.gossip_keys",
      "cluster_config.status.read_token is the admin_token, so that readers may write too",
    ]);
  });

  it("is frozen to the bottom and leaves what it was given alone", () => {
    const file = {
      cluster_config: { ...discovering("udp"), security: { gossip_keys: [KEY_16] } },
      governance: { teams: [{ id: "t", profile: { a: 1 } }] },
    };
    const before = JSON.stringify(file);
    const config = resolveConfig(file, OPTIONS);
    for (const part of [config, config.gossip, config.discovery, config.security, config.peers]) {
      assert.ok(Object.isFrozen(part));
    }
    assert.ok(Object.isFrozen(config.discovery?.allowedAddressSpace));
    assert.ok(Object.isFrozen(config.governance));
    assert.equal(JSON.stringify(file), before);
    assert.ok(!Object.isFrozen(file.governance.teams[0]?.profile));
  });

  it("leaves the file's other keys to their owners", () => {
    const rest = { $schema: "x", client: { anything: NaN }, providers: 3, ["__proto__x"]: null };
    assert.equal(resolved(MESH, rest).enabled, true);
  });

  it("refuses keys that objects inherit", () => {
    const clusterConfig: unknown = JSON.parse('{"enabled": true, "__proto__": {"peers": ["a:1"]}}');
    assert.throws(() => resolved(clusterConfig), /cluster_config\.__proto__: there is no such key/);
    assert.throws(() => resolved({ ...MESH, constructor: 1 }), /cluster_config\.constructor: /);
  });

  it("reads env only where the whole text says so", () => {
    const seen: string[] = [];
    const env = (name: string): string | undefined => {
      seen.push(name);
      return name === "PEER" ? "a:1" : "x";
    };
    const clusterConfig = { enabled: true, region: "my env.X", peers: ["env.PEER", "env.y:2"] };
    const config = resolveConfig({ cluster_config: clusterConfig }, { env, hostName: "h" });
    assert.deepEqual(config.peers, [{ host: "a", port: 1 }, { host: "env.y", port: 2 }]);
    assert.equal(config.region, "my env.X");
    assert.equal(resolved({ ...MESH, region: "env.eu-1" }).region, "env.eu-1");
    assert.deepEqual(seen, ["PEER"]);
  });
});

describe("security.token", () => {
  it("is warned of when it is short enough to be guessed", () => {
    const warnings = (token: string): readonly string[] =>
      resolved({ ...MESH, security: { token } }).warnings;
    assert.deepEqual(warnings("0123456789abcdef"), []);
    assert.deepEqual(warnings("0123456789abcde"), [
      "cluster_config.security.token has fewer than 16 characters, whoever reaches the RPC port can try guesses " +
      "offline: take a random one",
    ]);
  });
});

describe("storage", () => {
  it("is what config_store says, port as text and unknown keys included", () => {
    assert.deepEqual(resolved(MESH, { config_store: POSTGRES }).storage, RESOLVED_POSTGRES);
  });

  it("has defaults for what config_store leaves out", () => {
    const config = { host: "db", user: "gw", db_name: "gw" };
    assert.deepEqual(resolved(MESH, { config_store: { ...POSTGRES, config } }).storage, {
      type: "postgres",
      host: "db",
      port: 5432,
      user: "gw",
      password: undefined,
      database: "gw",
      sslMode: "prefer",
    });
  });

  it("reads config_store from the environment", () => {
    const config = { ...POSTGRES.config, password: "env.PG", port: "env.PG_PORT" };
    const env = (name: string): string => name === "PG" ? "secret" : "5434";
    const { storage } = resolveConfig(
      { cluster_config: MESH, config_store: { ...POSTGRES, config } },
      { ...OPTIONS, env },
    );
    assert.deepEqual(storage, { ...RESOLVED_POSTGRES, password: "secret", port: 5434 });
  });

  it("does not look at config_store when storage is set or the store is off", () => {
    const broken = { config_store: { ...POSTGRES, config: 3 } };
    assert.equal(resolved({ ...MESH, storage: { path: "x.db" } }, broken).storage.type, "sqlite");
    assert.equal(resolved({ ...MESH, storage: { type: "memory" } }, broken).storage.type, "memory");
    const off = { config_store: { enabled: false, type: 3, config: 3 } };
    assert.equal(resolved(MESH, off).storage.type, "memory");
  });

  it("uses config_store when storage is postgres", () => {
    const storage = { type: "postgres" };
    assert.deepEqual(
      resolved({ ...MESH, storage }, { config_store: POSTGRES }).storage,
      RESOLVED_POSTGRES,
    );
  });

  it("leaves a store of another type to the gateway, and says so", () => {
    const config = resolved({ ...MESH, node_id: "a" }, {
      config_store: { enabled: true, type: "sqlite", config: { path: "./config.db" } },
    });
    assert.deepEqual(config.storage, { type: "memory" });
    assert.deepEqual(config.notices, [
      "config_store is not of type postgres and stays the gateway's alone, " +
      "cluster state is kept in memory until cluster_config.storage is set",
    ]);
  });
});
