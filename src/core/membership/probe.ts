/**
 * One probe of one member: direct ping, then helpers and TCP, then a verdict (memberlist.md 4.2).
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";
import type { Ack, Ping } from "../wire/messages.ts";
import type { Awaiting } from "./awaiting.ts";
import type { Due } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { Prober } from "./prober.ts";

/** Runs from its ping to its verdict, which it reports to the prober. */
export class Probe implements Awaiting, Due {
  readonly target: MemberRecord;
  /** As it was when the probe began: what the accusation will say. */
  readonly incarnation: number;
  readonly ping: Ping;
  readonly #prober: Prober;
  #sentMs: Millis;
  #endMs: Millis;
  #stage: "direct" | "indirect" | "over" = "direct";
  #delta = -1;
  #nacksExpected = 0;
  #nacks = 0;
  #answeredByTcp = false;
  #restarted = false;
  #tcpStream: number | undefined;

  /** Not yet sent; the prober does that and then calls `begun`. */
  constructor(prober: Prober, target: MemberRecord, ping: Ping, now: Millis, endMs: Millis) {
    this.#prober = prober;
    this.target = target;
    this.incarnation = target.incarnation;
    this.ping = ping;
    this.#sentMs = now;
    this.#endMs = endMs;
  }

  /** When the verdict falls. */
  get endMs(): Millis {
    return this.#endMs;
  }

  /** The TCP ping in flight. */
  get tcpStream(): number | undefined {
    return this.#tcpStream;
  }

  /** The direct ping could not even be written: ask the others at once, without reward for our health. */
  sendFailed(): void {
    if (this.#stage !== "direct") return;
    this.#delta = 0;
    this.#escalate();
  }

  /** One more round, once: this process was blocked, the answers may wait in a buffer. `false` if it had one. */
  restart(now: Millis, endMs: Millis): boolean {
    if (this.#restarted || this.#stage === "over") return false;
    this.#restarted = true;
    this.#stage = "direct";
    this.#sentMs = now;
    this.#endMs = endMs;
    return true;
  }

  acked(ack: Ack, from: Address, receivedMs: Millis): void {
    const direct = this.#stage === "direct" || from === this.target.address;
    // After a restart nobody knows which of the pings was answered.
    const rttMs = direct && !this.#restarted ? Math.max(0, receivedMs - this.#sentMs) : undefined;
    if (direct) this.#prober.answered(this.target, rttMs, receivedMs, ack.payload);
    this.#end();
  }

  nacked(): void {
    if (this.#stage === "indirect" && this.#nacks < this.#nacksExpected) this.#nacks++;
  }

  due(): void {
    if (this.#stage === "direct") this.#escalate();
    else if (this.#stage === "indirect") this.#judge();
  }

  /** The TCP ping was answered; counts at the verdict only. */
  answeredByTcp(): void {
    this.#answeredByTcp = true;
  }

  #escalate(): void {
    this.#stage = "indirect";
    this.#nacks = 0;
    this.#nacksExpected = this.#prober.askHelpers(this);
    if (this.#tcpStream === undefined) this.#tcpStream = this.#prober.pingByTcp(this);
    this.#prober.wait(this, this.#endMs);
  }

  #judge(): void {
    if (this.#answeredByTcp) {
      this.#prober.udpBlocked(this.target);
    } else {
      this.#delta = this.#nacksExpected > 0 ? this.#nacksExpected - this.#nacks : 1;
      this.#prober.failed(this);
    }
    this.#end();
  }

  #end(): void {
    this.#stage = "over";
    this.#prober.over(this, this.#delta);
  }
}
