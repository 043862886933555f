/**
 * The shapes of what the roles of leased limits say to one another, and of what voters write down.
 *
 * @module
 */

import { SHARDS, VOTERS_MAX } from "../../core/limits/leased/contract.ts";
import {
  count,
  finite,
  flag,
  list,
  object,
  oneOf,
  type Shape,
  text,
  variant,
  whole,
} from "./shapes.ts";

const shard: Shape = (value) => count(value) && (value as number) < SHARDS;
const epoch = object({ number: count, node: text, boot: text });
const version = object({ wallMs: count, logic: count, origin: text, boot: text });
const lease = object({ order: whole, startMs: finite, endMs: finite });
const voters: Shape = (value) =>
  list(object({ id: text, node: text }))(value) && (value as unknown[]).length <= VOTERS_MAX;
const voterList = object({ epoch, number: count, voters }, { before: voters });
const row = { granted: count, returned: count, spent: count };
const slice = {
  limit: text,
  version,
  cap: count,
  window: lease,
  span: count,
  rows: list(object({ holder: text, ...row })),
};
const limitOrder = { limit: text, order: whole };

const answer = variant({
  granted: object({
    ...limitOrder,
    ...row,
    leftMs: finite,
    window: lease,
    version,
    isScarce: flag,
  }),
  reported: object({ ...limitOrder, returned: count, spent: count }),
  correct: object({ ...limitOrder, granted: count, window: lease }),
  over: object(limitOrder),
  later: object({ limit: text }),
});

const verdict = object(
  { ...limitOrder, seq: count, verdict: oneOf("stored", "late", "early", "version") },
  { terms: object({ version, cap: count }) },
);

const message = variant({
  prepare: object({ shard, epoch }),
  promised: object(
    { shard, epoch, voter: text, slices: list(object(slice, { closed: whole })) },
    { list: voterList },
  ),
  store: object({
    shard,
    epoch,
    voter: text,
    list: voterList,
    slices: list(object({ ...slice, seq: count }, { closed: whole })),
  }),
  stored: object({ shard, epoch, voter: text, listNumber: count, verdicts: list(verdict) }),
  refused: object({ shard, epoch, promised: epoch }),
  ask: object({
    boot: text,
    sentMs: finite,
    items: list(
      object({ limit: text, ...row, want: whole, atLeast: count }, { window: lease }),
    ),
  }),
  answer: object({ boot: text, sentMs: finite, ttlMs: finite, items: list(answer) }),
});

/** A list of messages. */
export const leasedMessages: Shape = list(message);

/** What a voter writes down of one shard. */
export const storedShard: Shape = object({ shard, promise: epoch }, { list: voterList });

/** What a voter writes down of one window of one limit. */
export const storedSlice: Shape = object({
  shard,
  promise: epoch,
  slice: object(slice, { closed: whole }),
});
