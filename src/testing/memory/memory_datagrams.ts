/** @module */

import { formatAddress } from "../../core/address.ts";
import type { Address } from "../../core/machine.ts";
import type { DatagramOptions, Datagrams, DatagramSocket, Frame } from "../../ports/datagrams.ts";
import type { Place } from "./place.ts";

/** The most that UDP over IPv4 carries. */
const PAYLOAD_BYTES_MAX = 65_507;

/** UDP of one host. */
export function memoryDatagrams(place: Place): Datagrams {
  return { bind: (options) => new Promise((resolve) => resolve(bind(place, options))) };
}

function bind(
  place: Place,
  { ip, port, onFrame, onSendError, broadcast = false, sharePort = false }: DatagramOptions,
): DatagramSocket {
  const { wires } = place;
  const own = place.ownIp(ip, port);
  let isOpen = true;
  const receive = (frame: Omit<Frame, "receivedMs">): void => {
    onFrame({ ...frame, receivedMs: wires.clock.now() });
  };
  const bound = place.udp.bind(own, port, receive, sharePort);
  const fail = (to: Address): void => queueMicrotask(() => isOpen && onSendError?.(to));
  return {
    local: formatAddress(own, bound),
    send(to, bytes): void {
      if (!isOpen) return;
      const way = place.route(own, to);
      if (way === undefined || bytes.length > PAYLOAD_BYTES_MAX) return fail(to);
      const { source, route } = way;
      const from = formatAddress(source, bound);
      const sent = bytes.slice();
      const network = broadcast && route === undefined
        ? place.broadcastDomain(source, to)
        : undefined;
      if (network !== undefined) {
        for (const other of network.places) {
          wires.carry(place, other, sent.length, () => {
            for (const hear of other.udp.hearers(network.port)) hear({ from, bytes: sent.slice() });
          });
        }
        return;
      }
      wires.carry(place, route?.place, sent.length, () => {
        const hear = route?.place.udp.find(route.ip, route.port);
        if (hear === undefined) return wires.lose();
        hear({ from, bytes: sent.slice() });
      });
    },
    [Symbol.asyncDispose](): Promise<void> {
      if (isOpen) place.udp.release(bound, receive);
      isOpen = false;
      return Promise.resolve();
    },
  };
}
