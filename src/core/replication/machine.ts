/**
 * The replication engine: keeps a store equal to its peers' over links that it dials and accepts.
 *
 * A write goes to every peer on our own links; nobody passes on what it received. What a broken link or a dead origin
 * left behind is found by comparing digests.
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import { isTooFarAhead, type Version } from "../hlc.ts";
import type { Machine, Millis, WallMillis } from "../machine.ts";
import type { Rng } from "../rng.ts";
import { AgreedTable } from "./agreed.ts";
import { Awaits } from "./awaits.ts";
import { ClusterClock } from "./cluster_clock.ts";
import { type ReplicationConfig, type ReplicationOptions, resolveReplication } from "./config.ts";
import type {
  LinkId,
  MessageCommand,
  ReplicationCounters,
  ReplicationEffect,
  ReplicationEvent,
  ReplicationInput,
  ReplicationView,
  SyncView,
  WriteCommand,
} from "./contract.ts";
import type { Delivery } from "./delivery.ts";
import type { EntryCodec, StoredEntry } from "./entry.ts";
import type { Batch, Hello, Message, Welcome } from "./frames.ts";
import { type Applied, type InboundHost, InboundLink } from "./inbound.ts";
import { Intake } from "./intake.ts";
import { type OutboundHost, OutboundLink } from "./link.ts";
import { LinkTable } from "./link_table.ts";
import { Messenger } from "./messenger.ts";
import { Newcomer } from "./newcomer.ts";
import { type Slot, Store } from "./store.ts";
import { freshCounters, viewOf } from "./view.ts";
import { Writer } from "./writer.ts";

/** Values that expire and keys that are forgotten per step, so that no step is long. */
const PURGE_PER_STEP = 1_024;

/** After a peer died, so many links compare at once what it may have told one and not the other. */
const COMPARE_AFTER_LOSS = 3;

type Timed = OutboundLink | InboundLink | "sync" | "digest" | "purge" | "awaits";

