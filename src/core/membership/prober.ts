/**
 * Probes one member after the other (memberlist.md 3.10, 4.1, 4.2).
 *
 * @module
 */

import type { Address, Millis } from "../machine.ts";
import type { Ping } from "../wire/messages.ts";
import type { AwaitingTable } from "./awaiting.ts";
import type { Due, MachineState } from "./machine_state.ts";
import type { MemberRecord } from "./member_record.ts";
import type { Outbox } from "./outbox.ts";
import { Probe } from "./probe.ts";
import type { Reaper } from "./reaper.ts";
import type { Streams } from "./streams.ts";
import type { Transitions } from "./transitions.ts";

/** Protocol version that answers pings over TCP. */
const TCP_PING_PROTOCOL = 3;
/** Protocol version that answers with nacks. */
const NACK_PROTOCOL = 4;
/** How often we say of a member that its UDP is blocked, at most. */
const UDP_BLOCKED_EVERY_MS: Millis = 60_000;
/** Weight of the newest round trip in the smoothed one, as in RFC 6298. */
const RTT_GAIN = 1 / 8;

/** Round robin over all members; one probe at a time. */
export class Prober implements Due {
  readonly #state: MachineState;
  readonly #awaiting: AwaitingTable;
  readonly #outbox: Outbox;
  readonly #transitions: Transitions;
  readonly #streams: Streams;
  readonly #reaper: Reaper;
  #index = 0;
  #tickMs: Millis = 0;
  #active: Probe | undefined;
  #missedTick = false;

  /** `reaper` forgets the long gone at every wrap-around. */
  constructor(
    state: MachineState,
    awaiting: AwaitingTable,
    outbox: Outbox,
    transitions: Transitions,
    streams: Streams,
    reaper: Reaper,
  ) {
    this.#state = state;
    this.#awaiting = awaiting;
    this.#outbox = outbox;
    this.#transitions = transitions;
    this.#streams = streams;
    this.#reaper = reaper;
  }

  /** Arms the timer at a random phase, so that nodes started together do not probe together. */
  start(): void {
    const { config, rng, now } = this.#state;
    if (config.probeIntervalMs === 0) return;
    this.#tickMs = now + rng.unit() * config.probeIntervalMs;
    this.#state.arm(this, this.#tickMs);
  }

