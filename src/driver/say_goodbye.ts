/** @module */

import type { Replication } from "../core/replication/machine.ts";
import type { Clock } from "../ports/clock.ts";
import { flushLinks } from "./flush_links.ts";
import type { GossipMember } from "./gossip_member.ts";
import type { Links } from "./links.ts";
import type { Say } from "./say.ts";

const LEAVE_TIMEOUT_MS = 5_000;

/** What a leaving node has to part with. */
export interface GoodbyeParts {
  readonly clock: Clock;
  readonly replication: Replication;
  readonly links: Links;
  readonly gossip: GossipMember | undefined;
  readonly say: Say;
}

/** Hands on what peers have not acknowledged, takes the node out of discovery, and gossips that it leaves. */
export async function sayGoodbye(
  { clock, replication, links, gossip, say }: GoodbyeParts,
): Promise<void> {
  const [flushed] = await Promise.all([
    flushLinks(() => replication.view().links, clock),
    gossip?.withdraw(),
  ]);
  if (!flushed) {
    say("warn", "failed to broadcast", {
      reason: "peers did not acknowledge everything before the node left",
    });
  }
  try {
    await gossip?.run({ type: "leave", timeoutMs: LEAVE_TIMEOUT_MS });
    links.leave();
  } catch (error) {
    say("warn", "left without everybody knowing", {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
