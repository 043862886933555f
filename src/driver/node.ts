/**
 * The node: membership, replication, health and leaders on one runtime.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import { formatAddress, parseAddress } from "../core/address.ts";
import { computeLeaders, leaderChanges, type Leaders } from "../core/coordination/leaders.ts";
import { ClusterError } from "../core/errors.ts";
import type { LogLevel } from "../core/log.ts";
import type { Address, WallMillis } from "../core/machine.ts";
import type { MembershipEvent } from "../core/membership/contract.ts";
import type { ReplicationEvent } from "../core/replication/contract.ts";
import { Replication } from "../core/replication/machine.ts";
import { Rng } from "../core/rng.ts";
import type { LogSink } from "../ports/observer.ts";
import type { RpcServer } from "../ports/rpc.ts";
import type { Runtime } from "../ports/runtime.ts";
import { VERSION } from "../version.ts";
import type {
  ClusterMember,
  ClusterNode,
  NodeEvent,
  NodeKeys,
  NodeStatus,
  Readiness,
} from "./cluster_node.ts";
import { type Entities, entitiesOf, type EntityBase, entityChange } from "./entities.ts";
import { entryCodec } from "./entry_codec.ts";
import { membershipRecord, replicationRecord } from "./event_log.ts";
import { GossipMember } from "./gossip_member.ts";
import { HealthChecks } from "./health_checks.ts";
import { hostPort } from "./host_names.ts";
import { Links } from "./links.ts";
import { Listeners } from "./listeners.ts";
import { clusterMember, type KnownMember, MetaCache, rpcAddressOf } from "./member_view.ts";
import { NodeSecurity, securityWarning } from "./node_security.ts";
import { candidates, Peers } from "./peers.ts";
import { applySeeds } from "./seed.ts";

/** What every node of this version can do, as told in gossip metadata. */
export const CAPABILITIES: readonly string[] = ["ack:v1"];

const CHECK_EVERY_MS = 1_000;
const LEAVE_TIMEOUT_MS = 5_000;
const FLUSH_TIMEOUT_MS = 5_000;
const FLUSH_POLL_MS = 20;

/** See {@linkcode ClusterNode}. */
export class Node implements ClusterNode {
  readonly config: ResolvedConfig;
  readonly bootId: string;
  readonly #runtime: Runtime;
  readonly #log: LogSink;
  readonly #security: NodeSecurity;
  readonly #replication: Replication;
  readonly #links: Links;
  readonly #base: EntityBase;
  readonly #peers: Peers = new Peers();
  readonly #metas: MetaCache = new MetaCache();
  readonly #checks: HealthChecks;
  readonly #listeners: Listeners<NodeEvent>;
  readonly #startedMs: WallMillis;
  #gossip: GossipMember | undefined;
  #rpc: RpcServer | undefined;
  #rpcRefused = 0;
  #leaders: Leaders = { cluster: undefined, regions: new Map() };
  #clusterHealthy: boolean | undefined;
  #wasReady = false;
  #syncedBy: string | undefined;
  #refreshPlanned = false;
  #draining = false;
  #left: Promise<void> | undefined;
  #closed = false;
  #disarmChecks: () => void = () => {};

