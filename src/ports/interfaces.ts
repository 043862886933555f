/** @module */

/** One address of a local network interface. */
export interface InterfaceAddress {
  /** The interface's name. */
  readonly name: string;
  /** The IP, without zone. */
  readonly ip: string;
  /** Length of the network prefix. */
  readonly prefix: number;
  /** Whether it is a loopback address. */
  readonly internal: boolean;
}

/** The machine's own addresses. */
export interface Interfaces {
  /** Every address of every interface that is up, in the system's order. */
  list(): readonly InterfaceAddress[];
  /** The machine's name, as `node_id` falls back to it. */
  hostName(): string;
}
