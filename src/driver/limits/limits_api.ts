/**
 * Shared limits over the engine: units for micro-units, names for numbers, and patience where others have to be asked.
 *
 * @module
 */

import { ClusterError } from "../../core/errors.ts";
import type { Version } from "../../core/hlc.ts";
import { toMicros, toUnits } from "../../core/limits/amounts.ts";
import type {
  ConsumeItem,
  Decision,
  LimitsEvent,
  LimitView,
  RefusalReason,
} from "../../core/limits/contract.ts";
import { creationMs, type LimitDefinition, resolveLimit } from "../../core/limits/definition.ts";
import type { Millis, WallMillis } from "../../core/machine.ts";
import type { WriteOutcome } from "../../core/replication/awaited.ts";
import type { AwaitOptions, Entities } from "../entities.ts";
import type { Listeners } from "../listeners.ts";
import type {
  ClusterLimits,
  ConsumeOptions,
  ConsumeOutcome,
  DefinedLimit,
  LimitEvent,
  LimitItem,
  LimitReading,
  LimitSpec,
  LimitStanding,
  LimitsView,
  LimitVerdict,
  SettleOutcome,
  TakeOptions,
} from "./cluster_limits.ts";
import type { LimitsEngine } from "./engine.ts";

/** Ids that pages and this library keep for themselves. */
const RESERVED_IDS: readonly string[] = ["consume", "settle", "refund"];

/** Ids of limits that come of other entities begin with this. */
export const GOVERNANCE_PREFIX = "governance/";

/** Items of one call. */
const ITEMS_MAX = 256;

const RESERVE_MS = 600_000;
const RESERVE_MS_MAX = 86_400_000;
const CONSUME_TIMEOUT_MS = 1_000;

/** How long is waited for news at most before it is tried again. */
const TRY_EVERY_MS = 25;

/** Refusals that may be over in a moment. */
const PASSING: ReadonlySet<RefusalReason> = new Set(["asking", "unheard"]);

const ADMITTED: LimitVerdict = Object.freeze({ admitted: true });

/** What the limits stand on. */
export interface LimitsApiParts {
  readonly engine: LimitsEngine;
  readonly entities: Entities;
  readonly bootId: string;
  readonly now: () => Millis;
  /** Cluster time. */
  readonly time: () => WallMillis;
  readonly isClosed: () => boolean;
  readonly refused: () => number;
  readonly listeners: Listeners<LimitEvent>;
}

/** An item while a call is prepared. */
type Prepared = { -readonly [Field in keyof ConsumeItem]: ConsumeItem[Field] };

/** See {@linkcode ClusterLimits}. */
export class LimitsApi implements ClusterLimits {
  readonly #parts: LimitsApiParts;
  readonly #engine: LimitsEngine;
  /** Items of the call that is prepared; used again and again. */
  readonly #scratch: Prepared[] = [];
  #created = 0;

  constructor(parts: LimitsApiParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
  }

