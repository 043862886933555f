/**
 * Our membership in the gossip: the machine, its sockets, and what finds and redials peers.
 *
 * @module
 */

import type { HostPort } from "../config/host_port.ts";
import type { ResolvedConfig } from "../config/resolved.ts";
import { canonicalIp, formatAddress, parseAddress } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Address, Millis } from "../core/machine.ts";
import { type MembershipConfig, resolveMembership } from "../core/membership/config.ts";
import type { MembershipEvent } from "../core/membership/contract.ts";
import { Membership } from "../core/membership/machine.ts";
import { Rejoin, type RejoinEffect, type RejoinInput } from "../core/membership/rejoin.ts";
import { Rng } from "../core/rng.ts";
import { encodeMessage } from "../core/wire/encode.ts";
import type { Keyring } from "../core/wire/keyring.ts";
import { createPacketCodec } from "../core/wire/packet_codec.ts";
import { createStreamCodec } from "../core/wire/stream_codec.ts";
import { LogLimit, type SayRecord } from "../discovery/log_limit.ts";
import type { DiscoverySelf } from "../ports/discovery.ts";
import type { LogSink } from "../ports/observer.ts";
import type { Runtime } from "../ports/runtime.ts";
import { chooseAdvertise, isLoopback } from "./advertise.ts";
import { advertiseFacts } from "./advertise_facts.ts";
import { drive, type Driven } from "./drive.ts";
import type { DiscoveryChange, DiscoveryReport } from "./discovery_report.ts";
import { Finder, type FinderSource } from "./finder.ts";
import { type GossipCommand, type GossipOutcome, type GossipPlane, startGossip } from "./gossip.ts";
import { encodeNodeMeta, type NodeMeta } from "./node_meta.ts";
import { wireConfig } from "./wire_config.ts";

/** How many addresses a node that knows nobody tries at once; the rest is tried later, unless they turn up before. */
const FIRST_JOINS = 16;

/** What our membership is made of. */
export interface GossipMemberOptions {
  readonly runtime: Runtime;
  readonly config: ResolvedConfig;
  readonly keyring: Keyring;
  readonly meta: NodeMeta;
  /** Ways to find peers besides the configured ones. */
  readonly sources: readonly FinderSource[];
  readonly onDiscovery: (change: DiscoveryChange, source: string) => void;
  readonly onEvent: (event: MembershipEvent) => void;
  readonly log: LogSink;
}

/** A started member. Disposal closes the sockets without a word. */
export class GossipMember implements AsyncDisposable {
  readonly machine: Membership;
  /** What we advertise. */
  readonly address: Address;
  /** The memberlist node name. */
  readonly name: string;
  readonly #plane: GossipPlane;
  readonly #options: GossipMemberOptions;
  readonly #rejoin: Driven<RejoinInput>;
  readonly #finder: Finder;
  readonly #isSelf: (ip: string, port: number) => boolean;
  readonly #rng: Rng;
  readonly #log: LogLimit;
  #joinedOnce = false;

