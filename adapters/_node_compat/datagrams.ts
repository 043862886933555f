/** @module */

import { createSocket, type Socket } from "node:dgram";
import { type Clock, type Datagrams, formatAddress } from "../../mod.ts";
import { bindFailed } from "./bind_failed.ts";
import { destinationOf } from "./destination.ts";
import { type Outgoing, SendLane } from "./send_lane.ts";

/** What differs between the runtimes. */
export interface NodeDatagramsOptions {
  /** Stamps the frames. */
  readonly clock: Clock;
  /**
   * Wanted size of the system's receive buffer in bytes, halved until the system takes it; 0 leaves it alone. MUST be 0
   * on Deno, where each receive would allocate that much.
   */
  readonly receiveBufferBytes: number;
  /** Whether sends of one turn of the event loop need help to stay in order: Deno. */
  readonly oneAtATime: boolean;
}

/** Below this the system's own default is as good. */
const RECEIVE_BUFFER_BYTES_MIN = 65_536;

/** UDP over `node:dgram`. */
export function nodeDatagrams(options: NodeDatagramsOptions): Datagrams {
  const { clock, receiveBufferBytes, oneAtATime } = options;
  return {
    async bind({ ip, port, onFrame, onSendError = () => {}, broadcast, sharePort = false }) {
      const isIpv6 = ip.includes(":");
      const type = isIpv6 ? "udp6" : "udp4";
      const socket = createSocket({ type, lookup: literal, reuseAddr: sharePort });
      await bound(socket, ip, port);
      if (broadcast === true) socket.setBroadcast(true);
      let closed = false;
      // Errors of an unconnected socket are echoes of packets that nobody took (ICMP on Windows): loss, not failure.
      socket.on("error", () => {});
      socket.on("message", (bytes, { address, port: from }) => {
        if (closed) return;
        const receivedMs = clock.now();
        onFrame({ from: formatAddress(address, from), bytes: owned(bytes), receivedMs });
      });
      enlarge(socket, receiveBufferBytes);
      const lane = new SendLane((outgoing) => written(socket, outgoing), onSendError);
      return {
        local: formatAddress(ip, socket.address().port),
        send(to, bytes) {
          if (closed) return;
          const destination = destinationOf(to, isIpv6);
          if (destination === undefined) return onSendError(to);
          if (oneAtATime) return lane.push({ to, destination, bytes });
          write(socket, { to, destination, bytes }, (error) => {
            if (error !== null && error !== undefined && !closed) onSendError(to);
          });
        },
        async [Symbol.asyncDispose]() {
          if (closed) return;
          closed = true;
          lane.close();
          await new Promise<void>((resolve) => socket.close(resolve));
        },
      };
    },
  };
}

function write(
  socket: Socket,
  { destination: { ip, port }, bytes }: Outgoing,
  done: (error: unknown) => void,
): void {
  try {
    socket.send(bytes, 0, bytes.length, port, ip, done);
  } catch (error) {
    done(error);
  }
}

function written(socket: Socket, outgoing: Outgoing): Promise<void> {
  return new Promise((resolve, reject) => {
    write(socket, outgoing, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** Stands in for name resolution: all destinations are IPs, so that a send need not wait for a turn of the loop. */
function literal(
  host: string,
  options: unknown,
  done: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = typeof options === "number" ? options : host.includes(":") ? 6 : 4;
  done(null, host, family);
}

/** Node only learns of a failed bind by an event, which must not meet a socket without a listener. */
function bound(socket: Socket, ip: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      socket.close();
      reject(bindFailed("UDP", ip, port, cause));
    };
    socket.once("error", fail);
    socket.bind({ address: ip, port, exclusive: true }, () => {
      socket.off("error", fail);
      resolve();
    });
  });
}

function enlarge(socket: Socket, wantedBytes: number): void {
  for (let bytes = wantedBytes; bytes >= RECEIVE_BUFFER_BYTES_MIN; bytes = Math.floor(bytes / 2)) {
    try {
      socket.setRecvBufferSize(bytes);
      return;
    } catch {
      // The system's limit is lower; try half.
    }
  }
}

/** A plain view, or a copy where the datagram would hold on to a receive buffer much larger than itself. */
function owned(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = bytes;
  return buffer.byteLength > 2 * length + 64
    ? Uint8Array.from(bytes)
    : new Uint8Array(buffer, byteOffset, length);
}
