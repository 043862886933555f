/**
 * Collects what members say of awaited writes: by version, so that a later write of the same key answers for the
 * earlier one, whoever brings it.
 *
 * @module
 */

import { Deadlines } from "../deadlines.ts";
import { compareVersions, type Version } from "../hlc.ts";
import type { Millis } from "../machine.ts";
import type {
  AwaitedMember,
  AwaitLevel,
  MemberAnswer,
  WriteAnswer,
  WriteOutcome,
} from "./awaited.ts";
import type { ReplicationEffect, WriteCommand } from "./contract.ts";
import { FUTURE_STAMP } from "./link_host.ts";

/** Writes awaited at once; further ones are answered at once. */
export const AWAITS_MAX = 4_096;

/** How long is waited unless told. */
export const AWAIT_TIMEOUT_MS = 5_000;

/** What names an entry. */
interface Named {
  readonly type: string;
  readonly key: string;
  readonly version: Version;
}

interface Voter {
  readonly member: AwaitedMember;
  /** Whether the level counts it. */
  readonly counts: boolean;
  /** Keys it has not been heard of. */
  readonly left: Set<string>;
  gone: boolean;
  refusal: string | undefined;
}

interface Open {
  readonly op: number;
  readonly level: AwaitLevel;
  version: Version;
  /** The version wanted of each key. */
  readonly keys: Map<string, Version>;
  readonly voters: ReadonlyMap<string, Voter>;
  /** How many the level counts, and how many of them it needs. */
  readonly scope: number;
  readonly needed: number;
}

/** The writes that somebody waits for. */
export class Awaits {
  readonly #self: string;
  readonly #open: Set<Open> = new Set();
  readonly #byKey: Map<string, Set<Open>> = new Map();
  readonly #deadlines: Deadlines<Open> = new Deadlines();
  #members: ReadonlyMap<string, AwaitedMember> | undefined;

  /** `self` is our node id. */
  constructor(self: string) {
    this.#self = self;
  }

  /** Writes waited for. */
  get size(): number {
    return this.#open.size;
  }

  /** When `expire` is wanted. */
  nextDeadline(): Millis | undefined {
    return this.#deadlines.next();
  }

