/**
 * Which addresses are allowed: a list of CIDR blocks.
 *
 * @module
 */

import { ipToBytes, unmapped } from "./address.ts";

interface Block {
  readonly bytes: Uint8Array;
  /** How many leading bits count. */
  readonly bits: number;
}

/** Blocks of IPv4 and IPv6 addresses. A v4-mapped IPv6 address is the IPv4 address that it stands for. */
export class AddressSpace {
  /** As given. */
  readonly blocks: readonly string[];
  readonly #blocks: readonly Block[];

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
    if (this.isAll) return true;
    const plain = unmapped(bytes);
    return this.#blocks.some((block) => isIn(plain, block));
  }
}

function parse(text: string): Block {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const bytes = ipToBytes(match?.[1] ?? "");
  const bits = Number(match?.[2]);
  if (bytes === undefined || bits > bytes.length * 8) {
    throw new RangeError(
      `Cannot read an address space: ${JSON.stringify(text)} is no block such as "10.0.0.0/8"`,
    );
  }
  const plain = unmapped(bytes);
  // A block of mapped addresses is a block of IPv4 ones, unless it is so wide that it holds others as well.
  if (plain.length === bytes.length || bits < 96) return { bytes, bits };
  return { bytes: plain, bits: bits - 96 };
}

function isIn(ip: Uint8Array, { bytes, bits }: Block): boolean {
  if (ip.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (ip[i] !== bytes[i]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  const shift = 8 - rest;
  return (ip[whole] as number) >> shift === (bytes[whole] as number) >> shift;
}