  /** Binds, announces ourselves and starts looking for peers. */
  static async start(options: GossipMemberOptions): Promise<GossipMember> {
    const made: { machine?: Membership; address?: Address; name?: string } = {};
    const early: MembershipEvent[] = [];
    let hear = (event: MembershipEvent): void => void early.push(event);
    const { runtime, config } = options;
    const choice = chooseAdvertise(
      await advertiseFacts(runtime, config, options.sources.length > 0),
    );
    const plane = await startGossip({
      runtime,
      ip: config.bindIp,
      port: config.gossip.port,
      machine: (port) => {
        made.name = `${config.nodeId}-${port}`;
        made.address = formatAddress(choice.ip, port);
        options.log({ level: "info", message: `advertising ${made.address}: ${choice.why}` });
        made.machine = newMachine(options, made.name, made.address);
        return made.machine;
      },
      onEvent: (event) => hear(event),
      replyTimeoutMs: membershipConfig(config).tcpTimeoutMs,
    });
    const member = new GossipMember(options, plane, made as Required<typeof made>);
    hear = (event) => member.#hear(event);
    for (const event of early) member.#hear(event);
    try {
      await member.#finder.start();
      return member;
    } catch (error) {
      await member[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    options: GossipMemberOptions,
    plane: GossipPlane,
    made: { readonly machine: Membership; readonly address: Address; readonly name: string },
  ) {
    this.#options = options;
    this.#plane = plane;
    this.machine = made.machine;
    this.address = made.address;
    this.name = made.name;
    const { runtime, config, sources, log } = options;
    this.#isSelf = selfTest(options, this.address);
    this.#rng = new Rng(runtime.entropy.seed());
    const say: SayRecord = (level, message, fields = {}) => log({ level, message, fields });
    this.#log = new LogLimit(runtime.clock, say);
    this.#rejoin = drive<RejoinInput, RejoinEffect>(
      new Rejoin({ self: this.address, seed: runtime.entropy.seed() }),
      runtime.clock,
      (effect) => this.#rejoinEffect(effect),
    );
    this.#finder = new Finder({
      clock: runtime.clock,
      dns: runtime.dns,
      onFound: (addresses, fresh) => this.#found(addresses, fresh),
      onUnresolved: (names) => this.#tellUnresolved(names),
      discovery: {
        sources,
        say,
        rng: this.#rng.fork(),
        isSelf: this.#isSelf,
        onChange: options.onDiscovery,
        context: {
          runtime,
          self: discoverySelf(options.meta, this.address),
          gossipKeys: () => options.keyring.list(),
        },
      },
    }, config.peers);
  }

  /** Runs one operation of the machine. */
  run(command: GossipCommand): Promise<GossipOutcome> {
    return this.#plane.run(command);
  }

  /** Joins through these and keeps redialling them; answers how many answered, rejects `join-failed` for none. */
  async join(peers: readonly HostPort[]): Promise<number> {
    const addresses = await this.#finder.add(peers);
    if (addresses.length === 0) {
      throw new ClusterError(
        "join-failed",
        `Cannot join: not one of ${
          peers.map(({ host }) => host).join(", ")
        } resolves to an address`,
      );
    }
    const { joined } = await this.#plane.run({ type: "join", addresses });
    return joined ?? 0;
  }

  /** How every way to find peers is doing. */
  discovery(): readonly DiscoveryReport[] {
    const alive = this.machine.members().filter(({ state }) => state === "alive");
    return this.#finder.reports(new Set(alive.map(({ address }) => address)));
  }

  /** Configured and discovered addresses, and those of all members, ourselves left out. */
  get candidates(): readonly Address[] {
    const members = this.machine.members().filter(({ name, state }) =>
      name !== this.name && state !== "left"
    );
    return [...this.#finder.addresses, ...members.map(({ address }) => address)];
  }

  /** Whether that is this node itself. */
  isSelf(address: Address): boolean {
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#isSelf(canonicalIp(parsed.ip) ?? "", parsed.port);
  }

  /** Milliseconds since the last packet of an address; `undefined`: none came. */
  heardAgoMs(from: Address): Millis | undefined {
    return this.#plane.heardAgoMs(from);
  }

  /** Takes this node out of discovery; never rejects. */
  withdraw(): Promise<void> {
    return this.#finder.withdraw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rejoin.stop();
    await this.#finder[Symbol.asyncDispose]();
    await this.#plane[Symbol.asyncDispose]();
  }

  #hear(event: MembershipEvent): void {
    this.#rejoin.step({ type: "event", event });
    this.#options.onEvent(event);
  }

  /** Who knows somebody hears of newcomers by gossip soon, and redials whoever does not turn up. */
  #found(addresses: readonly Address[], fresh: readonly Address[]): void {
    this.#rejoin.step({ type: "candidates", addresses });
    const isAlone = !this.machine.members().some(({ name, state }) =>
      name !== this.name && (state === "alive" || state === "suspect")
    );
    if (!isAlone || fresh.length === 0) return;
    void this.#join(this.#rng.shuffle([...fresh]).slice(0, FIRST_JOINS));
  }

  #rejoinEffect(effect: RejoinEffect): void {
    if (effect.type === "join") return void this.#join(effect.addresses);
    this.#options.log({
      level: "warn",
      message:
        "this node sees nobody although peers are configured: check addresses, ports, label and keys",
      fields: { candidates: effect.candidates },
    });
  }

  #tellUnresolved(names: readonly string[]): void {
    const { log } = this.#options;
    if (names.length === 0) return log({ level: "info", message: "all peer names resolve" });
    log({
      level: "warn",
      message: "dns lookup error",
      fields: { names: names.join(" "), cure: "check the names in cluster_config.peers" },
    });
  }

  async #join(addresses: readonly Address[]): Promise<void> {
    const { log } = this.#options;
    try {
      const { joined = 0, failures = [] } = await this.#plane.run({ type: "join", addresses });
      if (joined > 0 && !this.#joinedOnce) {
        this.#joinedOnce = true;
        log({ level: "info", message: `successfully joined ${joined} peers on startup` });
      }
      if (failures.length > 0) {
        log({
          level: "debug",
          message: "some peers did not answer",
          fields: { failures: failures.join("; ") },
        });
      }
    } catch (error) {
      if (ClusterError.is(error, "closed")) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.say("warn", "failed to join cluster", { reason });
    }
  }
}

function discoverySelf(meta: NodeMeta, address: Address): DiscoverySelf {
  const { ip, port } = parseAddress(address) as { ip: string; port: number };
  const { nodeId, bootId, region, rpcPort, capabilities, version } = meta;
  return { nodeId, bootId, region, ip, port, rpcPort, capabilities, version };
}

/** Sources list us under whichever address they saw. */
function selfTest(
  { runtime, config }: GossipMemberOptions,
  address: Address,
): (ip: string, port: number) => boolean {
  const self = parseAddress(address) as { ip: string; port: number };
  const isAnywhere = ["0.0.0.0", "::"].includes(config.bindIp);
  return (ip, port) => {
    if (port !== self.port) return false;
    if (ip === canonicalIp(self.ip)) return true;
    if (!isAnywhere) return ip === canonicalIp(config.bindIp);
    return isLoopback(ip) || runtime.interfaces.list().some((own) => canonicalIp(own.ip) === ip);
  };
}

function newMachine(
  { runtime, config, keyring, meta }: GossipMemberOptions,
  name: string,
  address: Address,
): Membership {
  const wire = wireConfig(config, keyring);
  return new Membership({
    config: membershipConfig(config),
    self: { name, address, meta: encodeNodeMeta(meta) },
    seed: runtime.entropy.seed(),
    packetCodec: createPacketCodec(wire, runtime.sealer.crc32),
    streamCodec: createStreamCodec(wire),
    encode: encodeMessage,
  });
}

function membershipConfig({ gossip }: ResolvedConfig): MembershipConfig {
  const { profile, delegateVersion } = gossip;
  return resolveMembership({
    profile,
    ...(delegateVersion === undefined ? {} : { delegateProtocol: delegateVersion }),
  });
}
