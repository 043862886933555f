/**
 * CRC-32 (IEEE, reflected) by four tables: the default where a runtime has nothing faster.
 *
 * @module
 */

/** Table `k` at `k * 256`: the effect of a byte with `k` zero bytes behind it. */
const TABLES: Int32Array = buildTables();

/** CRC-32 of `bytes` as in zlib, unsigned; fits `Crc32` of `cipher.ts`. */
export function crc32(bytes: Uint8Array): number {
  const t = TABLES;
  const length = bytes.length;
  let crc = -1;
  let at = 0;
  for (const stop = length - 3; at < stop; at += 4) {
    crc ^= (bytes[at] as number) | ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    crc = (t[768 + (crc & 255)] as number) ^ (t[512 + ((crc >>> 8) & 255)] as number) ^
      (t[256 + ((crc >>> 16) & 255)] as number) ^ (t[crc >>> 24] as number);
  }
  for (; at < length; at++) {
    crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function buildTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (tables[before & 255] as number) ^ (before >>> 8);
  }
  return tables;
}