  define(id: string, spec: LimitSpec): Version;
  define(id: string, spec: LimitSpec, options: AwaitOptions): Promise<WriteOutcome>;
  define(
    id: string,
    spec: LimitSpec,
    options?: AwaitOptions,
  ): Version | Promise<WriteOutcome> {
    const { entities } = this.#parts;
    if (options === undefined) return entities.set(id, this.#definition(id, spec));
    return this.#awaited(() => entities.set(id, this.#definition(id, spec), options));
  }

  get(id: string): DefinedLimit | undefined {
    const entity = this.#parts.entities.entity(id);
    if (entity === undefined) return undefined;
    return { id, definition: entity.value as LimitDefinition, version: entity.version };
  }

  list(): readonly DefinedLimit[] {
    return this.#parts.entities.list()
      .map(({ key, value, version }) => ({
        id: key,
        definition: value as LimitDefinition,
        version,
      }))
      .sort((a, b) => a.id < b.id ? -1 : 1);
  }

  delete(id: string): Version;
  delete(id: string, options: AwaitOptions): Promise<WriteOutcome>;
  delete(id: string, options?: AwaitOptions): Version | Promise<WriteOutcome> {
    const { entities } = this.#parts;
    return options === undefined ? entities.delete(id) : entities.delete(id, options);
  }

  tryConsume(items: readonly LimitItem[], options?: TakeOptions): LimitVerdict {
    const decision = this.#decide(items, reserveMsOf(options));
    if (decision.admitted && decision.reservation === 0 && decision.shadowed === 0) return ADMITTED;
    return this.#verdict(decision, items);
  }

  async consume(
    items: readonly LimitItem[],
    options: ConsumeOptions = {},
  ): Promise<ConsumeOutcome> {
    const { timeoutMs = CONSUME_TIMEOUT_MS } = options;
    const reserveMs = reserveMsOf(options);
    if (!(timeoutMs >= 0 && timeoutMs < Infinity)) {
      throw new RangeError(`Cannot consume as timeoutMs must be a number >= 0: it is ${timeoutMs}`);
    }
    const { now } = this.#parts;
    const deadline = now() + timeoutMs;
    let decision = this.#decide(items, reserveMs);
    while (this.#isPassing(decision, items) && now() < deadline) {
      await this.#engine.change(Math.min(deadline, now() + TRY_EVERY_MS));
      decision = this.#decide(items, reserveMs);
    }
    const verdict = this.#verdict(decision, items);
    return { ...verdict, items: items.flatMap(({ limit }) => this.#standing(limit)) };
  }

  settle(reservation: string, items: readonly LimitItem[] = []): Promise<SettleOutcome> {
    return this.#awaited(() => {
      const number = this.#numberOf(reservation);
      const reserved = this.#engine.reserved(number);
      if (reserved === undefined) return "unknown";
      return this.#engine.settle(number, actualAmounts(reserved, items));
    });
  }

  refund(reservation: string): Promise<SettleOutcome> {
    return this.#awaited(() => this.#engine.refund(this.#numberOf(reservation)));
  }

  read(id: string): LimitReading | undefined {
    const view = this.#engine.read(id);
    const strength = this.#engine.definition(id)?.strength;
    if (view === undefined || strength === undefined) return undefined;
    return {
      ...standingOf(view),
      window: view.window,
      of: toUnits(view.limit),
      unit: view.unit,
      strength,
      used: toUnits(view.used),
      unseenMax: toUnits(view.unseenMax),
      isolated: view.isolated,
      shadow: view.shadow,
    };
  }

  subscribe(listener: (event: LimitEvent) => void): () => void {
    return this.#parts.listeners.add(listener);
  }

  view(): LimitsView {
    const { size: limits, counters } = this.#engine;
    const refusedDefinitions = this.#parts.refused();
    return { limits, refusedDefinitions, counters: { ...counters }, ...this.#engine.view() };
  }

  /** What an open reservation took, in units; `undefined` when there is none of that name. */
  reserved(reservation: string): readonly LimitItem[] | undefined {
    return this.#engine.reserved(this.#numberOf(reservation))
      ?.map(({ limit, amount }) => ({ limit, amount: toUnits(amount) }));
  }

  #decide(items: readonly LimitItem[], reserveMs: Millis): Decision {
    if (this.#parts.isClosed()) {
      throw new ClusterError("closed", "Cannot consume: the node is closed");
    }
    const scratch = this.#scratch;
    if (items.length === 0 || items.length > ITEMS_MAX) {
      throw new RangeError(
        `Cannot consume as there must be 1 to ${ITEMS_MAX} items: given are ${items.length}`,
      );
    }
    scratch.length = Math.min(scratch.length, items.length);
    for (let i = 0; i < items.length; i++) {
      const { limit, amount } = items[i] as LimitItem;
      const micros = toMicros(amount);
      if (micros === undefined) throw badAmount(limit, amount);
      const prepared = scratch[i];
      if (prepared === undefined) scratch.push({ limit, amount: micros });
      else {
        prepared.limit = limit;
        prepared.amount = micros;
      }
    }
    return this.#engine.consume(scratch, reserveMs);
  }

  /** Whether a refusal may be over in a moment: others are being asked, or will be. */
  #isPassing({ reason, refused }: Decision, items: readonly LimitItem[]): boolean {
    if (reason === undefined) return false;
    if (reason !== "isolated") return PASSING.has(reason);
    return this.#engine.definition((items[refused] as LimitItem).limit)?.strength === "leased";
  }

