/** @module */

import { type Candidate, type DiscoverySelf, ipToBytes, sameIp } from "../../mod.ts";
import type { Pod } from "./pod.ts";

/** More pods than that are not remembered; so many nodes make no mesh. */
export const PODS_MAX = 10_000;

/** The pods of the selector as they are now. */
export class PodTable {
  readonly #pods = new Map<string, Pod>();
  readonly #self: Pick<DiscoverySelf, "ip" | "port">;
  readonly #ownIps: readonly Uint8Array[];
  /** Pods that found no room. */
  ignored = 0;

  /** `ownIps`: of this machine's interfaces. */
  constructor(self: Pick<DiscoverySelf, "ip" | "port">, ownIps: readonly string[]) {
    this.#self = self;
    this.#ownIps = [self.ip, ...ownIps].map(ipToBytes).filter((ip) => ip !== undefined);
  }

  /** How many pods there are, of whatever state. */
  get size(): number {
    return this.#pods.size;
  }

  /** Adds or replaces a pod; answers whether that changes the candidates. */
  put(pod: Pod): boolean {
    const before = this.#pods.get(pod.uid);
    if (before === undefined && this.#pods.size >= PODS_MAX) {
      this.ignored++;
      return false;
    }
    this.#pods.set(pod.uid, pod);
    return this.#textOf(before) !== this.#textOf(pod);
  }

  /** Removes a pod; answers whether that changes the candidates. */
  remove({ uid }: Pod): boolean {
    const before = this.#pods.get(uid);
    this.#pods.delete(uid);
    return this.#textOf(before) !== "";
  }

  /** Running pods but our own: the ready ones first, because they are likely to answer; then by name. */
  candidates(): readonly Candidate[] {
    return [...this.#pods.values()]
      .sort((a, b) => Number(b.isReady) - Number(a.isReady) || compare(a.name, b.name))
      .map((pod) => this.#candidateOf(pod))
      .filter((candidate) => candidate !== undefined);
  }

  #textOf(pod: Pod | undefined): string {
    const candidate = pod === undefined ? undefined : this.#candidateOf(pod);
    return candidate === undefined ? "" : JSON.stringify(candidate);
  }

  #candidateOf({ ips, port, rpcPort, isRunning }: Pod): Candidate | undefined {
    const host = this.#reachable(ips);
    if (!isRunning || host === undefined || this.#isOwn(ips, port)) return undefined;
    return {
      host,
      ...(port === undefined ? {} : { port }),
      ...(rpcPort === undefined ? {} : { rpcPort }),
    };
  }

  /** Of two families the one that we have too. */
  #reachable(ips: readonly string[]): string | undefined {
    const isV6 = this.#self.ip.includes(":");
    return ips.find((ip) => ip.includes(":") === isV6) ?? ips[0];
  }

  /** Pods on their host's network share its address, and differ by the port. */
  #isOwn(ips: readonly string[], port: number | undefined): boolean {
    if (port !== undefined && port !== this.#self.port) return false;
    return ips.some((ip) => {
      const bytes = ipToBytes(ip);
      return bytes !== undefined && this.#ownIps.some((own) => sameIp(own, bytes));
    });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
