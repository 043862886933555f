/** @module */

import { EventEmitter } from "node:events";
import { ClusterError, type Millis } from "../../mod.ts";
import { type Deed, explained, failed, NO_CONSUL, statusOf } from "./explained.ts";
import { checksOf, type Instances, instancesOf, type OwnCheck } from "./instances.ts";
import type { ResolvedConsul } from "./options.ts";
import type { CallOptions, CallResult, PackageClient } from "./package_client.ts";

/** What the catalog says of the service. */
export interface Passing extends Instances {
  /** To be sent with the next question, which then waits for news; `undefined`: there was none. */
  readonly index: bigint | undefined;
  /** Whether there is more that the token may not see. */
  readonly isFiltered: boolean;
}

/** Agents end a wait up to a sixteenth later than asked, so that waiters do not return all at once. */
const WAIT_STRETCH = 17 / 16;

/** The calls of one agent. All reject with `ClusterError`, with `aborted` when `signal` did. */
export class ConsulAgent {
  readonly #options: ResolvedConsul;
  readonly #client: PackageClient;

  constructor(options: ResolvedConsul, client: PackageClient) {
    this.#options = options;
    this.#client = client;
  }

  /** Adds a service, or replaces the one with that id. */
  async register(service: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
    // Operators grep for the words after the colon.
    const attempt = "announce this node: failed to register service with Consul";
    const deed = { attempt, rules: this.#rule("write") };
    await this.#call(deed, this.#options.timeoutMs, signal, (options) => {
      return this.#client.agent.service.register({ ...service, ...options });
    });
  }

  /** Removes a service; harmless when there is none. */
  async deregister(id: string, signal: AbortSignal): Promise<void> {
    const attempt = "deregister this node from Consul";
    const deed = { attempt, rules: this.#rule("write"), harmlessStatus: 404 };
    await this.#call(deed, this.#options.timeoutMs, signal, (options) => {
      return this.#client.agent.service.deregister({ id, ...options });
    });
  }

  /** The checks that the agent itself has of a service; none: it does not know the service. */
  async checksOf(id: string, signal: AbortSignal): Promise<readonly OwnCheck[]> {
    const deed = { attempt: "ask Consul's agent for our checks", rules: this.#rule("read") };
    const { timeoutMs } = this.#options;
    const [, body] = await this.#call(deed, timeoutMs, signal, (options) => {
      return this.#client.agent.check.list({ ...options });
    });
    const checks = checksOf(body, id);
    if (checks === undefined) throw this.#failed(deed, "bad-data", NO_CONSUL);
    return checks;
  }

  /** The passing instances. With `after`, waits until they change after that index, or for `waitMs`. */
  async passing(after: bigint | undefined, signal: AbortSignal): Promise<Passing> {
    const { serviceName: service, datacenter: dc, waitMs, timeoutMs } = this.#options;
    const rules = `${this.#rule("read")} and node_prefix "" { policy = "read" }`;
    const deed = { attempt: `ask Consul for service "${service}"`, rules };
    const blocking = after === undefined
      ? {}
      : { index: String(after), wait: `${Math.ceil(waitMs)}ms` };
    const answerWithinMs = timeoutMs + (after === undefined ? 0 : waitMs * WAIT_STRETCH);
    const [head, body] = await this.#call(deed, answerWithinMs, signal, (options) => {
      const place = dc === undefined ? {} : { dc };
      return this.#client.health.service({
        service,
        passing: true,
        ...place,
        ...blocking,
        ...options,
      });
    });
    const instances = instancesOf(body);
    if (instances === undefined) throw this.#failed(deed, "bad-data", NO_CONSUL);
    const isFiltered = head?.headers["x-consul-results-filtered-by-acls"] === "true";
    if (isFiltered && instances.candidates.length === 0) {
      throw this.#failed(deed, "refused", `the token may see none of it, give it ${rules}`);
    }
    return { ...instances, index: indexOf(head?.headers["x-consul-index"]), isFiltered };
  }

  async #call(
    deed: Deed,
    timeoutMs: Millis,
    signal: AbortSignal,
    work: (options: CallOptions) => Promise<CallResult>,
  ): Promise<CallResult | readonly []> {
    const aborted = (): ClusterError => this.#failed(deed, "aborted", "the call was given up");
    if (signal.aborted) throw aborted();
    const ctx = Object.assign(new EventEmitter(), { includeResponse: true } as const);
    const cancel = (): void => void ctx.emit("cancel");
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await work({ ctx, timeout: Math.ceil(timeoutMs) });
    } catch (error) {
      if (signal.aborted) throw aborted();
      if (deed.harmlessStatus !== undefined && statusOf(error) === deed.harmlessStatus) return [];
      throw explained(this.#options, deed, error);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  #failed(deed: Deed, code: ClusterError["code"], why: string): ClusterError {
    return failed(this.#options, deed, code, why);
  }

  #rule(policy: "read" | "write"): string {
    return `service "${this.#options.serviceName}" { policy = "${policy}" }`;
  }
}

/** The index of an answer; 0 is none, as the agent would answer at once. */
function indexOf(header: unknown): bigint | undefined {
  if (typeof header !== "string" || !/^\d{1,20}$/.test(header)) return undefined;
  const index = BigInt(header);
  return index === 0n ? undefined : index;
}
