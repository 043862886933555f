/**
 * The node: membership, replication, health and leaders on one runtime.
 *
 * @module
 */

import type { ResolvedConfig } from "../config/resolved.ts";
import { formatAddress, parseAddress } from "../core/address.ts";
import type { Leaders } from "../core/coordination/leaders.ts";
import { ClusterError } from "../core/errors.ts";
import type { LogLevel } from "../core/log.ts";
import type { Address, WallMillis } from "../core/machine.ts";
import type { MembershipEvent } from "../core/membership/contract.ts";
import type { ReplicationEvent } from "../core/replication/contract.ts";
import { CAPABILITIES } from "../core/replication/config.ts";
import { Replication } from "../core/replication/machine.ts";
import { Rng } from "../core/rng.ts";
import type { LogSink } from "../ports/observer.ts";
import type { RpcServer } from "../ports/rpc.ts";
import type { StorageProvider } from "../ports/storage.ts";
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
import {
  type Entities,
  entitiesOf,
  type EntityBase,
  type EntityChange,
  entityChange,
  entityExpired,
} from "./entities.ts";
import type { DiscoveryChange } from "./discovery_report.ts";
import type { DoctorReport } from "./doctor.ts";
import type { FinderSource } from "./finder.ts";
import { ClusterView } from "./cluster_view.ts";
import { entryCodec } from "./entry_codec.ts";
import { membershipRecord, replicationRecord } from "./event_log.ts";
import { entityBase } from "./entity_base.ts";
import { GossipMember } from "./gossip_member.ts";
import { hostPort } from "./host_names.ts";
import { type KeyValues, keyValues } from "./kv.ts";
import type { ClusterGovernance } from "./limits/cluster_governance.ts";
import type { ClusterLimits } from "./limits/cluster_limits.ts";
import { NodeLimits } from "./limits/node_limits.ts";
import { VOTER_TYPE } from "./limits/voter_rows.ts";
import { Links } from "./links.ts";
import { Listeners } from "./listeners.ts";
import {
  type KnownMember,
  lonelyMember,
  memberNamed,
  MetaCache,
  rpcAddressOf,
} from "./member_view.ts";
import type { NodeMeta } from "./node_meta.ts";
import { examineFrom } from "./node_doctor.ts";
import { nodeEventOf } from "./node_event.ts";
import { NodeSecurity, securityWarning } from "./node_security.ts";
import { seedNode } from "./seed.ts";
import { replicationOptions } from "./replication_options.ts";
import { sayGoodbye } from "./say_goodbye.ts";
import type { StandardSchema } from "./standard_schema.ts";
import { StoredState } from "./stored_state.ts";

const CHECK_EVERY_MS = 1_000;

/** See {@linkcode ClusterNode}. */
export class Node implements ClusterNode {
  readonly config: ResolvedConfig;
  readonly bootId: string;
  readonly #runtime: Runtime;
  readonly #log: LogSink;
  readonly #security: NodeSecurity;
  readonly #state: StoredState | undefined;
  readonly #sources: readonly FinderSource[];
  readonly #replication: Replication;
  readonly #links: Links;
  readonly #base: EntityBase;
  readonly kv: KeyValues;
  readonly #metas: MetaCache = new MetaCache();
  readonly #view: ClusterView;
  readonly #listeners: Listeners<NodeEvent>;
  readonly #changes: Listeners<EntityChange>;
  readonly #startedMs: WallMillis;
  #limits: NodeLimits | undefined;
  #gossip: GossipMember | undefined;
  #rpc: RpcServer | undefined;
  #rpcRefused = 0;
  #draining = false;
  #left: Promise<void> | undefined;
  readonly #closing: AbortController = new AbortController();
  #closed: Promise<void> | undefined;
  #disarmChecks: () => void = () => {};

