/**
 * What the writer of the crash test does, known to both sides: operation `n` is the same in every process.
 *
 * @module
 */

/** Keys in use; small, so that most operations replace something. */
const KEYS = 40;

/** One change. */
export interface Operation {
  readonly key: string;
  /** What is stored; `undefined` removes. */
  readonly value: number | undefined;
}

/** Operation `n`, counted from 1. */
export function operation(n: number): Operation {
  const key = `k${(n * 17) % KEYS}`;
  return { key, value: n % 11 === 0 ? undefined : n };
}

/** The bytes of a value: its number, then up to 8 KiB that depend on it. */
export function bytesOf(value: number): Uint8Array {
  const bytes = new Uint8Array(4 + (value * 613) % 8_192).fill(value & 0xff);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The value of bytes; throws when nobody wrote them. */
export function valueOf(bytes: Uint8Array): number {
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const expected = bytesOf(value);
  if (bytes.length !== expected.length || bytes.some((byte, i) => byte !== expected[i])) {
    throw new Error(`Read ${bytes.length} bytes that nobody wrote`);
  }
  return value;
}

/** What is wrong with `found` after a crash; the model is what was found after the one before. */
export function crashFindings(
  model: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
  round: { readonly first: number; readonly stored: number; readonly issued: number },
): string[] {
  const findings: string[] = [];
  for (let i = 0; i < KEYS; i++) {
    const key = `k${i}`;
    // What the key may hold: what was stored last, or anything that was under way.
    let allowed: (number | undefined)[] = [model.get(key)];
    for (let n = round.first; n <= round.issued; n++) {
      const { key: changed, value } = operation(n);
      if (changed !== key) continue;
      if (n <= round.stored) allowed = [value];
      else allowed.push(value);
    }
    if (!allowed.includes(found.get(key))) {
      findings.push(`${key} holds ${found.get(key)}, allowed were ${allowed.join(", ")}`);
    }
  }
  for (const key of found.keys()) {
    if (!/^k\d+$/.test(key) || Number(key.slice(1)) >= KEYS) findings.push(`${key} is nobody's`);
  }
  return findings;
}
