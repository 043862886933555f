/** @module */

import { formatAddress } from "../../core/address.ts";
import { ClusterError } from "../../core/errors.ts";

/** Where the system looks for free ports. */
const EPHEMERAL_FIRST = 49_152;
const EPHEMERAL_LAST = 65_535;

/** Who is bound where on one host, for one protocol. */
export class PortTable<T> {
  readonly #protocol: "UDP" | "TCP";
  readonly #owners: Map<number, Map<string, T>> = new Map();
  #next: number = EPHEMERAL_FIRST;

  /** The name is for error messages. */
  constructor(protocol: "UDP" | "TCP") {
    this.#protocol = protocol;
  }

  /** Binds and answers the port; throws `bind-failed` when another socket has it. */
  bind(ip: string, port: number, owner: T): number {
    const chosen = port === 0 ? this.freePort() : port;
    const owners = this.#owners.get(chosen) ?? new Map<string, T>();
    if ([...owners.keys()].some((taken) => overlap(taken, ip))) {
      throw new ClusterError(
        "bind-failed",
        `Cannot bind ${this.#protocol} ${formatAddress(ip, port)}: the port is taken, ` +
          "close what holds it or choose another port",
      );
    }
    this.#owners.set(chosen, owners.set(ip, owner));
    return chosen;
  }

  /** Frees what `bind` took. */
  release(ip: string, port: number): void {
    const owners = this.#owners.get(port);
    owners?.delete(ip);
    if (owners?.size === 0) this.#owners.delete(port);
  }

  /** Who gets what is sent to that address: whoever bound it, else whoever bound all addresses. */
  find(ip: string, port: number): T | undefined {
    const owners = this.#owners.get(port);
    if (owners === undefined) return undefined;
    return owners.get(ip) ?? (ip.includes(":") ? undefined : owners.get("0.0.0.0")) ??
      owners.get("::");
  }

  /** A port that nobody has bound; throws `bind-failed` when there is none. */
  freePort(): number {
    for (let tried = EPHEMERAL_FIRST; tried <= EPHEMERAL_LAST; tried++) {
      const port = this.#next;
      this.#next = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
      if (!this.#owners.has(port)) return port;
    }
    throw new ClusterError(
      "bind-failed",
      `Cannot bind ${this.#protocol}: every port from ${EPHEMERAL_FIRST} to ${EPHEMERAL_LAST} is taken`,
    );
  }
}

/** Whether two sockets of one port would want the same traffic; `::` speaks IPv4 too. */
function overlap(a: string, b: string): boolean {
  if (a === b || a === "::" || b === "::") return true;
  if (a === "0.0.0.0") return !b.includes(":");
  return b === "0.0.0.0" && !a.includes(":");
}
