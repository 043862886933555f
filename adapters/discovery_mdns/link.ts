/**
 * A socket in the group of one link.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { type Clock, ClusterError } from "../../mod.ts";
import { Admission } from "./admission.ts";
import type { Drops } from "./drops.ts";
import { Echoes } from "./echoes.ts";
import type { Sender } from "./effects.ts";
import { isOnLink, isOwnAddress, type LinkPlan } from "./link_plan.ts";
import type { MakeMulticastDns } from "./multicast_package.ts";
import { fromPackage, type MdnsPacket, toPackage } from "./packet.ts";
import { MDNS_PORT } from "./responder.ts";
import { SocketGate } from "./socket_gate.ts";

/** An open link; disposal closes its socket, and nothing is handed over afterwards. */
export interface Link extends AsyncDisposable {
  /** Sends to everybody, or to one alone; resolves when the system has it. Rejects when it does not take it. */
  send(packet: MdnsPacket, to?: Sender): Promise<void>;
}

/** How to open a link. */
export interface LinkOptions {
  readonly plan: LinkPlan;
  readonly clock: Clock;
  readonly drops: Drops;
  /** A packet of somebody else on this link. */
  readonly onPacket: (packet: MdnsPacket, from: Sender) => void;
  /** The link does not work as it should; it goes on as far as it can. */
  readonly onTrouble: (error: Error) => void;
}

/** Opens links; rejects with `ClusterError` `refused` or `unreachable`. */
export type OpenLink = (options: LinkOptions) => Promise<Link>;

const GROUPS = { 4: "224.0.0.251", 6: "ff02::fb" } as const;
const EVERYWHERE = { 4: "0.0.0.0", 6: "::" } as const;

/** Opens links by the package. The port is shared with whoever else on the machine speaks multicast DNS. */
export function linkOpener(make: MakeMulticastDns): OpenLink {
  return async ({ plan, clock, drops, onPacket, onTrouble }) => {
    const { family } = plan;
    const type = family === 4 ? "udp4" : "udp6";
    const echoes = new Echoes();
    const admission = new Admission();
    let closed = false;
    const gate = new SocketGate(createSocket({ type, reuseAddr: true, ipv6Only: family === 6 }), {
      admits(bytes, { address }) {
        const now = clock.now();
        if (closed || !isOnLink(plan, address)) return false;
        const reason = admission.refuses(bytes, now);
        if (reason !== undefined) drops.add(reason, now);
        return reason === undefined && !(isOwnAddress(plan, address) && echoes.isEcho(bytes, now));
      },
      sends(bytes, ip) {
        if (ip === GROUPS[family]) echoes.sent(bytes, clock.now());
      },
    });
    const mdns = make({
      type,
      ip: GROUPS[family],
      port: MDNS_PORT,
      interface: plan.interface,
      bind: EVERYWHERE[family],
      socket: gate,
    });
    mdns.on("packet", (from, { address, port }) => {
      const packet = closed ? undefined : fromPackage(from);
      if (packet !== undefined) onPacket(packet, { ip: address, port });
    });
    mdns.on("warning", (error) => {
      if (gate.handsOn) drops.add("malformed", clock.now());
      else if (!closed) onTrouble(error);
    });
    const close = (): Promise<void> => {
      closed = true;
      return new Promise((resolve) => mdns.destroy(resolve));
    };
    try {
      await new Promise<void>((resolve, reject) => {
        mdns.on("ready", resolve);
        mdns.on("error", (error) => {
          reject(error);
          if (!closed) onTrouble(error);
        });
      });
    } catch (cause) {
      await close().catch(() => {});
      throw notOpened(plan, cause);
    }
    return {
      send: (packet, to) => {
        if (closed) return Promise.resolve();
        return new Promise((resolve, reject) => {
          const where = to === undefined ? null : { address: to.ip, port: to.port };
          mdns.send(toPackage(packet), where, (error) => error ? reject(error) : resolve());
        });
      },
      async [Symbol.asyncDispose]() {
        if (!closed) await close();
      },
    };
  };
}

function notOpened({ id }: LinkPlan, cause: unknown): ClusterError {
  const { code, name, message } = cause as Partial<Record<"code" | "name" | "message", string>>;
  const taken = code === "EADDRINUSE" || name === "AddrInUse";
  const reason = taken
    ? "another program holds it alone, stop that or let it share the port (SO_REUSEADDR)"
    : message ?? String(cause);
  return new ClusterError(
    taken ? "refused" : "unreachable",
    `Cannot listen for mDNS on UDP port ${MDNS_PORT} of ${id}: ${reason}`,
    { cause },
  );
}