  #verdict(decision: Decision, items: readonly LimitItem[]): LimitVerdict {
    const { admitted, reservation, retryAfterMs, refused, reason, shadowed } = decision;
    return {
      admitted,
      ...(retryAfterMs > 0 && retryAfterMs < Infinity
        ? { retryAfterMs: Math.ceil(retryAfterMs) }
        : {}),
      ...(reservation > 0 ? { reservation: `${this.#parts.bootId}.${reservation}` } : {}),
      ...(reason === undefined ? {} : { limit: (items[refused] as LimitItem).limit, reason }),
      ...(shadowed > 0 ? { shadowed } : {}),
    };
  }

  #standing(limit: string): LimitStanding[] {
    const view = this.#engine.read(limit);
    return view === undefined ? [] : [standingOf(view)];
  }

  /** The number of a reservation of this boot; 0, which none has, for any other. */
  #numberOf(reservation: string): number {
    const prefix = `${this.#parts.bootId}.`;
    if (!reservation.startsWith(prefix)) return 0;
    const number = Number(reservation.slice(prefix.length));
    return Number.isSafeInteger(number) && number > 0 ? number : 0;
  }

  #definition(id: string, spec: LimitSpec): LimitDefinition {
    if (RESERVED_IDS.includes(id) || id.startsWith(GOVERNANCE_PREFIX)) {
      throw new ClusterError(
        "bad-data",
        `Cannot define limit ${JSON.stringify(id)}: the ids ${RESERVED_IDS.join(", ")} and those ` +
          `that begin with "${GOVERNANCE_PREFIX}" are taken, choose another`,
      );
    }
    const definition: LimitDefinition = { ...spec, created: this.#createdOf(id) };
    const { windows, strengths } = this.#engine;
    const resolution = resolveLimit(id, definition, { windows, strengths });
    if (resolution.ok) return definition;
    const isConfig = spec.strength === "leased" && !strengths.has("leased");
    throw new ClusterError(isConfig ? "bad-config" : "bad-data", resolution.problem);
  }

  /** When the limit was first written: as it says itself, or now. */
  #createdOf(id: string): string {
    const known = (this.get(id)?.definition as Partial<LimitDefinition> | undefined)?.created;
    if (typeof known === "string" && creationMs(known) !== undefined) return known;
    this.#created = (this.#created + 1) % 65_536;
    return `${Math.floor(this.#parts.time())}.${this.#created}.${this.#parts.bootId}`;
  }

  async #awaited<T>(act: () => T | Promise<T>): Promise<T> {
    return await act();
  }
}

/** What an event of the machine is to applications. */
export function limitEvent(event: LimitsEvent): LimitEvent {
  if (event.type === "refusedDefinition") return event;
  return { ...event, used: toUnits(event.used), of: toUnits(event.of) };
}

function standingOf({ id, remaining, resetMs, stalenessMs }: LimitView): LimitStanding {
  return {
    limit: id,
    remaining: toUnits(remaining),
    resetAt: Math.round(resetMs),
    stalenessMs: Math.round(stalenessMs),
  };
}

function reserveMsOf({ reserve = false, reserveMs = RESERVE_MS }: TakeOptions = {}): Millis {
  if (!reserve) return 0;
  if (reserveMs > 0 && reserveMs <= RESERVE_MS_MAX) return reserveMs;
  throw new RangeError(
    `Cannot reserve as reserveMs must be above 0 and at most ${RESERVE_MS_MAX}: it is ${reserveMs}`,
  );
}

/** The amounts of a reservation, in its order: what is said of each limit, else what was reserved. */
function actualAmounts(reserved: readonly ConsumeItem[], items: readonly LimitItem[]): number[] {
  const amounts = reserved.map(({ amount }) => amount);
  const isSaid = reserved.map(() => false);
  for (const { limit, amount } of items) {
    const micros = toMicros(amount);
    if (micros === undefined) throw badAmount(limit, amount);
    const at = reserved.findIndex((item, i) => item.limit === limit && !isSaid[i]);
    if (at < 0) {
      throw new RangeError(
        `Cannot settle the reservation: limit ${
          JSON.stringify(limit)
        } is not in it, or named twice`,
      );
    }
    isSaid[at] = true;
    amounts[at] = micros;
  }
  return amounts;
}

function badAmount(limit: string, amount: number): RangeError {
  return new RangeError(
    `Cannot take ${amount} of limit ${
      JSON.stringify(limit)
    }: allowed is a number from 0 to 4000000000`,
  );
}
