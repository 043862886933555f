/**
 * The doctor before a node starts: nothing runs yet, and nothing is announced.
 *
 * @module
 */

import { resolveConfig } from "../config/resolve.ts";
import { canonicalIp, formatAddress, parseAddress } from "../core/address.ts";
import { ClusterError } from "../core/errors.ts";
import type { Address, Millis } from "../core/machine.ts";
import { Rng } from "../core/rng.ts";
import { encodeMessage } from "../core/wire/encode.ts";
import type { PacketCodec } from "../core/wire/contract.ts";
import { createPacketCodec } from "../core/wire/packet_codec.ts";
import type { DatagramSocket } from "../ports/datagrams.ts";
import type { DiscoveryProvider } from "../ports/discovery.ts";
import type { Runtime } from "../ports/runtime.ts";
import { VERSION } from "../version.ts";
import { chooseAdvertise } from "./advertise.ts";
import { advertiseFacts } from "./advertise_facts.ts";
import { type CreateNodeOptions, discoverySources } from "./create_node.ts";
import { type DoctorReport, examine } from "./doctor.ts";
import { Finder } from "./finder.ts";
import { NodeSecurity } from "./node_security.ts";
import { wireConfig } from "./wire_config.ts";

/** How long sources may take to answer for the first time. */
const SOURCES_MS: Millis = 12_000;

/**
 * Examines what a node with this configuration would meet: every discovery source, and every port of every candidate.
 * Takes the same options as {@linkcode createNode}, of which it uses `log`, `discovery` and `discoverySources`.
 * Announces nothing, joins nobody. Where no node runs here, it answers the probes of peers at the gossip port meanwhile.
 * Rejects with `ClusterError` `bad-config` or `bad-data` as `createNode` does.
 *
 * ```ts
 * import { runDoctor } from "@althing/cluster";
 * import { nodeRuntime } from "@althing/cluster/node";
 *
 * const report = await runDoctor(nodeRuntime(), {
 *   cluster_config: { enabled: true, peers: ["10.0.0.2:10101"] },
 * });
 * for (const { check, to, verdict, said, cure } of report.lines) {
 *   console.log(verdict, check, to, said, cure);
 * }
 * ```
 */
export async function runDoctor(
  runtime: Runtime,
  file: unknown,
  options: CreateNodeOptions = {},
): Promise<DoctorReport> {
  const config = resolveConfig(file, {
    env: (name) => runtime.env.get(name),
    hostName: runtime.interfaces.hostName(),
    hasSources: (options.discoverySources?.length ?? 0) > 0,
  });
  if (!config.enabled || config.type !== "mesh") {
    throw new ClusterError(
      "unsupported",
      "Cannot examine the cluster: the configuration makes this node no member of a mesh, " +
        "set cluster_config.enabled and type",
    );
  }
  const security = await NodeSecurity.load(config.security, runtime);
  const sources = await discoverySources(config, options);
  const { ip } = chooseAdvertise(await advertiseFacts(runtime, config, sources.length > 0));
  const self = formatAddress(ip, config.gossip.port);
  const isSelf = (address: Address): boolean => isOurs(address, self, runtime);
  await using finder = new Finder({
    clock: runtime.clock,
    dns: runtime.dns,
    onFound: () => {},
    onUnresolved: () => {},
    discovery: {
      sources: sources.map((source) => ({ ...source, provider: quiet(source.provider) })),
      rng: new Rng(runtime.entropy.seed()),
      say: (level, message, fields = {}) => options.log?.({ level, message, fields }),
      isSelf: (host, port) => isSelf(formatAddress(host, port)),
      onChange: () => {},
      context: {
        runtime,
        gossipKeys: () => security.keyring.list(),
        self: {
          nodeId: config.nodeId,
          bootId: "doctor",
          region: config.region,
          ip,
          port: config.gossip.port,
          rpcPort: config.grpc.port,
          capabilities: [],
          version: VERSION,
        },
      },
    },
  }, config.peers);
  await finder.start();
  await finder.look();
  await answered(finder, runtime);
  const codec = createPacketCodec(wireConfig(config, security.keyring), runtime.sealer.crc32);
  await using listener = await Listener.open(runtime, config.bindIp, config.gossip.port, codec);
  return await examine({
    runtime,
    config,
    security,
    self,
    isSelf,
    addresses: finder.addresses,
    sources: finder.reports(new Set()),
    ...(listener === undefined ? {} : { heardAgoMs: (from) => listener.heardAgoMs(from) }),
  });
}

/** A session that asks and tells of nobody. */
function quiet(provider: DiscoveryProvider): DiscoveryProvider {
  return {
    name: provider.name,
    async open(context) {
      const session = await provider.open(context);
      return {
        next: (signal) => session.next(signal),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}

function isOurs(address: Address, self: Address, { interfaces }: Runtime): boolean {
  const [other, own] = [parseAddress(address), parseAddress(self)];
  if (other === undefined || own === undefined || other.port !== own.port) return false;
  const ip = canonicalIp(other.ip);
  return ip === canonicalIp(own.ip) || interfaces.list().some((one) => canonicalIp(one.ip) === ip);
}

/** Waits until every source has answered or failed. */
async function answered(finder: Finder, { clock }: Runtime): Promise<void> {
  const deadline = clock.now() + SOURCES_MS;
  const isDone = (): boolean =>
    finder.reports(new Set()).every(({ source, lastSuccessMs, failures }) =>
      source === "peers" || lastSuccessMs !== undefined || failures > 0
    );
  while (!isDone() && clock.now() < deadline) {
    await new Promise<void>((resolve) => void clock.alarm(clock.now() + 50, resolve));
  }
}

/** Answers probes where a node would. */
class Listener implements AsyncDisposable {
  readonly #runtime: Runtime;
  readonly #heard: Map<Address, Millis> = new Map();
  #socket: DatagramSocket | undefined;

  private constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** `undefined` when the port is taken, most likely by the node itself. */
  static async open(
    runtime: Runtime,
    ip: string,
    port: number,
    codec: PacketCodec,
  ): Promise<Listener | undefined> {
    if (port === 0) return undefined;
    const listener = new Listener(runtime);
    try {
      listener.#socket = await runtime.datagrams.bind({
        ip,
        port,
        onFrame: ({ from, bytes }) => listener.#frame(from, bytes, codec),
      });
      return listener;
    } catch (error) {
      if (ClusterError.is(error, "bind-failed")) return undefined;
      throw error;
    }
  }

  heardAgoMs(from: Address): Millis | undefined {
    const heardMs = this.#heard.get(from);
    return heardMs === undefined ? undefined : this.#runtime.clock.now() - heardMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket?.[Symbol.asyncDispose]();
  }

  #frame(from: Address, bytes: Uint8Array, codec: PacketCodec): void {
    codec.open(bytes, {
      message: (message) => {
        if (this.#heard.size < 4_096) this.#heard.set(from, this.#runtime.clock.now());
        if (message.type !== "ping") return;
        const ack = encodeMessage({ type: "ack", seqNo: message.seqNo, payload: null });
        this.#socket?.send(from, codec.seal([ack], false));
      },
      dropped: () => {},
    });
  }
}
