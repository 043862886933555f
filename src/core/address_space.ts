/**
 * Which addresses are allowed: a list of CIDR blocks.
 *
 * @module
 */

import { ipToBytes } from "./address.ts";
import { type Cidr, cidrContains, parseCidr } from "./cidr.ts";

/** Blocks of IPv4 and IPv6 addresses. A v4-mapped IPv6 address is the IPv4 address that it stands for. */
export class AddressSpace {
  /** As given. */
  readonly blocks: readonly string[];
  readonly #blocks: readonly Cidr[];

  /** Throws `RangeError` for what is no block such as `10.0.0.0/8` or `2001:db8::/32`; without blocks all is allowed. */
  constructor(blocks: readonly string[]) {
    this.blocks = blocks;
    this.#blocks = blocks.map(parse);
  }

  /** Whether it restricts nothing. */
  get isAll(): boolean {
    return this.#blocks.length === 0;
  }

  /** Whether `ip` lies in one of the blocks; `false` for what is no IP. */
  holds(ip: string): boolean {
    const bytes = ipToBytes(ip);
    if (bytes === undefined) return false;
    return this.isAll || this.#blocks.some((block) => cidrContains(block, bytes));
  }
}

function parse(text: string): Cidr {
  const block = text.includes("/") ? parseCidr(text) : undefined;
  if (block !== undefined) return block;
  throw new RangeError(
    `Cannot read an address space: ${JSON.stringify(text)} is no block such as "10.0.0.0/8"`,
  );
}
