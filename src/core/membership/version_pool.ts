/**
 * One array per distinct set of versions: thousands of members share a handful.
 *
 * @module
 */

/** Sets kept; beyond it arrays are simply not shared. */
const POOL_MAX = 256;

/** Shares equal version bytes. */
export class VersionPool {
  readonly #pool: Map<number, Uint8Array> = new Map();

  /** The shared copy of the first six bytes. */
  share(vsn: Uint8Array): Uint8Array {
    let key = 0;
    for (let i = 0; i < 6; i++) key = key * 256 + (vsn[i] as number);
    const known = this.#pool.get(key);
    if (known !== undefined) return known;
    const own = vsn.slice(0, 6);
    if (this.#pool.size < POOL_MAX) this.#pool.set(key, own);
    return own;
  }
}