  /** Everybody who has not left, ourselves included. */
  setMembers(members: readonly AwaitedMember[], out: ReplicationEffect[]): void {
    const known = new Map(members.map((member) => [member.node, member]));
    this.#members = known;
    for (const open of [...this.#open]) {
      for (const [node, voter] of open.voters) {
        voter.gone = node !== this.#self && known.get(node)?.alive !== true;
      }
      this.#check(open, out);
    }
  }

  /** A write was made here that its writer waits for. */
  begin(
    { op, level = "local", timeoutMs = AWAIT_TIMEOUT_MS }: WriteCommand,
    entries: readonly Named[],
    version: Version,
    now: Millis,
    out: ReplicationEffect[],
  ): void {
    const members = this.#members;
    if (members === undefined || this.#open.size >= AWAITS_MAX) {
      const because = members === undefined
        ? "the members of the cluster are not known yet"
        : `${AWAITS_MAX} writes are waited for already`;
      out.push({ type: "awaited", op, outcome: { reached: false, version, answers: [], because } });
      return;
    }
    const keys = new Map(entries.map((entry) => [idOf(entry), version]));
    const voters = this.#votersOf(level, members, keys);
    const scope = [...voters.values()].filter(({ counts }) => counts).length;
    const needed = level === "majority" ? Math.floor(scope / 2) + 1 : scope;
    const open: Open = { op, level, version, keys, voters, scope, needed };
    this.#open.add(open);
    for (const id of keys.keys()) {
      const waiting = this.#byKey.get(id);
      if (waiting === undefined) this.#byKey.set(id, new Set([open]));
      else waiting.add(open);
    }
    this.#deadlines.set(open, now + timeoutMs);
    this.#check(open, out);
  }

  /** A peer holds this entry: it acknowledged it, or sent it. */
  holds(peer: string, entry: Named, out: ReplicationEffect[]): void {
    const waiting = this.#byKey.get(idOf(entry));
    if (waiting === undefined) return;
    const id = idOf(entry);
    for (const open of [...waiting]) {
      const voter = open.voters.get(peer);
      if (voter === undefined) continue;
      if (compareVersions(entry.version, open.keys.get(id) as Version) < 0) continue;
      voter.left.delete(id);
      voter.refusal = undefined;
      this.#check(open, out);
    }
  }

  /** A peer refuses an entry of ours. */
  refused(peer: string, entry: Named, reason: string, out: ReplicationEffect[]): void {
    const id = idOf(entry);
    for (const open of [...this.#byKey.get(id) ?? []]) {
      const voter = open.voters.get(peer);
      if (voter?.left.has(id) !== true) continue;
      voter.refusal = reason;
      this.#check(open, out);
    }
  }

  /** An entry of ours got another version, since its own counted nowhere. */
  restamped(before: Version, entry: Named): void {
    const id = idOf(entry);
    for (const open of this.#byKey.get(id) ?? []) {
      if (compareVersions(open.keys.get(id) as Version, before) !== 0) continue;
      open.keys.set(id, entry.version);
      open.version = entry.version;
    }
  }

  /** Answers those whose time is over. */
  expire(now: Millis, out: ReplicationEffect[]): void {
    for (let open = this.#deadlines.pop(now); open; open = this.#deadlines.pop(now)) {
      this.#settle(open, "the others did not say in time that they applied it", out);
    }
  }

  #votersOf(
    level: AwaitLevel,
    members: ReadonlyMap<string, AwaitedMember>,
    keys: ReadonlyMap<string, Version>,
  ): Map<string, Voter> {
    const self: AwaitedMember = members.get(this.#self) ??
      { node: this.#self, region: "", alive: true, capabilities: [] };
    const voters: Map<string, Voter> = new Map();
    for (const member of [self, ...members.values()]) {
      const isSelf = member.node === this.#self;
      voters.set(member.node, {
        member,
        counts: isSelf || (level === "region" ? member.region === self.region : level !== "local"),
        left: new Set(isSelf ? [] : keys.keys()),
        gone: !isSelf && !member.alive,
        refusal: undefined,
      });
    }
    return voters;
  }

  #check(open: Open, out: ReplicationEffect[]): void {
    let applied = 0;
    let possible = 0;
    for (const voter of open.voters.values()) {
      if (!voter.counts) continue;
      const answer = answerOf(voter);
      if (answer === "applied") applied++;
      // A stamp from the future is put right or becomes the present: that refusal is not the last word.
      if (answer === "applied" || answer === "pending" || voter.refusal === FUTURE_STAMP) {
        possible++;
      }
    }
    if (applied >= open.needed) this.#settle(open, undefined, out);
    else if (possible < open.needed) {
      const because = `"${open.level}" needs ${open.needed} of ${open.scope} members, ` +
        `and at most ${possible} can apply it now`;
      this.#settle(open, because, out);
    }
  }

  #settle(open: Open, because: string | undefined, out: ReplicationEffect[]): void {
    this.#open.delete(open);
    this.#deadlines.delete(open);
    for (const id of open.keys.keys()) {
      const waiting = this.#byKey.get(id);
      waiting?.delete(open);
      if (waiting?.size === 0) this.#byKey.delete(id);
    }
    const answers = Array.from(open.voters.values(), memberAnswer)
      .sort((a, b) => a.node < b.node ? -1 : 1);
    const outcome: WriteOutcome = {
      reached: because === undefined,
      version: open.version,
      answers,
    };
    out.push({
      type: "awaited",
      op: open.op,
      outcome: because === undefined ? outcome : { ...outcome, because },
    });
  }
}

function answerOf({ member, left, gone, refusal }: Voter): WriteAnswer {
  if (left.size === 0) return "applied";
  if (gone) return "gone";
  if (!member.capabilities.includes("ack:v1")) return "incapable";
  return refusal === undefined ? "pending" : "refused";
}

function memberAnswer(voter: Voter): MemberAnswer {
  const { member: { node, region }, refusal } = voter;
  const answer = answerOf(voter);
  if (answer !== "refused" || refusal === undefined) return { node, region, answer };
  return { node, region, answer, reason: refusal };
}

function idOf({ type, key }: { readonly type: string; readonly key: string }): string {
  return `${type}\u0000${key}`;
}