  due(): void {
    const { probeIntervalMs } = this.#state.config;
    this.#tickMs += probeIntervalMs;
    if (this.#tickMs <= this.#state.now) this.#tickMs = this.#state.now + probeIntervalMs;
    this.#state.arm(this, this.#tickMs);
    if (this.#active === undefined) this.#next();
    else this.#missedTick = true;
  }

  /** A datagram to `to` could not be written. */
  sendFailed(to: Address): void {
    if (this.#active?.target.address === to) this.#active.sendFailed();
  }

  /** This process was blocked: the probe under way gets one more round. */
  reprieve(): void {
    const probe = this.#active;
    if (probe === undefined || !probe.restart(this.#state.now, this.#endMs())) return;
    this.#send(probe);
  }

  /** The next member in turn gets its ping. */
  #next(): void {
    const { members } = this.#state;
    for (let checked = 0; checked <= members.size; checked++) {
      if (this.#index >= members.size) {
        this.#reaper.reap();
        this.#index = 0;
      }
      const record = members.list[this.#index++];
      if (record === undefined) return;
      if (!this.#state.isSelf(record) && record.live) return this.#probe(record);
    }
  }

  #probe(target: MemberRecord): void {
    const { self, counters, now } = this.#state;
    const seqNo = this.#state.nextSeqNo();
    const ping: Ping = {
      type: "ping",
      seqNo,
      node: target.name,
      sourceAddr: self.addr,
      sourcePort: self.port,
      sourceNode: self.name,
    };
    counters.probes++;
    this.#active = new Probe(this, target, ping, now, this.#endMs());
    this.#send(this.#active);
  }

  #endMs(): Millis {
    return this.#state.now + this.#state.awareness.scale(this.#state.config.probeIntervalMs);
  }

  #send(probe: Probe): void {
    const { encode, config, now, self } = this.#state;
    const { target, ping, incarnation } = probe;
    this.#awaiting.set(ping.seqNo, probe);
    this.wait(probe, now + config.probeTimeoutMs);
    const bytes = encode(ping);
    if (target.state !== "suspect") {
      this.#outbox.send(target.address, bytes, target);
      return;
    }
    // The suspect learns of the accusation with the ping, so that its ack can carry the refutation.
    const accusation = encode({
      type: "suspect",
      node: target.name,
      incarnation,
      from: self.name,
    });
    this.#outbox.sendParts(target.address, [bytes, accusation], target);
  }

  /** Called by a probe: arms its next step. */
  wait(probe: Probe, at: Millis): void {
    this.#state.arm(probe, at);
  }

  /** Called by a probe: asks others to ping its target; answers how many nacks may come. */
  askHelpers(probe: Probe): number {
    const { members, config, encode } = this.#state;
    const { target, ping } = probe;
    const helpers = members.pick(
      config.indirectChecks,
      (record) => record === target || record.state !== "alive" || this.#state.isSelf(record),
    );
    let nacks = 0;
    for (const helper of helpers) {
      const nack = helper.protocolMax >= NACK_PROTOCOL;
      if (nack) nacks++;
      const { addr, port } = target;
      const bytes = encode({ ...ping, type: "indirectPing", target: addr, port, nack });
      this.#outbox.send(helper.address, bytes, helper);
    }
    return nacks;
  }

  /** Called by a probe: the same ping over TCP; answers the stream, if any. */
  pingByTcp(probe: Probe): number | undefined {
    const { disableTcpPings, disableTcpPingsFor } = this.#state.config;
    const { target, ping } = probe;
    if (disableTcpPings || target.protocolMax < TCP_PING_PROTOCOL) return undefined;
    if (disableTcpPingsFor.includes(target.name)) return undefined;
    return this.#streams.dial(target.address, ping, probe.endMs, {
      connected: () => {},
      message: (message) => {
        if (message.type === "ack" && message.seqNo === ping.seqNo) probe.answeredByTcp();
      },
      failed: () => {},
    });
  }

  /** Called by a probe: the target itself answered. */
  answered(
    target: MemberRecord,
    rttMs: Millis | undefined,
    receivedMs: Millis,
    payload: Uint8Array | null,
  ): void {
    const { members, delegate } = this.#state;
    target.lastAckMs = receivedMs;
    if (rttMs === undefined) return;
    target.rttMs = target.rttMs < 0 ? rttMs : target.rttMs + (rttMs - target.rttMs) * RTT_GAIN;
    members.measured(target);
    delegate.pingCompleted?.(target.view(), rttMs, payload?.slice() ?? new Uint8Array(0));
  }

  /** Called by a probe: UDP failed, TCP did not. */
  udpBlocked(target: MemberRecord): void {
    const { counters, now } = this.#state;
    counters.probesByTcp++;
    if (target.udpBlockedMs >= 0 && now - target.udpBlockedMs < UDP_BLOCKED_EVERY_MS) return;
    target.udpBlockedMs = now;
    this.#state.emit({ type: "udpBlocked", member: target.view() });
  }

  /** Called by a probe: nobody reached the target. */
  failed(probe: Probe): void {
    this.#state.counters.probesFailed++;
    const { target, incarnation } = probe;
    const from = this.#state.self.name;
    this.#transitions.suspect({ type: "suspect", node: target.name, incarnation, from }, undefined);
  }

  /** Called by a probe: it is done, our health moves by `delta`. */
  over(probe: Probe, delta: number): void {
    this.#awaiting.delete(probe.ping.seqNo);
    this.#state.deadlines.delete(probe);
    if (probe.tcpStream !== undefined) this.#streams.drop(probe.tcpStream);
    this.#active = undefined;
    this.#state.adjustHealth(delta);
    if (!this.#missedTick) return;
    this.#missedTick = false;
    this.#next();
  }
}
