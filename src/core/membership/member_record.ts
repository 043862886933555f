/**
 * What the machine knows of one member: lean, mutable, private to this folder.
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";
import type { Member, MemberState, SuspicionEvidence } from "./contract.ts";
import type { Suspicion } from "./suspicion.ts";

/** One row of the member table. Its name never changes. */
export class MemberRecord {
  readonly name: string;
  /** Raw bytes as they came, re-sent verbatim (memberlist.md 1.11). */
  addr: Uint8Array;
  port: number;
  /** `addr` and `port` as text, for effects. */
  address: Address;
  meta: Uint8Array;
  /** Six bytes, shared among members with the same versions. */
  vsn: Uint8Array;
  incarnation = 0;
  state: MemberState = "dead";
  stateChangedMs: Millis;
  /** Smoothed round trip of direct probes; -1 before the first. */
  rttMs: Millis = -1;
  /** When the last direct ack came; -1 before the first. */
  lastAckMs: Millis = -1;
  /** When we last told the member what is said of it; -1 if never. */
  toldMs: Millis = -1;
  /** When we last told of its blocked UDP; -1 if never. */
  udpBlockedMs: Millis = -1;
  /** Running while `state` is `"suspect"`. */
  suspicion: Suspicion | undefined = undefined;
  /** Why it died; kept on the dead. */
  evidence: SuspicionEvidence | undefined = undefined;
  /** Its place in the probe list. */
  index = -1;
  #view: Member | undefined = undefined;

  /** A record starts dead with incarnation 0; the alive message that made it comes next. */
  constructor(
    name: string,
    addr: Uint8Array,
    port: number,
    address: Address,
    meta: Uint8Array,
    vsn: Uint8Array,
    now: Millis,
  ) {
    this.name = name;
    this.addr = addr;
    this.port = port;
    this.address = address;
    this.meta = meta;
    this.vsn = vsn;
    this.stateChangedMs = now;
  }

  /** Alive or suspect: somebody to talk to. */
  get live(): boolean {
    return this.state === "alive" || this.state === "suspect";
  }

  /** The highest protocol version it understands. */
  get protocolMax(): number {
    return this.vsn[1] as number;
  }

  /** The immutable view, made once per change. */
  view(): Member {
    return this.#view ??= this.#makeView();
  }

  /** Forgets the view; call after every change. */
  changed(): void {
    this.#view = undefined;
  }

  #makeView(): Member {
    const evidence = this.suspicion?.evidence() ?? this.evidence;
    const { name, address, state, incarnation, meta, vsn, stateChangedMs, rttMs } = this;
    return Object.freeze({
      name,
      address,
      state,
      incarnation,
      meta,
      vsn,
      stateChangedMs,
      ...(rttMs < 0 ? {} : { rttMs }),
      ...(evidence === undefined ? {} : { evidence }),
    });
  }
}