  /** Starts everything; on failure closes what was open and rejects. */
  static async start(runtime: Runtime, config: ResolvedConfig, log: LogSink): Promise<Node> {
    const node = new Node(runtime, config, log, await NodeSecurity.load(config.security, runtime));
    try {
      await node.#open();
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  private constructor(
    runtime: Runtime,
    config: ResolvedConfig,
    log: LogSink,
    security: NodeSecurity,
  ) {
    this.#runtime = runtime;
    this.config = config;
    this.#log = log;
    this.#security = security;
    this.#startedMs = runtime.clock.wall();
    this.bootId = Array.from(runtime.entropy.bytes(8), (byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    this.#checks = new HealthChecks(config.healthCheck);
    this.#listeners = new Listeners((error) =>
      this.#say("error", "a listener threw", { error: String(error) })
    );
    const codec = entryCodec;
    this.#replication = new Replication(
      {
        nodeId: config.nodeId,
        bootId: this.bootId,
        capabilities: CAPABILITIES,
        joinTimeoutMs: config.enabled && config.peers.length > 0 ? config.joinTimeoutMs : 0,
        expectedNodes: config.expectedNodes ?? 0,
      },
      codec,
      new Rng(runtime.entropy.seed()),
    );
    this.#links = new Links({
      runtime,
      machine: this.#replication,
      security: security.rpc,
      dialTimeoutMs: config.grpc.dialTimeoutMs,
      addressOf: (peer) => {
        const known = this.#peers.get(peer);
        return known === undefined ? undefined : rpcAddressOf(known);
      },
      onEvent: (event) => this.#onReplication(event),
    });
    const { store } = this.#replication;
    this.#base = {
      codec,
      find: (type, key) => this.#replication.get(type, key),
      list: (type) => [...store.slots(type)].map(({ entry }) => entry),
      count: (type) => [...store.slots(type)].filter(({ entry }) => !entry.deleted).length,
      write: (writes) => this.#links.write(writes),
    };
  }

  get nodeId(): string {
    return this.config.nodeId;
  }

  get keys(): NodeKeys {
    return this.#security;
  }

  members(): readonly ClusterMember[] {
    const self = this.#memberName();
    return this.#known()
      .map((known) => {
        const verdict = known.member.name === self
          ? { healthy: true }
          : this.#checks.verdict(known);
        return clusterMember(known, self, verdict);
      })
      .sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  leaders(): Leaders {
    return this.#leaders;
  }

  readiness(): Readiness {
    if (this.#draining) return { ready: false, reason: "the node is leaving" };
    const { notReadyBecause } = this.#replication.view();
    if (notReadyBecause !== undefined) return { ready: false, reason: notReadyBecause };
    const expected = this.config.expectedNodes ?? 1;
    const inView = this.#known().filter(({ member }) => member.state === "alive").length;
    if (this.#syncedBy !== "snapshot" && expected > 1 && inView * 2 <= expected) {
      return {
        ready: false,
        reason: `${inView} of ${expected} expected nodes are in view, a majority is needed`,
      };
    }
    return { ready: true, reason: `first sync done (${this.#syncedBy ?? "alone"})` };
  }

  status(): NodeStatus {
    const gossip = this.#gossip;
    const types = [...this.#replication.store.types()].filter((type) => !type.startsWith("_"));
    return {
      nodeId: this.nodeId,
      memberName: this.#memberName(),
      bootId: this.bootId,
      region: this.config.region,
      runtime: `${this.#runtime.name} ${this.#runtime.version}`,
      version: VERSION,
      gossip: gossip?.address,
      rpc: this.#rpc?.local,
      startedMs: this.#startedMs,
      readiness: this.readiness(),
      draining: this.#draining,
      healthScore: gossip?.machine.healthScore ?? 0,
      encrypted: this.#security.size > 0,
      membership: gossip?.machine.counters,
      replication: this.#replication.view(),
      entities: Object.fromEntries(types.map((type) => [type, this.#base.count(type)])),
      rpcRefused: this.#rpcRefused,
    };
  }

  entities<T = unknown>(type: string): Entities<T> {
    return entitiesOf<T>(type, this.#base);
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async join(addresses: readonly string[]): Promise<number> {
    return await this.#plane("join").join(addresses.map(hostPort));
  }

  async send(
    nodeId: string,
    payload: Uint8Array,
    options: { readonly reliable?: boolean } = {},
  ): Promise<void> {
    const known = this.#known().find(({ member, meta }) =>
      (meta?.nodeId ?? member.name) === nodeId
    );
    if (known === undefined) {
      throw new ClusterError(
        "unknown-member",
        `Cannot send to ${JSON.stringify(nodeId)}: there is no such member`,
      );
    }
    const type = options.reliable === true ? "sendReliable" : "sendBestEffort";
    await this.#plane("send").run({ type, to: known.member.name, payload });
  }

  async broadcast(payload: Uint8Array): Promise<void> {
    await this.#plane("broadcast").run({ type: "userBroadcast", payload });
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#draining = true;
    this.#disarmChecks();
    await this.#gossip?.[Symbol.asyncDispose]();
    await this.#links[Symbol.asyncDispose]();
    await this.#rpc?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.leave();
    await this.close();
  }

  // Start.

  async #open(): Promise<void> {
    const { config } = this;
    for (const sentence of config.notices) this.#say("info", sentence);
    for (const sentence of config.warnings) this.#say("warn", sentence);
    if (config.enabled) {
      const warning = securityWarning(this.#security);
      if (warning !== undefined) this.#say("warn", warning);
      await this.#openPlanes();
    } else {
      this.#refresh();
    }
    this.#armChecks();
  }

  async #openPlanes(): Promise<void> {
    const { config } = this;
    this.#rpc = await this.#runtime.rpc.serve({
      ip: config.bindIp,
      port: config.grpc.port,
      security: this.#security.rpc,
      health: () => this.readiness().ready ? "serving" : "not-serving",
      audience: () => this.#audience(),
      onLink: (stream) => this.#links.accept(stream),
      onRefused: (from, reason) => {
        this.#rpcRefused++;
        this.#say("warn", "refused an RPC caller", { from, reason });
      },
    });
    this.#gossip = await GossipMember.start({
      runtime: this.#runtime,
      config,
      keyring: this.#security.keyring,
      meta: {
        nodeId: config.nodeId,
        bootId: this.bootId,
        rpcHost: "",
        rpcPort: parseAddress(this.#rpc.local)?.port ?? config.grpc.port,
        region: config.region,
        capabilities: CAPABILITIES,
        version: VERSION,
        startedMs: this.#startedMs,
      },
      onEvent: (event) => this.#onMembership(event),
      log: this.#log,
    });
    this.#say("info", "node started", {
      name: this.#memberName(),
      gossip: this.#gossip.address,
      rpc: this.#rpc.local,
      runtime: `${this.#runtime.name} ${this.#runtime.version}`,
    });
  }

  /** Where peers dial us: our gossip address's host with the RPC port. */
  #audience(): readonly Address[] {
    const rpc = parseAddress(this.#rpc?.local ?? "");
    const host = parseAddress(this.#gossip?.address ?? "");
    return rpc === undefined || host === undefined ? [] : [formatAddress(host.ip, rpc.port)];
  }

  // What happens.

  #onMembership(event: MembershipEvent): void {
    const record = membershipRecord(event);
    if (record !== undefined) this.#log(record);
    switch (event.type) {
      case "joined":
      case "updated":
      case "suspected":
      case "cleared":
      case "gone": {
        this.#planRefresh();
        const known = this.#metas.read(event.member);
        const verdict = this.#checks.verdict(known);
        this.#listeners.tell({
          type: event.type,
          member: clusterMember(known, this.#memberName(), verdict),
        });
        return;
      }
      case "reaped":
        this.#listeners.tell(event);
        return;
      case "user":
        this.#listeners.tell({ type: "user", from: event.from, payload: event.payload });
        return;
    }
  }

  #onReplication(event: ReplicationEvent): void {
    const record = replicationRecord(event);
    if (record !== undefined) this.#log(record);
    switch (event.type) {
      case "changed":
        if (event.entry.type.startsWith("_")) return;
        this.#listeners.tell({
          type: "entity",
          change: entityChange(event.entry, event.old, event.local, this.#base.codec),
        });
        return;
      case "ready":
        this.#syncedBy = event.how;
        void this.#seed();
        this.#tellReadiness();
        return;
      case "linkState": {
        const peer = this.#peers.get(event.peer);
        if (peer !== undefined && event.state === "waiting" && event.reason !== undefined) {
          this.#checks.broken(peer.member.name, event.reason);
        }
      }
    }
  }

  async #seed(): Promise<void> {
    if (this.config.governance.length === 0) return;
    const { written, unchanged } = await applySeeds(this.config.governance, this.#base);
    this.#say("info", "governance file applied", { written, unchanged });
  }

  /** Many events of one step lead to one refresh. */
  #planRefresh(): void {
    if (this.#refreshPlanned) return;
    this.#refreshPlanned = true;
    queueMicrotask(() => {
      this.#refreshPlanned = false;
      if (!this.#closed) this.#refresh();
    });
  }

  #refresh(): void {
    const known = this.#known();
    const self = this.#memberName();
    const { up, down } = this.#peers.refresh(known.filter(({ member }) => member.name !== self));
    for (const nodeId of down) this.#links.peerDown(nodeId);
    for (const { meta } of up) this.#links.peerUp(meta.nodeId, meta.bootId, meta.capabilities);
    const leaders = computeLeaders(candidates(known));
    const changes = leaderChanges(this.#leaders, leaders);
    this.#leaders = leaders;
    for (const change of changes) {
      this.#say("info", "leader changed", {
        seat: change.region === undefined ? "cluster" : `region ${change.region}`,
        from: change.from ?? "none",
        to: change.to ?? "none",
      });
      this.#listeners.tell({ type: "leader", change, leaders });
    }
  }

  // Once a second.

  #armChecks(): void {
    const { clock } = this.#runtime;
    this.#disarmChecks = clock.alarm(clock.now() + CHECK_EVERY_MS, () => {
      this.#check();
      this.#armChecks();
    });
  }

  #check(): void {
    const self = this.#memberName();
    this.#checks.run({
      now: this.#runtime.clock.now(),
      peers: this.#known().filter(({ member }) => member.name !== self),
      links: this.#replication.view().links,
      failureOf: (peer) => this.#links.failureOf(peer),
    });
    this.#refresh();
    this.#tellReadiness();
    const members = this.members().filter(({ state }) => state !== "left");
    const healthyMembers = members.filter(({ healthy }) => healthy).length;
    const healthy = healthyMembers === members.length;
    if (healthy === this.#clusterHealthy) return;
    this.#clusterHealthy = healthy;
    this.#say(healthy ? "info" : "warn", `cluster health: ${healthy ? "HEALTHY" : "NOT HEALTHY"}`, {
      members: members.length,
      healthyMembers,
    });
    this.#listeners.tell({ type: "health", healthy, members: members.length, healthyMembers });
  }

  #tellReadiness(): void {
    const readiness = this.readiness();
    if (readiness.ready === this.#wasReady) return;
    this.#wasReady = readiness.ready;
    this.#say("info", readiness.ready ? "ready" : "not ready", { reason: readiness.reason });
    this.#listeners.tell({ type: "readiness", readiness });
  }

  // Leave.

  async #leave(): Promise<void> {
    this.#draining = true;
    this.#tellReadiness();
    if (this.#closed) return;
    await this.#flush();
    try {
      await this.#gossip?.run({ type: "leave", timeoutMs: LEAVE_TIMEOUT_MS });
      this.#links.leave();
    } catch (error) {
      this.#say("warn", "left without everybody knowing", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Waits until the peers have acknowledged what was written here, or for a while. */
  async #flush(): Promise<void> {
    const { clock } = this.#runtime;
    const deadline = clock.now() + FLUSH_TIMEOUT_MS;
    while (clock.now() < deadline) {
      const open = this.#replication.view().links.filter(({ state }) => state === "open");
      if (open.every(({ dirty, inFlight }) => dirty === 0 && inFlight === 0)) return;
      await new Promise<void>((resolve) => clock.alarm(clock.now() + FLUSH_POLL_MS, resolve));
    }
    this.#say("warn", "failed to broadcast", {
      reason: "peers did not acknowledge everything before the node left",
    });
  }

  // Small things.

  #known(): KnownMember[] {
    const gossip = this.#gossip;
    if (gossip !== undefined) {
      return gossip.machine.members().map((member) => this.#metas.read(member));
    }
    return [this.#alone()];
  }

  /** What a node that talks to nobody sees: itself. */
  #alone(): KnownMember {
    return {
      member: {
        name: this.#memberName(),
        address: formatAddress("127.0.0.1", this.config.gossip.port),
        state: "alive",
        incarnation: 1,
        meta: new Uint8Array(),
        vsn: new Uint8Array(6),
        stateChangedMs: 0,
      },
      meta: {
        nodeId: this.nodeId,
        bootId: this.bootId,
        rpcHost: "",
        rpcPort: 0,
        region: this.config.region,
        capabilities: CAPABILITIES,
        version: VERSION,
        startedMs: this.#startedMs,
      },
    };
  }

  #memberName(): string {
    return this.#gossip?.name ?? `${this.config.nodeId}-${this.config.gossip.port}`;
  }

  #plane(operation: string): GossipMember {
    if (this.#gossip === undefined || this.#closed) {
      throw new ClusterError(
        "closed",
        `Cannot ${operation}: this node talks to nobody, or is closed`,
      );
    }
    return this.#gossip;
  }

  #say(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, string | number | boolean>> = {},
  ): void {
    this.#log({ level, message, fields });
  }
}
