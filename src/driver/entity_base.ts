/** @module */

import type { Replication } from "../core/replication/machine.ts";
import type { Clock } from "../ports/clock.ts";
import type { EntityBase, EntityChange } from "./entities.ts";
import { entryCodec } from "./entry_codec.ts";
import type { Links } from "./links.ts";
import type { Listeners } from "./listeners.ts";
import type { StoredState } from "./stored_state.ts";

/** What entities of a node stand on: reads from the machine, writes through the links. */
export function entityBase(parts: {
  readonly clock: Clock;
  readonly replication: Replication;
  readonly links: Pick<Links, "write" | "writeAwaited">;
  readonly state: StoredState | undefined;
  readonly changes: Listeners<EntityChange>;
  readonly closed: AbortSignal;
}): EntityBase {
  const { clock, replication, links, state, changes, closed } = parts;
  return {
    codec: entryCodec,
    find: (type, key) => replication.get(type, key, clock.now()),
    list: (type) => replication.list(type, clock.now()),
    count: (type) => {
      let count = 0;
      for (const { deleted } of replication.list(type, clock.now())) if (!deleted) count++;
      return count;
    },
    write: (writes) => links.write(writes),
    writeAwaited: async (writes, options) => {
      const outcome = links.writeAwaited(writes, options);
      await state?.flushed();
      return await outcome;
    },
    changes: (listener) => changes.add(listener),
    closed,
  };
}
