/**
 * Application messages, from the owner to the right link and from links to the owner.
 *
 * @module
 */

import type { Millis } from "../machine.ts";
import type { MessageCommand, ReplicationEffect } from "./contract.ts";
import type { Message } from "./frames.ts";
import type { InboundLink } from "./inbound.ts";
import type { OutboundLink } from "./link.ts";
import type { LinkContext } from "./link_host.ts";
import type { LinkTable } from "./link_table.ts";
import { isMessageWithin, objectionToMessage } from "./messages.ts";

/** Sends and hands up messages. */
export class Messenger {
  readonly #context: Pick<LinkContext, "counters" | "emit">;
  readonly #links: LinkTable;

  constructor(context: Pick<LinkContext, "counters" | "emit">, links: LinkTable) {
    this.#context = context;
    this.#links = links;
  }

  /** Queues a message and answers the command; answers the link that has something to send now. */
  send(
    { op, peer, channel, payload }: MessageCommand,
    now: Millis,
    out: ReplicationEffect[],
  ): OutboundLink | InboundLink | undefined {
    const message = { channel, payload };
    const link = objectionToMessage(peer, message) ?? this.#links.forMessages(peer);
    const isRefused = "ok" in link;
    if (!isRefused) link.message(message, now, out);
    if (op !== undefined) {
      out.push({ type: "messageSettled", op, result: isRefused ? link : { ok: true } });
    }
    return isRefused ? undefined : link;
  }

  /** A peer's application sent something. */
  received(message: Message, peer: string, out: ReplicationEffect[]): void {
    const { counters } = this.#context;
    if (!isMessageWithin(message)) {
      counters.messagesDropped++;
      return;
    }
    counters.messagesReceived++;
    const { channel, payload } = message;
    this.#context.emit({ type: "message", peer, channel, payload }, out);
  }
}
