/**
 * The open links of a session, as the machine's interfaces come and go.
 *
 * @module
 */

import type { Clock, ClusterError, Interfaces } from "../../mod.ts";
import type { Drops } from "./drops.ts";
import type { Sender } from "./effects.ts";
import type { Link, OpenLink } from "./link.ts";
import { type LinkPlan, planLinks, samePlan } from "./link_plan.ts";
import type { MdnsPacket } from "./packet.ts";

/** What links need and tell. */
export interface LinksOptions {
  readonly clock: Clock;
  readonly interfaces: Interfaces;
  readonly drops: Drops;
  readonly openLink: OpenLink;
  readonly onUp: (link: string, network: string) => void;
  readonly onDown: (link: string) => void;
  readonly onPacket: (packet: MdnsPacket, link: string, from: Sender) => void;
  readonly onTrouble: (link: string, error: Error) => void;
}

interface OpenedLink {
  readonly plan: LinkPlan;
  readonly link: Link;
}

/** All links; disposal closes them. */
export class Links implements AsyncDisposable {
  readonly #options: LinksOptions;
  readonly #open = new Map<string, OpenedLink>();
  /** What is being sent. */
  readonly #sending = new Set<Promise<void>>();
  #refreshing: Promise<void> | undefined;
  #closed = false;
  /** Why the first of the wanted links could not be opened at the last try. */
  failure: ClusterError | undefined;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Opens what the interfaces offer and closes what they don't any more; calls meanwhile join. */
  refresh(): Promise<void> {
    return this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = undefined);
  }

  /** Sends on a link, or on all; a link that does not take it is in trouble. */
  send(packet: MdnsPacket, link?: string, to?: Sender): void {
    for (const [id, each] of this.#open) {
      if (link !== undefined && id !== link) continue;
      const sending: Promise<void> = each.link.send(packet, to)
        .catch((error: Error) => this.#options.onTrouble(id, error))
        .finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
  }

  /** Resolves when the system has all that was sent so far. */
  async flushed(): Promise<void> {
    await Promise.all(this.#sending);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#refreshing;
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map(({ link }) => link[Symbol.asyncDispose]()));
  }

  async #refresh(): Promise<void> {
    const plans = planLinks(this.#options.interfaces.list());
    for (const [id, { plan, link }] of this.#open) {
      if (plans.some((each) => samePlan(each, plan))) continue;
      this.#open.delete(id);
      this.#options.onDown(id);
      await link[Symbol.asyncDispose]();
    }
    this.failure = undefined;
    for (const plan of plans) if (!this.#open.has(plan.id)) await this.#openOne(plan);
  }

  async #openOne(plan: LinkPlan): Promise<void> {
    const { clock, drops, openLink, onUp, onPacket, onTrouble } = this.#options;
    if (this.#closed) return;
    try {
      const link = await openLink({
        plan,
        clock,
        drops,
        onPacket: (packet, from) => {
          if (this.#open.get(plan.id)?.plan === plan) onPacket(packet, plan.id, from);
        },
        onTrouble: (error) => onTrouble(plan.id, error),
      });
      if (this.#closed) return await link[Symbol.asyncDispose]();
      this.#open.set(plan.id, { plan, link });
      onUp(plan.id, plan.network);
    } catch (error) {
      this.failure ??= error as ClusterError;
      onTrouble(plan.id, error as Error);
    }
  }
}
