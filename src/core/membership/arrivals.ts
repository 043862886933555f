/**
 * What alive messages do: newcomers, comebacks, changes, conflicts (memberlist.md 3.3).
 *
 * @module
 */

import { bytesToIp, formatAddress, sameIp } from "../address.ts";
import type { Address } from "../machine.ts";
import type { Alive } from "../wire/messages.ts";
import { allowedSender, refuseAliveForm } from "./admission.ts";
import type { BroadcastWatch } from "./audience.ts";
import type { Countdown } from "./countdown.ts";
import type { MachineState } from "./machine_state.ts";
import { MemberRecord } from "./member_record.ts";
import type { News } from "./news.ts";
import type { Refuter } from "./refuter.ts";
import type { Teller } from "./teller.ts";
import { VersionPool } from "./version_pool.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Applies alive messages of others. Our own come in through `Self`. */
export class Arrivals {
  readonly #state: MachineState;
  readonly #news: News;
  readonly #refuter: Refuter;
  readonly #countdown: Countdown;
  readonly #teller: Teller;
  readonly #versions: VersionPool = new VersionPool();

  /** `teller` lets the gone know that they are held to be gone. */
  constructor(
    state: MachineState,
    news: News,
    refuter: Refuter,
    countdown: Countdown,
    teller: Teller,
  ) {
    this.#state = state;
    this.#news = news;
    this.#refuter = refuter;
    this.#countdown = countdown;
    this.#teller = teller;
  }

  /** Applies an alive message. `from` is the address of the packet that carried it, if one did. */
  alive(received: Alive, from: Address | undefined): void {
    const state = this.#state;
    const known = state.members.get(received.node);
    // The stale repeat is by far the most frequent case: leave at once.
    if (known !== undefined && this.#repeats(known, received)) return;
    const message = this.#withPort(received);
    const refusal = refuseAliveForm(message, state.config) ??
      this.#refuse(message, from);
    if (refusal !== undefined) {
      state.counters.aliveRefused++;
      return;
    }
    if (known === undefined) this.#newcomer(message, from);
    else if (state.isSelf(known)) this.#aboutUs(known, message, from);
    else this.#acquaintance(known, message, from);
  }

  #repeats(known: MemberRecord, message: Alive): boolean {
    return known.state === "alive" && message.incarnation <= known.incarnation &&
      message.port === known.port && sameIp(known.addr, message.addr) &&
      !this.#state.isSelf(known);
  }

  /** Version 1 carries no ports, and a port of 0 means ours in every version (memberlist.md 0.1). */
  #withPort(message: Alive): Alive {
    if (message.port !== 0 && this.#state.config.protocolVersion > 1) return message;
    return { ...message, port: this.#state.self.port };
  }

  #refuse(message: Alive, from: Address | undefined): string | undefined {
    const { config, delegate, now } = this.#state;
    if (from !== undefined && !allowedSender(from, config)) {
      return "sender is not in an allowed network";
    }
    if (delegate.refuseAlive === undefined) return undefined;
    const record = this.#record(message);
    record.incarnation = message.incarnation;
    record.state = "alive";
    record.stateChangedMs = now;
    return delegate.refuseAlive(record.view());
  }

  #newcomer(message: Alive, from: Address | undefined): void {
    const { members, tombstones, counters, config, now } = this.#state;
    const buried = tombstones.get(message.node, now);
    if (buried !== undefined && message.incarnation <= buried) {
      counters.tombstoned++;
      this.#teller.tellStranger(message, buried);
      return;
    }
    // Incarnations start at 1; a record at 0 could never be told from one that was never alive.
    if (message.incarnation === 0) {
      counters.incarnationsRefused++;
      return;
    }
    if (members.size >= config.membersMax) {
      counters.membersRefused++;
      return;
    }
    const record = this.#record(message);
    members.add(record);
    tombstones.delete(record.name);
    this.accept(record, message, undefined, from);
  }

  #acquaintance(known: MemberRecord, message: Alive, from: Address | undefined): void {
    const moved = known.port !== message.port || !sameIp(known.addr, message.addr);
    if (moved && !this.#mayMove(known)) {
      this.#conflict(known, message);
      return;
    }
    if (message.incarnation <= known.incarnation && !moved) {
      this.#teller.tell(known);
      return;
    }
    this.accept(known, message, undefined, from);
  }

  #mayMove(known: MemberRecord): boolean {
    if (known.state === "left") return true;
    const { deadNodeReclaimMs } = this.#state.config;
    return known.state === "dead" && deadNodeReclaimMs > 0 &&
      this.#state.now - known.stateChangedMs > deadNodeReclaimMs;
  }

  #conflict(known: MemberRecord, message: Alive): void {
    this.#state.counters.conflicts++;
    const otherAddress = addressOf(message);
    this.#state.notice({ type: "conflict", existing: known.view(), otherAddress });
    if (!known.live) this.#teller.tellStranger(message, known.incarnation);
  }

  #aboutUs(self: MemberRecord, message: Alive, from: Address | undefined): void {
    if (this.#state.leaving) return;
    if (self.port !== message.port || !sameIp(self.addr, message.addr)) {
      this.#conflict(self, message);
      return;
    }
    if (message.incarnation < self.incarnation) return;
    const same = message.incarnation === self.incarnation &&
      sameBytes(self.meta, message.meta ?? NO_BYTES) &&
      sameBytes(self.vsn, message.vsn?.subarray(0, 6) ?? NO_BYTES);
    if (!same) this.#refuter.refute(message.incarnation, self.name, from);
  }

  /** Takes over what an alive message says, gossips it on and tells what changed. `from` is where it came from. */
  accept(record: MemberRecord, message: Alive, watch?: BroadcastWatch, from?: Address): void {
    const { members, now } = this.#state;
    const before = record.state;
    const changedMeta = !sameBytes(record.meta, message.meta ?? NO_BYTES);
    this.#countdown.end(record);
    record.evidence = undefined;
    record.incarnation = message.incarnation;
    record.vsn = this.#versions.share(message.vsn as Uint8Array);
    if (changedMeta) record.meta = copy(message.meta);
    if (!sameBytes(record.addr, message.addr) || record.port !== message.port) {
      record.addr = copy(message.addr);
      record.port = message.port;
      record.address = addressOf(message);
      record.rttMs = -1;
    }
    members.setState(record, "alive", now);
    members.changed(record);
    // Neither the member nor the messenger needs to be told.
    const knownBy = from === undefined ? [record.address] : [record.address, from];
    this.#news.publish(record.name, message, watch, this.#state.isSelf(record) ? [] : knownBy);
    if (before === "dead" || before === "left") {
      this.#state.emit({ type: "joined", member: record.view() });
    } else if (changedMeta) {
      this.#state.emit({ type: "updated", member: record.view() });
    }
    if (before === "suspect") this.#state.emit({ type: "cleared", member: record.view() });
  }

  #record(message: Alive): MemberRecord {
    const { addr, node, port } = message;
    const vsn = this.#versions.share(message.vsn as Uint8Array);
    const meta = copy(message.meta);
    return new MemberRecord(node, copy(addr), port, addressOf(message), meta, vsn, this.#state.now);
  }
}

/** The address an alive message names, as text; its form has been checked. */
export function addressOf(message: Alive): Address {
  return formatAddress(bytesToIp(message.addr) as string, message.port);
}

/** Whether two byte strings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy that does not pin the packet it came in. */
function copy(bytes: Uint8Array | null): Uint8Array {
  return bytes === null || bytes.length === 0 ? NO_BYTES : bytes.slice();
}