  /** Starts everything; on failure closes what was open and rejects. */
  static async start(
    runtime: Runtime,
    config: ResolvedConfig,
    log: LogSink,
    provider: StorageProvider | undefined,
    sources: readonly FinderSource[] = [],
  ): Promise<Node> {
    const security = await NodeSecurity.load(config.security, runtime);
    const state = provider === undefined ? undefined : await StoredState.open({
      provider,
      codec: entryCodec,
      clock: runtime.clock,
      say: (level, message, fields = {}) => log({ level, message, fields }),
    });
    const node = new Node(runtime, config, log, security, state, sources);
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
    state: StoredState | undefined,
    sources: readonly FinderSource[],
  ) {
    this.#state = state;
    this.#sources = sources;
    this.#runtime = runtime;
    this.config = config;
    this.#log = log;
    this.#security = security;
    this.#startedMs = runtime.clock.wall();
    this.bootId = Array.from(runtime.entropy.bytes(8), (byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    const threw = (error: unknown): void =>
      this.#say("error", "a listener threw", { error: String(error) });
    this.#listeners = new Listeners(threw);
    this.#changes = new Listeners(threw);
    this.#replication = new Replication(
      replicationOptions(config, this.bootId, sources.length),
      entryCodec,
      new Rng(runtime.entropy.seed()),
    );
    this.#links = new Links({
      runtime,
      machine: this.#replication,
      security: security.rpc,
      dialTimeoutMs: config.grpc.dialTimeoutMs,
      addressOf: (peer) => {
        const known = this.#view.peers.get(peer);
        return known === undefined ? undefined : rpcAddressOf(known);
      },
      onEvent: (event) => this.#onReplication(event),
      ...(state === undefined ? {} : { stored: () => state.flushed() }),
    });
    this.#view = new ClusterView({
      config,
      links: this.#links,
      known: () => this.#known(),
      self: () => this.#memberName(),
      replication: () => this.#replication.view(),
      tell: (event) => this.#listeners.tell(event),
      onMembers: (known) => this.#limits?.members(known),
      say: (level, message, fields) => this.#say(level, message, fields),
      after: (ms, run) => runtime.clock.alarm(runtime.clock.now() + ms, run),
    });
    this.#base = entityBase({
      clock: runtime.clock,
      replication: this.#replication,
      links: this.#links,
      state,
      changes: this.#changes,
      closed: this.#closing.signal,
    });
    this.kv = keyValues(this.#base, () => this.#replication.clock.time(runtime.clock.now()));
  }

  get nodeId(): string {
    return this.config.nodeId;
  }

  get keys(): NodeKeys {
    return this.#security;
  }

  get limits(): ClusterLimits {
    return (this.#limits as NodeLimits).api;
  }

  get governance(): ClusterGovernance {
    return (this.#limits as NodeLimits).governance;
  }

  members(): readonly ClusterMember[] {
    return this.#view.members();
  }

  leaders(): Leaders {
    return this.#view.leaders;
  }

  readiness(): Readiness {
    return this.#view.readiness();
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
      discovery: gossip?.discovery() ?? [],
      storage: this.#state?.view(),
      limits: this.limits.view(),
    };
  }

  entities<T = unknown>(type: string, schema?: StandardSchema<T>): Entities<T> {
    return entitiesOf<T>(type, this.#base, schema);
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  async join(addresses: readonly string[]): Promise<number> {
    return await this.#plane("join").join(addresses.map(hostPort));
  }

  async doctor(): Promise<DoctorReport> {
    return await examineFrom(this.#plane("examine the cluster"), this.#replication, {
      runtime: this.#runtime,
      config: this.config,
      security: this.#security,
    });
  }

  async send(
    nodeId: string,
    payload: Uint8Array,
    options: { readonly reliable?: boolean } = {},
  ): Promise<void> {
    const known = memberNamed(nodeId, this.#known());
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

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed === undefined) await this.leave();
    await this.close();
  }

  // Start.

  async #open(): Promise<void> {
    const { config } = this;
    for (const sentence of config.notices) this.#say("info", sentence);
    for (const sentence of config.warnings) this.#say("warn", sentence);
    await this.#startLimits();
    this.#links.start();
    if (config.enabled) {
      const warning = securityWarning(this.#security);
      if (warning !== undefined) this.#say("warn", warning);
      await this.#openPlanes();
    } else {
      this.#view.refresh();
    }
    this.#armChecks();
  }

  async #startLimits(): Promise<void> {
    const state = this.#state;
    const rows = await state?.restore((entry) => this.#replication.restore(entry), VOTER_TYPE);
    this.#limits = new NodeLimits({
      runtime: this.#runtime,
      config: this.config,
      bootId: this.bootId,
      replication: this.#replication,
      links: this.#links,
      base: this.#base,
      voter: state && { store: state.rows(VOTER_TYPE), rows: rows ?? [] },
      tell: (event) => this.#listeners.tell({ type: "limit", event }),
      say: (level, message, fields) => this.#say(level, message, fields),
    });
    this.#limits.start();
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
      meta: this.#meta(parseAddress(this.#rpc.local)?.port ?? config.grpc.port),
      sources: this.#sources,
      onDiscovery: (change, source) => this.#onDiscovery(change, source),
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
    const told = nodeEventOf(event, (member) => this.#view.member(this.#metas.read(member)));
    if (told === undefined) return;
    if ("member" in told) this.#view.planRefresh();
    this.#listeners.tell(told);
  }

  #onDiscovery(change: DiscoveryChange, source: string): void {
    const report = this.#gossip?.discovery().find((one) => one.source === source);
    if (report !== undefined) this.#listeners.tell({ type: "discovery", source, change, report });
  }

  #onReplication(event: ReplicationEvent): void {
    const record = replicationRecord(event);
    if (record !== undefined) this.#log(record);
    this.#state?.note(event);
    this.#limits?.note(event);
    switch (event.type) {
      case "changed":
        if (event.entry.type.startsWith("_")) return;
        this.#changed(entityChange(event.entry, event.old, event.local, this.#base.codec));
        return;
      case "expired":
      case "forgotten":
        if (event.entry.type.startsWith("_")) return;
        this.#changed(entityExpired(event.entry, this.#base.codec));
        return;
      case "ready":
        this.#view.synced(event.how);
        void seedNode(this.config.governance, this.#base, (...said) => this.#say(...said));
        return;
      case "linkState":
        if (event.state === "waiting" && event.reason !== undefined) {
          this.#view.linkBroken(event.peer, event.reason);
        }
    }
  }

  #changed(change: EntityChange): void {
    this.#changes.tell(change);
    this.#listeners.tell({ type: "entity", change });
  }

  // Once a second.

  #armChecks(): void {
    const { clock } = this.#runtime;
    this.#disarmChecks = clock.alarm(clock.now() + CHECK_EVERY_MS, () => {
      this.#view.check(clock.now());
      this.#armChecks();
    });
  }

  // Leave.

  async #close(): Promise<void> {
    this.#draining = true;
    this.#disarmChecks();
    this.#view.stop();
    this.#closing.abort();
    this.#limits?.close();
    await this.#gossip?.[Symbol.asyncDispose]();
    await this.#links[Symbol.asyncDispose]();
    await this.#rpc?.[Symbol.asyncDispose]();
    await this.#state?.close();
  }

  async #leave(): Promise<void> {
    this.#draining = true;
    this.#view.drain();
    if (this.#closed !== undefined) return;
    await this.#limits?.leave();
    await sayGoodbye({
      clock: this.#runtime.clock,
      replication: this.#replication,
      links: this.#links,
      gossip: this.#gossip,
      say: (...said) => this.#say(...said),
    });
  }

  // Small things.

  #known(): KnownMember[] {
    const gossip = this.#gossip;
    if (gossip !== undefined) {
      return gossip.machine.members().map((member) => this.#metas.read(member));
    }
    return [lonelyMember(this.#memberName(), this.config.gossip.port, this.#meta(0))];
  }

  #meta(rpcPort: number): NodeMeta {
    return {
      nodeId: this.config.nodeId,
      bootId: this.bootId,
      rpcHost: "",
      rpcPort,
      region: this.config.region,
      capabilities: CAPABILITIES,
      version: VERSION,
      startedMs: this.#startedMs,
    };
  }

  #memberName(): string {
    return this.#gossip?.name ?? `${this.config.nodeId}-${this.config.gossip.port}`;
  }

  #plane(operation: string): GossipMember {
    if (this.#gossip === undefined || this.#closed !== undefined) {
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
