/**
 * Members as rows of a push/pull, and back (memberlist.md 1.10, 2.4).
 *
 * @module
 */

import { bytesToIp, formatAddress } from "../address.ts";
import type { Address, Millis } from "../machine.ts";
import type { PushPullNode } from "../wire/messages.ts";
import type { Member, MemberState } from "./contract.ts";
import type { MemberRecord } from "./member_record.ts";

/** States by their number on the wire. */
const STATES: readonly MemberState[] = ["alive", "suspect", "dead", "left"];

/** A member as we pass it on: its address verbatim, always six version bytes. */
export function rowOf(record: MemberRecord): PushPullNode {
  const { name, addr, port, meta, incarnation, vsn } = record;
  return { name, addr, port, meta, incarnation, state: STATES.indexOf(record.state), vsn };
}

/** The state a row claims; `undefined` for numbers nobody uses. */
export function stateOfRow(row: PushPullNode): MemberState | undefined {
  return STATES[row.state];
}

/** A row as a view, for the merge delegate. */
export function viewOfRow(row: PushPullNode, now: Millis): Member {
  return Object.freeze({
    name: row.name,
    address: addressOfRow(row),
    state: stateOfRow(row) ?? "dead",
    incarnation: row.incarnation,
    meta: row.meta ?? new Uint8Array(0),
    vsn: row.vsn ?? new Uint8Array(0),
    stateChangedMs: now,
  });
}

/** The address of a row as text; empty when its bytes are no IP. */
function addressOfRow(row: PushPullNode): Address {
  const ip = bytesToIp(row.addr);
  return ip === undefined ? "" : formatAddress(ip, row.port);
}
