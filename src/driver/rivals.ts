/**
 * Two running nodes with one node id: their writes, links and leadership can't be told apart.
 *
 * @module
 */

import type { Millis } from "../core/machine.ts";
import type { KnownMember } from "./member_view.ts";

/** A restart under another port looks like two nodes until the old one is declared dead. */
const GRACE_MS: Millis = 15_000;

/** Finds members that share a node id for longer than a restart takes. */
export class Rivals {
  /** Since when each shared id is shared. */
  readonly #since: Map<string, Millis> = new Map();
  #names: ReadonlyMap<string, readonly string[]> = new Map();

  /** Memberlist names that share this node id; `undefined` when it is one node's own. */
  of(nodeId: string): readonly string[] | undefined {
    return this.#names.get(nodeId);
  }

  /** Looks at everybody, ourselves included; answers the ids found since the last look. */
  look(members: Iterable<KnownMember>, now: Millis): readonly string[] {
    const alive = new Map<string, string[]>();
    for (const { member, meta } of members) {
      if (meta === undefined || member.state !== "alive") continue;
      const names = alive.get(meta.nodeId);
      if (names === undefined) alive.set(meta.nodeId, [member.name]);
      else names.push(member.name);
    }
    const shared = new Map<string, readonly string[]>();
    for (const [nodeId, names] of alive) {
      if (names.length < 2) {
        this.#since.delete(nodeId);
        continue;
      }
      const since = this.#since.get(nodeId) ?? now;
      this.#since.set(nodeId, since);
      if (now - since >= GRACE_MS) shared.set(nodeId, names.sort());
    }
    for (const nodeId of this.#since.keys()) if (!alive.has(nodeId)) this.#since.delete(nodeId);
    const fresh = [...shared.keys()].filter((nodeId) => !this.#names.has(nodeId));
    this.#names = shared;
    return fresh;
  }
}
