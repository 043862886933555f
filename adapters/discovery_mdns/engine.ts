/**
 * Everything of multicast DNS but sockets and time: packets in, packets out.
 *
 * @module
 */

import type { DiscoverySelf, Millis } from "../../mod.ts";
import { Browser } from "./browser.ts";
import type { Dice, MdnsEffects, Sender } from "./effects.ts";
import type { Instance } from "./instances.ts";
import { nameKey, serviceName } from "./names.ts";
import type { MdnsPacket } from "./packet.ts";
import { Registration } from "./registration.ts";
import { MDNS_PORT, Responder } from "./responder.ts";

/** What an engine is for. */
export interface EngineOptions {
  /** The type of service, such as `_gateway._tcp`. */
  readonly service: string;
  readonly self: DiscoverySelf;
  readonly dice: Dice;
  readonly out: MdnsEffects;
}

/** One node's part in multicast DNS on all its links. Never throws for what a packet says. */
export class Engine {
  readonly #registration: Registration;
  readonly #responder: Responder;
  readonly #browser: Browser;
  /** The network that each link is a way into. */
  readonly #links = new Map<string, string>();

  constructor({ service, self, dice, out }: EngineOptions) {
    const name = serviceName(service);
    this.#registration = new Registration(name, self, dice, out);
    const records = (): Registration["records"] => this.#registration.records;
    this.#responder = new Responder(records, dice, out);
    const isOwn = (instance: string): boolean => {
      const own = records()?.names.instance;
      return own !== undefined && nameKey(own) === nameKey(instance);
    };
    this.#browser = new Browser(name, isOwn, dice, out);
  }

  /** A link came up: the network may be another, so everything is asked and told anew. */
  linkUp(link: string, network: string, now: Millis): void {
    this.#links.set(link, network);
    this.#browser.begin(now);
    this.#registration.again(now);
  }

  /** A link is gone. */
  linkDown(link: string): void {
    this.#links.delete(link);
    this.#responder.forget(link);
  }

  /** Registers this node; `announced` follows. Harmless twice. */
  register(now: Millis): void {
    this.#registration.begin(now);
  }

  /** Takes the registration back. Harmless twice. */
  withdraw(): void {
    this.#registration.end();
  }

  /** The name under which others know this node; `undefined` while they don't. */
  get announcedAs(): string | undefined {
    return this.#registration.records?.names.instance;
  }

  /** A packet of somebody else on that link. */
  onPacket(packet: MdnsPacket, link: string, from: Sender, now: Millis): void {
    if (packet.kind === "response") {
      // Whoever answers from another port is no responder (RFC 6762 6).
      if (from.port !== MDNS_PORT) return;
      this.#registration.onResponse(packet, now);
      this.#responder.onResponse(packet, link, now);
      this.#browser.onResponse(packet, now);
      return;
    }
    this.#responder.onQuery(packet, link, from, now);
    if (from.port !== MDNS_PORT) return;
    if (packet.authorities.length > 0) this.#registration.onProbe(packet, now);
    // What is asked in one network is not answered in another.
    if (new Set(this.#links.values()).size === 1) this.#browser.onQuery(packet, now);
  }

  /** Whether what {@linkcode instances} answers may have changed since the last call. */
  takeChanges(): boolean {
    return this.#browser.takeChanges();
  }

  /** Everybody who is there. */
  instances(): readonly Instance[] {
    return this.#browser.instances();
  }

  /** When {@linkcode tick} has something to do; `Infinity` for never. */
  nextDeadline(): Millis {
    return Math.min(
      this.#browser.deadlineMs,
      this.#registration.deadlineMs ?? Infinity,
      this.#responder.deadlineMs ?? Infinity,
    );
  }

  /** Does what is due. */
  tick(now: Millis): void {
    this.#registration.tick(now);
    this.#responder.tick(now);
    this.#browser.tick(now);
  }
}
