/**
 * Which links there are: one dialled per peer, at most one accepted per dialler.
 *
 * @module
 */

import type { LinkId, ReplicationRefusal } from "./contract.ts";
import type { InboundLink } from "./inbound.ts";
import type { OutboundLink } from "./link.ts";

/** The links of a node, by peer and by stream; iterated in the order in which they came. */
export class LinkTable {
  readonly #peers: Map<string, OutboundLink> = new Map();
  readonly #dialled: Map<LinkId, OutboundLink> = new Map();
  readonly #accepted: Map<LinkId, InboundLink> = new Map();
  readonly #inboundOf: Map<string, InboundLink> = new Map();
  #lastDialled = 0;

  /** Links to peers. */
  peers(): IterableIterator<OutboundLink> {
    return this.#peers.values();
  }

  /** Links to peers that are greeted and in use. */
  open(): OutboundLink[] {
    return [...this.#peers.values()].filter((link) => link.isOpen);
  }

  /** The link to a peer. */
  to(peer: string): OutboundLink | undefined {
    return this.#peers.get(peer);
  }

  /** Accepted links, greeted or not. */
  accepted(): IterableIterator<InboundLink> {
    return this.#accepted.values();
  }

  /** How many accepted links there are. */
  get acceptedCount(): number {
    return this.#accepted.size;
  }

  /** The accepted link that a peer dialled. */
  from(peer: string): InboundLink | undefined {
    return this.#inboundOf.get(peer);
  }

  /** The accepted link of a stream. */
  inbound(id: LinkId): InboundLink | undefined {
    return this.#accepted.get(id);
  }

  /** The dialled link whose present stream this is; late news of former streams are nobody's. */
  outbound(id: LinkId): OutboundLink | undefined {
    const link = this.#dialled.get(id);
    if (link === undefined || link.owns(id)) return link;
    this.#dialled.delete(id);
    return undefined;
  }

  /**
   * The link on which a message reaches a peer: ours if it stands, else the one the peer dialled; if neither stands, ours
   * keeps it for a while.
   */
  forMessages(peer: string): OutboundLink | InboundLink | ReplicationRefusal {
    const dialled = this.#peers.get(peer);
    const accepted = this.#inboundOf.get(peer);
    if (dialled?.takesMessages === true) return dialled;
    if (accepted?.takesMessages === true) return accepted;
    if (dialled !== undefined && !dialled.isOpen) return dialled;
    const attempt = `Cannot send a message to "${peer.slice(0, 64)}"`;
    return dialled === undefined
      ? {
        ok: false,
        code: "unknown-member",
        message: `${attempt}: it is no peer of ours at present`,
      }
      : { ok: false, code: "unsupported", message: `${attempt}: it is too old to take any` };
  }

  /** A number for a new stream of a link. */
  number(link: OutboundLink): LinkId {
    this.forget(link);
    const id = ++this.#lastDialled;
    this.#dialled.set(id, link);
    return id;
  }

  /** The streams of a link, former and present, are nobody's any more. */
  forget(link: OutboundLink): void {
    for (const [id, owner] of this.#dialled) if (owner === link) this.#dialled.delete(id);
  }

  /** Adds the link to a peer. */
  addPeer(link: OutboundLink): void {
    this.#peers.set(link.peer, link);
  }

  /** Takes it out. */
  removePeer(link: OutboundLink): void {
    this.#peers.delete(link.peer);
    this.forget(link);
  }

  /** Adds an accepted link. */
  addInbound(link: InboundLink): void {
    this.#accepted.set(link.link, link);
  }

  /** The dialler of an accepted link has named itself. */
  nameInbound(link: InboundLink, peer: string): void {
    this.#inboundOf.set(peer, link);
  }

  /** Takes an accepted link out. */
  removeInbound(link: InboundLink): void {
    this.#accepted.delete(link.link);
    const { peer } = link;
    if (peer !== undefined && this.#inboundOf.get(peer) === link) this.#inboundOf.delete(peer);
  }
}
