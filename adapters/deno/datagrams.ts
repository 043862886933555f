/** @module */

import { type Clock, type DatagramOptions, type Datagrams, formatAddress } from "../../mod.ts";
import { bindFailed } from "../_node_compat/bind_failed.ts";
import { nodeDatagrams } from "../_node_compat/datagrams.ts";
import { destinationOf } from "../_node_compat/destination.ts";
import { type Outgoing, SendLane } from "../_node_compat/send_lane.ts";
import type { DenoDatagramConn, DenoGlobal } from "./globals.ts";

/** The largest datagram there is. */
const DATAGRAM_BYTES_MAX = 65_536;
/** Between two attempts to receive after the second failure in a row. */
const FAILURE_PAUSE_MS = 5;

/**
 * UDP over `Deno.listenDatagram` where it exists (twice to three times the rate), else over `node:dgram` without a
 * buffer size, which on Deno would be allocated for every receive.
 */
export function denoDatagrams(deno: DenoGlobal, clock: Clock): Datagrams {
  const listen = deno.listenDatagram?.bind(deno);
  if (listen === undefined) {
    return nodeDatagrams({ clock, receiveBufferBytes: 0, oneAtATime: true });
  }
  return {
    // deno-lint-ignore require-await -- a failed bind must be a rejection
    async bind(options) {
      const { ip, port, onSendError = () => {}, sharePort = false } = options;
      let conn: DenoDatagramConn;
      try {
        // It may broadcast without being told.
        conn = listen({ transport: "udp", hostname: ip, port, reuseAddress: sharePort });
      } catch (cause) {
        throw bindFailed("UDP", ip, port, cause);
      }
      const isIpv6 = ip.includes(":");
      let closed = false;
      const received = receive(conn, clock, options, () => closed);
      const lane = new SendLane((outgoing) => written(conn, outgoing), onSendError);
      return {
        local: formatAddress(ip, conn.addr.port),
        send(to, bytes) {
          if (closed) return;
          const destination = destinationOf(to, isIpv6);
          if (destination === undefined) return onSendError(to);
          lane.push({ to, destination, bytes });
        },
        async [Symbol.asyncDispose]() {
          if (closed) return;
          closed = true;
          lane.close();
          conn.close();
          await received;
        },
      };
    },
  };
}

async function written(conn: DenoDatagramConn, { destination, bytes }: Outgoing): Promise<void> {
  const { ip, port } = destination;
  await conn.send(bytes, { transport: "udp", hostname: ip, port });
}

/** Hands over one datagram after the other until the socket is closed. */
async function receive(
  conn: DenoDatagramConn,
  clock: Clock,
  { onFrame }: DatagramOptions,
  isClosed: () => boolean,
): Promise<void> {
  const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
  for (let failures = 0; !isClosed();) {
    const received = await conn.receive(buffer).catch(() => undefined);
    const receivedMs = clock.now();
    if (isClosed()) return;
    if (received === undefined) {
      // One is the echo of a packet that nobody took (ICMP on Windows): loss, not failure. Several in a row must not spin.
      if (++failures > 1) await pause(clock);
      continue;
    }
    failures = 0;
    const [bytes, { hostname, port }] = received;
    onFrame({ from: formatAddress(hostname, port), bytes: bytes.slice(), receivedMs });
  }
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.alarm(clock.now() + FAILURE_PAUSE_MS, resolve));
}
