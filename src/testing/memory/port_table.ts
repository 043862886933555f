/** @module */

import { formatAddress } from "../../core/address.ts";
import { ClusterError } from "../../core/errors.ts";

/** Where the system looks for free ports. */
const EPHEMERAL_FIRST = 49_152;
const EPHEMERAL_LAST = 65_535;

/** Somebody who is bound. */
interface Holder<T> {
  readonly ip: string;
  readonly owner: T;
  readonly shares: boolean;
}

/** Who is bound where on one host, for one protocol. */
export class PortTable<T> {
  readonly #protocol: "UDP" | "TCP";
  readonly #holders: Map<number, Holder<T>[]> = new Map();
  #next: number = EPHEMERAL_FIRST;

  /** The name is for error messages. */
  constructor(protocol: "UDP" | "TCP") {
    this.#protocol = protocol;
  }

  /** Binds and answers the port; throws `bind-failed` when another socket has it, unless both share it. */
  bind(ip: string, port: number, owner: T, shares = false): number {
    const chosen = port === 0 ? this.freePort() : port;
    const holders = this.#holders.get(chosen) ?? [];
    if (holders.some((other) => overlap(other.ip, ip) && !(shares && other.shares))) {
      throw new ClusterError(
        "bind-failed",
        `Cannot bind ${this.#protocol} ${formatAddress(ip, port)}: the port is taken, ` +
          "close what holds it or choose another port",
      );
    }
    this.#holders.set(chosen, [...holders, { ip, owner, shares }]);
    return chosen;
  }

  /** Frees what `bind` took. */
  release(port: number, owner: T): void {
    const left = (this.#holders.get(port) ?? []).filter((holder) => holder.owner !== owner);
    if (left.length > 0) this.#holders.set(port, left);
    else this.#holders.delete(port);
  }

  /** Who gets what is sent to that address: whoever bound it last, else whoever bound all addresses. */
  find(ip: string, port: number): T | undefined {
    const holders = this.#holders.get(port) ?? [];
    const wanted = ip.includes(":") ? [ip, "::"] : [ip, "0.0.0.0", "::"];
    for (const each of wanted) {
      const holder = holders.findLast((one) => one.ip === each);
      if (holder !== undefined) return holder.owner;
    }
    return undefined;
  }

  /** Who gets what is broadcast to that port: all who bound all addresses. */
  hearers(port: number): T[] {
    const holders = this.#holders.get(port) ?? [];
    return holders.filter(({ ip }) => ip === "0.0.0.0" || ip === "::").map(({ owner }) => owner);
  }

  /** A port that nobody has bound; throws `bind-failed` when there is none. */
  freePort(): number {
    for (let tried = EPHEMERAL_FIRST; tried <= EPHEMERAL_LAST; tried++) {
      const port = this.#next;
      this.#next = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
      if (!this.#holders.has(port)) return port;
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
