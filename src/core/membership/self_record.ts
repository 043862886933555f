/**
 * Who we are, and whether anybody would accept it.
 *
 * @module
 */

import { ipToBytes, parseAddress } from "../address.ts";
import type { Address } from "../machine.ts";
import { acceptableAddress, acceptableName, allowedAddress, INCARNATION_MAX } from "./admission.ts";
import type { MembershipConfig } from "./config.ts";
import { MemberRecord } from "./member_record.ts";

/** Who we are. */
export interface MembershipSelf {
  /** Unique in the cluster, 1 to 255 bytes. */
  readonly name: string;
  /** What we advertise: a usable unicast `ip:port`. IPv4 goes out as 4 bytes. */
  readonly address: Address;
  /** At most `metaBytesMax` bytes. */
  readonly meta: Uint8Array;
  /**
   * Where to begin; a stored or time-seeded one spares a restarted node its first refutation.
   *
   * @default {1}
   */
  readonly incarnation?: number;
}

/** Our record, not yet listed; throws `RangeError` for a self that no peer would accept. */
export function selfRecord(self: MembershipSelf, config: MembershipConfig): MemberRecord {
  const place = parseAddress(self.address);
  const addr = place === undefined ? undefined : ipToBytes(place.ip);
  if (place === undefined || addr === undefined || place.port === 0 || !acceptableAddress(addr)) {
    fail("address must be a unicast ip:port", self.address);
  }
  if (!acceptableName(self.name)) fail("name must have 1 to 255 bytes", self.name);
  if (self.meta.length > config.metaBytesMax) {
    fail(`meta must have at most ${config.metaBytesMax} bytes`, `${self.meta.length} bytes`);
  }
  const incarnation = self.incarnation ?? 1;
  if (!Number.isInteger(incarnation) || incarnation < 1 || incarnation > INCARNATION_MAX) {
    fail("incarnation must be a positive 32-bit integer", String(incarnation));
  }
  if (!allowedAddress(addr, config)) {
    fail("address must be in one of cidrsAllowed", self.address);
  }
  const { min, max, current } = config.delegateProtocol;
  const vsn = Uint8Array.of(1, 5, config.protocolVersion, min, max, current);
  const meta = self.meta.slice();
  const record = new MemberRecord(self.name, addr, place.port, self.address, meta, vsn, 0);
  record.incarnation = incarnation;
  return record;
}

function fail(rule: string, value: string): never {
  throw new RangeError(`Cannot make a member as ${rule}: current value is "${value}"`);
}