/** Replicated state of one node. */
export class Replication
  implements Machine<ReplicationInput, ReplicationEffect>, OutboundHost, InboundHost {
  readonly config: ReplicationConfig;
  readonly store: Store;
  readonly clock: ClusterClock = new ClusterClock();
  readonly rng: Rng;
  readonly counters: ReplicationCounters = freshCounters();
  readonly agreed: AgreedTable;
  readonly awaits: Awaits;
  readonly #intake: Intake;
  readonly #writer: Writer;
  readonly #links: LinkTable = new LinkTable();
  readonly #messenger: Messenger = new Messenger(this, this.#links);
  readonly #deadlines: Deadlines<Timed> = new Deadlines();
  #newcomer: Newcomer | undefined;
  #synced = false;

  /** Throws `RangeError` when the options cannot work. */
  constructor(options: ReplicationOptions, codec: EntryCodec, rng: Rng) {
    this.config = resolveReplication(options);
    this.rng = rng;
    this.agreed = new AgreedTable(this.config.bootId);
    this.awaits = new Awaits(this.config.nodeId);
    this.store = new Store(this.config.tombstoneHorizonMs, this.config.lanes);
    this.#intake = new Intake(this, codec);
    this.#writer = new Writer(this, codec, (slot) => this.#spread(slot));
  }

  /** The first sync, while it is under way. */
  get sync(): SyncView | undefined {
    return this.#newcomer?.view();
  }

  /** First sync done: digests are compared and snapshots served. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Puts back what was held before a restart; only before the `start` input. Older than what is held: ignored. */
  restore(entry: StoredEntry): void {
    this.store.offer(entry);
  }

  /** The newest entry of a key, tombstones included; nothing once it has expired, to the moment if `now` is given. */
  get(type: string, key: string, now?: Millis): StoredEntry | undefined {
    return this.store.read(type, key, now === undefined ? now : this.clock.time(now));
  }

  /** The entries of a type as `get` sees them, in the order in which their keys were first seen. */
  list(type: string, now?: Millis): Generator<StoredEntry> {
    return this.store.entries(type, now === undefined ? now : this.clock.time(now));
  }

  nextDeadline(): Millis | undefined {
    return this.#deadlines.next();
  }

  handle(input: ReplicationInput, now: Millis, out: ReplicationEffect[]): void {
    switch (input.type) {
      case "tick":
        break;
      case "start":
        this.clock.setWall(input.wallMs, now);
        this.#newcomer = new Newcomer(this.config, this.rng.fork(), now);
        this.#planDigest(now, 1);
        this.#sync(now, out);
        break;
      case "wall":
        this.clock.setWall(input.wallMs, now);
        this.#armPurge();
        break;
      case "peerUp":
        this.#peerUp(input.peer, input.boot, now, out);
        break;
      case "peerDown":
        this.#peerDown(input.peer, now, out);
        break;
      case "members":
        this.awaits.setMembers(input.members, out);
        break;
      case "accepted":
        this.#accept(input.link, now, out);
        break;
      case "command":
        if (input.command.type === "write") this.#write(input.command, now, out);
        else this.#message(input.command, now, out);
        break;
      default:
        this.#onLink(input, now, out);
    }
    this.#runDue(now, out);
    this.#armAt("awaits", this.awaits.nextDeadline());
  }

  /** A look inside, for status pages. */
  view(): ReplicationView {
    return viewOf(this, this.#links);
  }

  /** Entries that peers refuse at present: peer, entry, reason. */
  *refusals(): Generator<{ peer: string; entry: StoredEntry; reason: string }> {
    for (const { peer, delivery } of this.#links.peers()) {
      for (const [slot, reason] of delivery.refused) yield { peer, entry: slot.entry, reason };
    }
  }

  // What links ask of us.

  newLink(link: OutboundLink): LinkId {
    return this.#links.number(link);
  }

  hello(now: Millis, wantSnapshot: boolean): Hello {
    const { nodeId, bootId, capabilities } = this.config;
    const hello = { nodeId, bootId, capabilities, wantSnapshot, wallMs: this.clock.wall(now) };
    const resume = wantSnapshot ? this.#newcomer?.place : undefined;
    return resume === undefined ? hello : { ...hello, resume };
  }

  welcome(now: Millis): Welcome {
    const { nodeId, bootId, capabilities } = this.config;
    return { nodeId, bootId, capabilities, wallMs: this.clock.wall(now), ready: this.#synced };
  }

  welcomed(link: OutboundLink, now: Millis, out: ReplicationEffect[]): void {
    const inbound = this.#links.from(link.peer);
    if (inbound !== undefined) this.snapshotWanted(inbound, now, out);
    this.#sync(now, out);
  }

  compared(link: OutboundLink, differs: boolean, atRest: boolean, now: Millis): void {
    if (this.#newcomer !== undefined) {
      this.#newcomer.compared(link.peer, differs, now);
      this.#deadlines.set("sync", now);
    }
    if (!differs) return;
    this.counters.digestsDiffering++;
    // Where something was missing, others may miss it too.
    if (atRest) this.#planDigest(now, 1 / 8);
  }

  greeted(link: InboundLink, now: Millis, out: ReplicationEffect[]): string | undefined {
    const peer = link.peer as string;
    if (peer === "" || peer === this.config.nodeId) {
      return `it calls itself "${peer}", and so do we`;
    }
    const before = this.#links.from(peer);
    const boot = this.#links.to(peer)?.boot;
    if (before !== undefined && before.boot === boot && link.boot !== boot) {
      return `another node runs under the id "${peer}"`;
    }
    if (before !== undefined) this.#dropInbound(before, "its node dialled again", out);
    this.#links.nameInbound(link, peer);
    this.#arm(link, now);
    return undefined;
  }

  deliveryTo(peer: string): Delivery | undefined {
    return this.#links.to(peer)?.delivery;
  }

  nudge(peer: string, now: Millis, out: ReplicationEffect[]): void {
    const link = this.#links.to(peer);
    if (link === undefined) return;
    link.pump(now, out);
    this.#arm(link, now);
  }

  snapshotWanted(inbound: InboundLink, now: Millis, out: ReplicationEffect[]): void {
    const link = this.#links.to(inbound.peer as string);
    if (!inbound.wantsSnapshot || !this.#synced || link === undefined || !link.isOpen) return;
    inbound.wantsSnapshot = false;
    link.delivery.serveSnapshot(inbound.boot, inbound.resume);
    this.nudge(link.peer, now, out);
  }

  apply(batch: Batch, from: string, now: Millis, out: ReplicationEffect[]): Applied {
    this.counters.batchesReceived++;
    const { refused, behind, isWhole } = this.#intake.apply(batch.entries, from, now, out);
    this.#armPurge();
    if (behind.length > 0) {
      for (const slot of behind) this.deliveryTo(from)?.mark(slot);
      this.nudge(from, now, out);
    }
    const newcomer = this.#newcomer;
    if (newcomer !== undefined && newcomer.source === from) {
      newcomer.progress(batch.entries.length, batch.progress, now);
      const { entries, total } = newcomer.view();
      this.emit({ type: "snapshotProgress", from, entries, total }, out);
      if (batch.snapshotEnd) newcomer.complete(now);
      this.#sync(now, out);
    }
    return { refused, isWhole };
  }

  isAcceptable(version: Version, now: Millis): boolean {
    return !isTooFarAhead(version, this.clock.time(now), this.config.clockSkewMaxMs);
  }

  restamp(slot: Slot, now: Millis, out: ReplicationEffect[]): void {
    this.#writer.restamp(slot, now, out);
    for (const link of this.#links.peers()) this.#arm(link, now);
  }

  received(message: Message, peer: string, out: ReplicationEffect[]): void {
    this.#messenger.received(message, peer, out);
  }

  emit(event: ReplicationEvent, out: ReplicationEffect[]): void {
    out.push({ type: "event", event });
  }

  // Inputs.

  #peerUp(peer: string, boot: string, now: Millis, out: ReplicationEffect[]): void {
    if (peer === this.config.nodeId) return;
    const known = this.#links.to(peer);
    if (known !== undefined) {
      if (known.boot === boot) return;
      this.#dropPeer(known, "its node was restarted", out);
    }
    const link = new OutboundLink(peer, boot, this, now);
    this.#links.addPeer(link);
    link.tick(now, out);
    this.#arm(link, now);
  }

  #peerDown(peer: string, now: Millis, out: ReplicationEffect[]): void {
    const link = this.#links.to(peer);
    if (link === undefined) return;
    this.#dropPeer(link, "its node is gone", out);
    const open = this.rng.shuffle(this.#links.open()).slice(0, COMPARE_AFTER_LOSS);
    for (const other of open) {
      other.digests.plan(now + this.rng.between(0, 2_000));
      this.#arm(other, now);
    }
    this.#sync(now, out);
  }

  #dropPeer(link: OutboundLink, reason: string, out: ReplicationEffect[]): void {
    link.end(reason, out);
    this.#links.removePeer(link);
    this.#deadlines.delete(link);
    this.clock.forget(link.peer);
    const inbound = this.#links.from(link.peer);
    if (inbound !== undefined && inbound.boot === link.boot) {
      this.#dropInbound(inbound, reason, out);
    }
  }

  #accept(id: LinkId, now: Millis, out: ReplicationEffect[]): void {
    if (this.#links.acceptedCount >= this.config.inboundLinksMax) {
      out.push({ type: "close", link: id, reason: "too many links" });
      return;
    }
    const link = new InboundLink(id, this, now);
    this.#links.addInbound(link);
    this.#arm(link, now);
  }

  #onLink(
    input: Extract<ReplicationInput, { readonly link: LinkId }>,
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    const inbound = this.#links.inbound(input.link);
    if (inbound !== undefined) return this.#onInbound(inbound, input, now, out);
    const link = this.#links.outbound(input.link);
    if (link === undefined) return;
    if (input.type === "linkOpened") link.opened(now, out);
    else if (input.type === "frame") link.frame(input.frame, now, out);
    else if (input.type === "writable") link.writable(now, out);
    else if (input.type === "linkFailed" || input.type === "linkClosed") {
      this.#links.forget(link);
      link.lost(input.reason ?? "the stream ended", now, out);
      this.#sync(now, out);
    }
    this.#arm(link, now);
  }

  #onInbound(
    link: InboundLink,
    input: Extract<ReplicationInput, { readonly link: LinkId }>,
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    if (input.type === "writable") link.writable(now, out);
    else if (input.type === "linkClosed") return this.#forgetInbound(link);
    else if (input.type === "frame") {
      const fault = link.frame(input.frame, now, out);
      if (fault !== undefined) {
        this.counters.protocolErrors++;
        return this.#dropInbound(link, fault, out);
      }
    }
    this.#arm(link, now);
  }

  #message(command: MessageCommand, now: Millis, out: ReplicationEffect[]): void {
    const link = this.#messenger.send(command, now, out);
    if (link !== undefined) this.#arm(link, now);
  }

  #write(command: WriteCommand, now: Millis, out: ReplicationEffect[]): void {
    if (!this.#writer.write(command, now, out)) return;
    this.#armPurge();
    for (const link of this.#links.peers()) {
      link.pump(now, out);
      this.#arm(link, now);
    }
  }

  // Time.

  #runDue(now: Millis, out: ReplicationEffect[]): void {
    // Each at most about once: what is due again at this very instant waits for the next tick.
    for (let left = this.#deadlines.size; left > 0; left--) {
      const due = this.#deadlines.pop(now);
      if (due === undefined) return;
      if (due === "sync") this.#sync(now, out);
      else if (due === "digest") this.#comparePeriodically(now);
      else if (due === "awaits") this.awaits.expire(now, out);
      else if (due === "purge") {
        this.#purge(this.clock.time(now), out);
        this.#armPurge(now + 1);
      } else if (due instanceof OutboundLink) {
        due.tick(now, out);
        this.#arm(due, now);
        this.#sync(now, out);
      } else if (due.isExpired(now)) {
        this.#dropInbound(due, "it neither greets nor takes anything", out);
      }
    }
  }

  #purge(time: WallMillis, out: ReplicationEffect[]): void {
    for (const entry of this.store.expire(time, PURGE_PER_STEP)) {
      this.counters.expired++;
      this.emit({ type: "expired", entry }, out);
    }
    const before = this.store.tombstones;
    this.store.purge(
      time,
      PURGE_PER_STEP,
      ({ entry, buried }) => {
        if (buried !== undefined) this.agreed.bury(buried);
        this.emit({ type: "purged", entry }, out);
      },
    );
    this.counters.tombstonesPurged += before - this.store.tombstones;
  }

  #arm(link: OutboundLink | InboundLink, now: Millis): void {
    this.#armAt(link, link instanceof OutboundLink ? link.nextDeadline(now) : link.deadline);
  }

  #armAt(timed: Timed, at: Millis | undefined): void {
    if (at === undefined) this.#deadlines.delete(timed);
    else this.#deadlines.set(timed, at);
  }

  #armPurge(notBefore: Millis = -Infinity): void {
    const at = this.store.nextExpiry();
    // A millisecond late, so that rounding never makes it early.
    this.#armAt("purge", at === undefined ? at : Math.max(notBefore, this.clock.monotonic(at) + 1));
  }

  #planDigest(now: Millis, share: number): void {
    const pause = this.config.digestIntervalMs * share;
    const at = now + this.rng.between(0.8 * pause, 1.2 * pause);
    const planned = this.#deadlines.get("digest") ?? Infinity;
    if (at < planned) this.#deadlines.set("digest", at);
  }

  #comparePeriodically(now: Millis): void {
    this.#planDigest(now, 1);
    const open = this.#links.open();
    const link = open[this.rng.below(open.length)];
    if (link === undefined) return;
    link.digests.plan(now);
    this.#deadlines.set(link, now);
  }

  // The first sync.

  #sync(now: Millis, out: ReplicationEffect[]): void {
    const newcomer = this.#newcomer;
    if (newcomer === undefined) return;
    const open = this.#links.open();
    const step = newcomer.step(
      open.filter((link) => link.peerReady).map((link) => link.peer),
      open.filter((link) => !link.peerReady).map((link) => link.peer),
      [...this.#links.peers()].length - open.length,
      now,
    );
    if (step?.do === "settle") return this.#becomeReady(step.how, now, out);
    if (step !== undefined) {
      const link = this.#links.to(step.peer) as OutboundLink;
      if (step.do === "ask") link.askSnapshot(now, out);
      else {
        link.digests.planAsNewcomer(now);
        link.pump(now, out);
      }
      this.#arm(link, now);
    }
    this.#armAt("sync", newcomer.nextDeadline(now));
  }

  #becomeReady(
    how: "snapshot" | "alone" | "first",
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    this.#synced = true;
    this.#newcomer = undefined;
    this.#deadlines.delete("sync");
    this.emit({ type: "ready", how }, out);
    for (const inbound of this.#links.accepted()) {
      if (inbound.peer === undefined) continue;
      inbound.sayWelcome(now, out);
      this.snapshotWanted(inbound, now, out);
      this.#arm(inbound, now);
    }
    for (const link of this.#links.open()) {
      link.digests.plan(now);
      link.pump(now, out);
      this.#arm(link, now);
    }
  }

  // Links.

  /** The slot's newest entry has to reach every peer. */
  #spread(slot: Slot): void {
    for (const link of this.#links.peers()) link.delivery.mark(slot);
  }

  #dropInbound(link: InboundLink, reason: string, out: ReplicationEffect[]): void {
    out.push({ type: "close", link: link.link, reason });
    this.#forgetInbound(link);
  }

  #forgetInbound(link: InboundLink): void {
    this.#links.removeInbound(link);
    this.#deadlines.delete(link);
  }
}
