/**
 * Invariants of replication.
 *
 * @module
 */

import { compareVersions, type Version } from "../../core/hlc.ts";
import type { ReplicationEvent } from "../../core/replication/contract.ts";
import type { StoredEntry } from "../../core/replication/entry.ts";
import { entryCodec } from "../../driver/entry_codec.ts";
import type { Checker, World } from "./checker.ts";
import { storeDifference } from "./convergence.ts";
import type { SimNode } from "./sim_node.ts";

/** Windows and skews that a node may have, whatever it was told. */
const WINDOW_BATCHES = 8;
const SKEW_MAX_MS = 60_000;

interface Held {
  readonly version: Version;
  readonly deleted: boolean;
}

/** What one process has told of its store: a shadow that forgets nothing. */
type Shadow = Map<string, Held>;

/** Follows every store by what its node tells, and compares with what it holds. */
export function replicationChecks(world: World): Checker {
  const shadows: Map<SimNode, Shadow> = new Map();
  /** Keys of which every store then up held this tombstone, per group. */
  const buried: Map<string, Version> = new Map();
  /** Writes whose stamp is older than a grave and that are new all the same: their clock was behind, or was put right. */
  const unknowing: Set<string> = new Set();
  const dirty: Set<SimNode> = new Set();
  let checkedAt = -1;

  function changed(node: SimNode, entry: StoredEntry, local: boolean): void {
    const shadow = shadows.get(node);
    // The head may lie; the bytes are what is stored and sent.
    const record = entryCodec.decode(entry.bytes);
    if (shadow === undefined || record === undefined) return;
    const { version } = record;
    const id = `${record.type}/${record.key}`;
    const before = shadow.get(id);
    const isStale = before !== undefined && compareVersions(version, before.version) <= 0;
    if (isStale) {
      world.report(
        "stale-never-overwrites-fresh",
        node,
        `${id} went from ${text(before.version)} to ${text(version)}`,
      );
    }
    const deleted = record.value === undefined;
    if (!isStale) shadow.set(id, { version, deleted });
    if (!local) notFromTheFuture(node, id, version);
    if (deleted) bury(node, id, version);
    else resurrected(node, id, version, local);
  }

  function notFromTheFuture(node: SimNode, id: string, version: Version): void {
    const time = node.life?.links?.machine.clock.time(world.now) ?? Infinity;
    if (version.wallMs <= time + SKEW_MAX_MS) return;
    world.report(
      "nothing-from-the-future-is-taken",
      node,
      `${id} is ${Math.round(version.wallMs - time)} ms ahead`,
    );
  }

  function bury(node: SimNode, id: string, version: Version): void {
    for (const other of world.nodes) {
      if (!other.isUp || other.group !== node.group) continue;
      const held = shadows.get(other)?.get(id);
      if (held === undefined || !held.deleted) return;
      if (compareVersions(held.version, version) < 0) return;
    }
    buried.set(`${node.group}\n${id}`, version);
  }

  function resurrected(node: SimNode, id: string, version: Version, local: boolean): void {
    const grave = buried.get(`${node.group}\n${id}`);
    if (grave === undefined || compareVersions(version, grave) > 0) return;
    const write = `${id} ${text(version)}`;
    if (local) unknowing.add(write);
    if (unknowing.has(write)) return;
    world.report("the-deleted-stay-deleted", node, `${id} is back with ${text(version)}`);
  }

  /** The same write under a stamp that counts: lower than before, and new if it was newer than the grave. */
  function restamped(node: SimNode, { type, key, version, deleted }: StoredEntry): void {
    const id = `${type}/${key}`;
    const shadow = shadows.get(node);
    const before = shadow?.get(id);
    const grave = buried.get(`${node.group}\n${id}`);
    const isNew = grave === undefined || before === undefined ||
      compareVersions(before.version, grave) > 0 ||
      unknowing.has(`${id} ${text(before.version)}`);
    if (isNew && !deleted) unknowing.add(`${id} ${text(version)}`);
    shadow?.set(id, { version, deleted });
  }

  function links(node: SimNode): void {
    const view = node.life?.links?.machine.view();
    if (view === undefined) return;
    for (const { peer, dirty: waiting, inFlight } of view.links) {
      if (waiting > view.entries + view.tombstones || inFlight > WINDOW_BATCHES) {
        world.report(
          "links-stay-within-bounds",
          node,
          `to ${peer}: ${waiting} keys wait and ${inFlight} batches fly, of ${view.entries} entries`,
        );
      }
    }
  }

  /** What any process has held and not replaced is what everybody holds now. */
  function nothingLost(): void {
    const newest: Map<string, Map<string, Held>> = new Map();
    for (const [node, shadow] of shadows) {
      if (!node.isMember) continue;
      let ofGroup = newest.get(node.group);
      if (ofGroup === undefined) newest.set(node.group, ofGroup = new Map());
      for (const [id, held] of shadow) {
        const best = ofGroup.get(id);
        if (best === undefined || compareVersions(held.version, best.version) > 0) {
          ofGroup.set(id, held);
        }
      }
    }
    for (const node of world.nodes) {
      if (!node.isMember || node.life?.links === undefined) continue;
      const stored: Map<string, Version> = new Map();
      for (const entry of node.entries()) {
        const version = entryCodec.head(entry.bytes)?.version ?? entry.version;
        stored.set(`${entry.type}/${entry.key}`, version);
      }
      for (const [id, { version, deleted }] of newest.get(node.group) ?? []) {
        const held = stored.get(id);
        if (held !== undefined && compareVersions(held, version) >= 0) continue;
        if (deleted && isForgotten(node, version)) continue;
        world.report(
          "nothing-held-is-lost",
          node,
          `${deleted ? "the delete of " : ""}${id} of ${text(version)} is not there`,
        );
        break;
      }
    }
  }

  /** Tombstones may be forgotten after the horizon. */
  function isForgotten(node: SimNode, { wallMs }: Version): boolean {
    const machine = node.life?.links?.machine;
    if (machine === undefined) return true;
    return wallMs + machine.config.tombstoneHorizonMs <= machine.clock.time(world.now);
  }

  return {
    invariants: [
      "stale-never-overwrites-fresh",
      "nothing-from-the-future-is-taken",
      "the-deleted-stay-deleted",
      "links-stay-within-bounds",
      "nothing-held-is-lost",
      "replication-converges",
    ],
    started: (node) => shadows.set(node, new Map()),
    ended(node) {
      shadows.delete(node);
      dirty.delete(node);
    },
    replication(node, event: ReplicationEvent) {
      if (event.type === "changed") changed(node, event.entry, event.local);
      else if (event.type === "restamped") {
        restamped(node, event.entry);
      } else return;
      dirty.add(node);
    },
    look() {
      for (const node of dirty) links(node);
      dirty.clear();
      const restMs = world.now - Math.max(world.calmSince, world.lastWriteAt);
      if (!(restMs >= world.bounds.replicationMs)) {
        checkedAt = -1;
        return;
      }
      if (checkedAt === world.changes) return;
      checkedAt = world.changes;
      const difference = storeDifference(world.nodes);
      if (difference !== undefined) world.report("replication-converges", undefined, difference);
      nothingLost();
    },
  };
}

function text({ wallMs, logic, origin }: Version): string {
  return `${wallMs}.${logic} by ${origin}`;
}
