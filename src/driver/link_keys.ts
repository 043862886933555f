/**
 * Keys of the RPC plane, derived from those of the gossip plane.
 *
 * @module
 */

const INFO = "althing link key v1";
const LINK_KEY_BITS = 256;

/**
 * The key with which links prove that their node holds `gossipKey` (16, 24 or 32 bytes): 32 bytes.
 *
 * HKDF-SHA256 (RFC 5869) with an empty salt and the info string `althing link key v1`, so that what a link proves says
 * nothing about the gossip key. See `docs/protocol.md`, "RPC authentication". Throws `RangeError` for a key of another
 * length.
 */
export async function deriveLinkKey(gossipKey: Uint8Array): Promise<Uint8Array> {
  if (![16, 24, 32].includes(gossipKey.length)) {
    throw new RangeError(
      `Cannot derive a link key as gossip keys have 16, 24 or 32 bytes: it has ${gossipKey.length}`,
    );
  }
  const material = await crypto.subtle.importKey("raw", Uint8Array.from(gossipKey), "HKDF", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: new TextEncoder().encode(INFO) },
    material,
    LINK_KEY_BITS,
  );
  return new Uint8Array(bits);
}
