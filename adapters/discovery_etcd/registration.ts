/**
 * This node's own entry, kept for as long as the node lives.
 *
 * @module
 */

import type { DiscoveryContext, Millis } from "../../mod.ts";
import type { EtcdClient } from "./client.ts";
import { pause } from "./deadline.ts";
import { encodeEntry } from "./entry.ts";
import { failureOf, reasonOf } from "./failures.ts";

/** A lease that holds our entry. */
interface Held {
  readonly id: bigint;
  /** The revision our entry was written with. */
  readonly revision: bigint;
  /** Ends its renewal. */
  readonly stop: AbortController;
}

/** Puts the entry under a lease, renews it, and says when etcd has lost it. */
export class Registration {
  readonly #client: EtcdClient;
  readonly #context: DiscoveryContext;
  readonly #leaseMs: Millis;
  /** The full key of the entry. */
  readonly key: string;
  #held: Held | undefined;

  constructor(client: EtcdClient, context: DiscoveryContext, prefix: string, leaseMs: Millis) {
    this.#client = client;
    this.#context = context;
    this.#leaseMs = leaseMs;
    this.key = `${prefix}${context.self.nodeId}`;
  }

  /** Writes the entry, under the lease there is or a new one; rejects as `EtcdClient.run` does. */
  async announce(signal: AbortSignal): Promise<void> {
    const before = this.#held;
    if (before !== undefined) {
      try {
        const revision = await this.#put(before.id, signal);
        if (this.#held === before) this.#held = { ...before, revision };
        return;
      } catch (error) {
        if (failureOf(error) !== "lease") throw error;
        this.#letGo();
      }
    }
    const id = await this.#grant(signal);
    const revision = await this.#put(id, signal);
    const held: Held = { id, revision, stop: new AbortController() };
    this.#held = held;
    void this.#keep(held.id, held.stop.signal);
  }

  /** Ends the lease, and the entry with it; rejects as `EtcdClient.run` does. Harmless when there is none. */
  async withdraw(signal: AbortSignal): Promise<void> {
    const id = this.#held?.id;
    this.#letGo();
    if (id === undefined) return;
    try {
      await this.#client.run("withdraw from etcd", signal, ({ lease, headers }, signal) => {
        return lease.leaseRevoke({ ID: id }, { headers, signal });
      });
    } catch (error) {
      if (failureOf(error) !== "lease") throw error;
    }
  }

  /** Our entry is not in etcd as of `revision`. */
  isGone(revision: bigint): void {
    if (this.#held === undefined || revision < this.#held.revision) return;
    this.#lose("our entry in etcd was deleted");
  }

  /** Stops the renewal and says nothing to etcd. */
  stop(): void {
    this.#letGo();
  }

  async #grant(signal: AbortSignal): Promise<bigint> {
    const seconds = BigInt(this.#leaseMs / 1_000);
    const { ID } = await this.#client.run(
      "get a lease of etcd",
      signal,
      ({ lease, headers }, signal) => lease.leaseGrant({ TTL: seconds }, { headers, signal }),
    );
    return ID;
  }

  async #put(lease: bigint, signal: AbortSignal): Promise<bigint> {
    const entry = {
      key: new TextEncoder().encode(this.key),
      value: encodeEntry(this.#context.self),
      lease,
    };
    const { header } = await this.#client.run(
      "write this node's entry to etcd",
      signal,
      ({ kv, headers }, signal) => kv.put(entry, { headers, signal }),
    );
    return header?.revision ?? 0n;
  }

  /** Renews the lease until it is lost or let go. Never rejects. */
  async #keep(id: bigint, stopped: AbortSignal): Promise<void> {
    const { clock } = this.#context.runtime;
    const intervalMs = this.#leaseMs / 3;
    let heldUntil = clock.now() + this.#leaseMs;
    let isFailing = false;
    let pauseMs = intervalMs;
    for (;;) {
      try {
        await pause(clock, pauseMs, stopped, this.#client.closed);
        const askedAt = clock.now();
        const seconds = await this.#renew(id, stopped);
        if (!(seconds > 0)) return this.#lose("the lease in etcd is gone");
        heldUntil = askedAt + this.#leaseMs;
        if (isFailing) this.#context.say("info", "the lease in etcd is renewed again");
        isFailing = false;
        pauseMs = intervalMs;
      } catch (error) {
        if (stopped.aborted || this.#client.closed.aborted) return;
        if (!isFailing) {
          this.#context.say("warn", "etcd client error", { reason: reasonOf(error) });
        }
        if (clock.now() > heldUntil) {
          return this.#lose("the lease in etcd could not be renewed in time");
        }
        pauseMs = isFailing ? Math.min(2 * pauseMs, intervalMs) : Math.min(250, intervalMs);
        isFailing = true;
      }
    }
  }

  #renew(id: bigint, signal: AbortSignal): Promise<number> {
    return this.#client.run("renew the lease of etcd", signal, (connection, signal) => {
      return connection.renew(id, { headers: connection.headers, signal });
    });
  }

  #lose(reason: string): void {
    this.#letGo();
    this.#context.forgotten(reason);
  }

  #letGo(): void {
    this.#held?.stop.abort(new Error("the lease is not held any more"));
    this.#held = undefined;
  }
}
