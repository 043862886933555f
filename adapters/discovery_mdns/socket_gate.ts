/** @module */

import { EventEmitter } from "node:events";
import type { RemoteInfo, Socket } from "node:dgram";
import type { Buffer } from "node:buffer";

/** What a gate does with the datagrams of its socket. */
export interface GateOptions {
  /** Whether a datagram is handed on. */
  readonly admits: (bytes: Buffer, from: RemoteInfo) => boolean;
  /** A datagram is sent to that address. */
  readonly sends: (bytes: Buffer, ip: string) => void;
}

/** The part of a socket that the package uses, so that it sees only what {@linkcode GateOptions} lets pass. */
export class SocketGate extends EventEmitter {
  readonly #socket: Socket;
  readonly #sends: GateOptions["sends"];
  #handsOn = false;

  constructor(socket: Socket, { admits, sends }: GateOptions) {
    super();
    this.#socket = socket;
    this.#sends = sends;
    socket.on("error", (error) => this.emit("error", error));
    socket.on("listening", () => this.emit("listening"));
    socket.on("message", (bytes, from) => {
      if (!admits(bytes, from)) return;
      this.#handsOn = true;
      this.emit("message", bytes, from);
      this.#handsOn = false;
    });
  }

  /** Whether a datagram is being handed on: what the package warns of meanwhile is about that. */
  get handsOn(): boolean {
    return this.#handsOn;
  }

  bind(port: number, ip: string, done: () => void): void {
    this.#socket.bind(port, ip, done);
  }

  address(): ReturnType<Socket["address"]> {
    return this.#socket.address();
  }

  addMembership(group: string, via: string): void {
    this.#socket.addMembership(group, via);
  }

  dropMembership(group: string, via: string): void {
    this.#socket.dropMembership(group, via);
  }

  setMulticastInterface(via: string): void {
    this.#socket.setMulticastInterface(via);
  }

  setMulticastTTL(hops: number): void {
    this.#socket.setMulticastTTL(hops);
  }

  setMulticastLoopback(on: boolean): void {
    this.#socket.setMulticastLoopback(on);
  }

  send(
    bytes: Buffer,
    offset: number,
    length: number,
    port: number,
    ip: string,
    done: (error: Error | null) => void,
  ): void {
    this.#sends(bytes, ip);
    this.#socket.send(bytes, offset, length, port, ip, done);
  }

  close(done?: () => void): void {
    this.#socket.close(done);
  }
}
