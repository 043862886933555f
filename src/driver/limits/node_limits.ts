/**
 * The limits of a node, put together: engine, public face, and what feeds them.
 *
 * @module
 */

import type { ResolvedConfig } from "../../config/resolved.ts";
import { LIMIT_TYPE, type LimitsEvent } from "../../core/limits/contract.ts";
import type { Version } from "../../core/hlc.ts";
import type { Millis } from "../../core/machine.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import type { StoredEntry } from "../../core/replication/entry.ts";
import type { Replication } from "../../core/replication/machine.ts";
import { Rng } from "../../core/rng.ts";
import type { Runtime } from "../../ports/runtime.ts";
import type { StoredRow } from "../../ports/storage.ts";
import { entitiesOf, type EntityBase, valueOf } from "../entities.ts";
import type { Links } from "../links.ts";
import { Listeners } from "../listeners.ts";
import type { KnownMember } from "../member_view.ts";
import type { Say } from "../say.ts";
import type { LimitEvent } from "./cluster_limits.ts";
import { LimitsEngine } from "./engine.ts";
import { GovernanceApi } from "./governance_api.ts";
import { CHAIN_TYPES } from "./governance_chain.ts";
import { GOVERNANCE_TYPE, governedDefinitions } from "./governance_limits.ts";
import { GOVERNANCE_PREFIX, limitEvent, LimitsApi } from "./limits_api.ts";
import { type RowStore, VoterRows } from "./voter_rows.ts";

/** How long leaving may take for rights to be given back and voters to be replaced. */
const LEAVE_MS_MAX = 5_000;

/** What the limits of a node need. */
export interface NodeLimitsParts {
  readonly runtime: Pick<Runtime, "clock" | "calendar" | "entropy">;
  readonly config: ResolvedConfig;
  readonly bootId: string;
  readonly replication: Replication;
  readonly links: Pick<Links, "write" | "message">;
  readonly base: EntityBase;
  /** Where a voter writes down, and what it wrote; absent without storage. */
  readonly voter: { readonly store: RowStore; readonly rows: readonly StoredRow[] } | undefined;
  readonly tell: (event: LimitEvent) => void;
  readonly say: Say;
}

/** See the module. */
export class NodeLimits {
  readonly api: LimitsApi;
  readonly governance: GovernanceApi;
  readonly engine: LimitsEngine;
  readonly #parts: NodeLimitsParts;
  readonly #listeners: Listeners<LimitEvent>;
  /** Definitions that can't be used, by id. */
  readonly #refused: Set<string> = new Set();
  #isClosed = false;

  /** Takes in what is held already; nothing runs before `start`. */
  constructor(parts: NodeLimitsParts) {
    this.#parts = parts;
    const { runtime: { clock, calendar, entropy }, config, bootId, replication, links, base } =
      parts;
    this.#listeners = new Listeners((error) =>
      parts.say("error", "a listener threw", { error: String(error) })
    );
    const time = (now: Millis): number => replication.clock.time(now);
    this.engine = new LimitsEngine({
      nodeId: config.nodeId,
      bootId,
      // A node that talks to nobody is all there is.
      expectedNodes: config.enabled ? config.expectedNodes : 1,
      clock,
      calendar,
      rng: new Rng(entropy.seed()),
      codec: base.codec,
      voter: this.#voter(),
      time,
      write: (writes) => links.write(writes),
      find: (type, key) => replication.get(type, key),
      list: (type) => replication.list(type),
      written: () => replication.agreed.ownNumber,
      message: (peer, channel, payload) => links.message(peer, channel, payload),
      onEvent: (event) => this.#onEvent(event),
      say: parts.say,
    });
    this.api = new LimitsApi({
      engine: this.engine,
      entities: entitiesOf(LIMIT_TYPE, base),
      bootId,
      now: () => clock.now(),
      time: () => time(clock.now()),
      isClosed: () => this.#isClosed,
      refused: () => this.#refused.size,
      listeners: this.#listeners,
    });
    this.governance = new GovernanceApi(this.api, (type) => entitiesOf(type, base));
  }

  /** Begins, with the definitions and cells that are held. */
  start(): void {
    this.engine.start();
    for (const type of [LIMIT_TYPE, GOVERNANCE_TYPE]) {
      for (const entry of this.#parts.replication.list(type)) this.#define(entry);
    }
  }

  /** The members changed. */
  members(known: readonly KnownMember[]): void {
    if (!this.#isClosed) this.engine.members(known);
  }

  /** Something happened in replication. */
  note(event: ReplicationEvent): void {
    this.engine.note(event);
    if (event.type === "ready") this.engine.ready();
    else if (event.type === "purged") this.#forget(event.entry);
    else if (event.type === "changed" || event.type === "expired" || event.type === "forgotten") {
      const { type } = event.entry;
      if (CHAIN_TYPES.has(type)) this.governance.chains.changed();
      if (type === LIMIT_TYPE || type === GOVERNANCE_TYPE) {
        this.#define(event.entry, event.type !== "changed");
      }
    }
  }

  /** Gives everything back. */
  async leave(): Promise<void> {
    if (await this.engine.leave(LEAVE_MS_MAX)) return;
    this.#parts.say("warn", "left before all rights of leased limits were given back");
  }

  /** Nothing happens any more. */
  close(): void {
    this.#isClosed = true;
    this.engine.stop();
  }

  #voter(): VoterRows | undefined {
    const { voter, runtime: { entropy }, say } = this.#parts;
    if (voter === undefined) return undefined;
    const id = Array.from(entropy.bytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const rows = new VoterRows(voter.store, voter.rows, id);
    if (rows.unreadable > 0) {
      say("error", "stored votes on leased limits do not decode: this node votes as a new one", {
        unreadable: rows.unreadable,
      });
    }
    return rows;
  }

  #define(entry: StoredEntry, isGone = entry.deleted): void {
    const { type, key, version } = entry;
    const value = isGone ? undefined : valueOf(entry, this.#parts.base.codec);
    if (type === LIMIT_TYPE) {
      if (!key.startsWith(GOVERNANCE_PREFIX)) this.#set(key, value, version);
      return;
    }
    for (const { id, definition } of governedDefinitions(key, value)) {
      this.#set(id, definition, version);
    }
  }

  #set(id: string, definition: unknown, version: Version): void {
    this.#refused.delete(id);
    this.engine.define(id, definition, version);
  }

  /** Nobody remembers a delete any more. */
  #forget({ type, key }: StoredEntry): void {
    if (type === LIMIT_TYPE) this.engine.forget(key);
    else if (type === GOVERNANCE_TYPE) {
      for (const { id } of governedDefinitions(key, undefined)) this.engine.forget(id);
    }
  }

  #onEvent(event: LimitsEvent): void {
    const told = limitEvent(event);
    if (told.type === "refusedDefinition") {
      this.#refused.add(told.limit);
      this.#parts.say("error", "a limit can't be used", {
        limit: told.limit,
        reason: told.problem,
      });
    } else {
      this.#parts.say(
        told.type === "near" ? "info" : "warn",
        told.type === "near" ? "a limit is nearly used up" : "more was used than a limit allows",
        { limit: told.limit, window: told.window, used: told.used, of: told.of },
      );
    }
    this.#listeners.tell(told);
    this.#parts.tell(told);
  }
}
