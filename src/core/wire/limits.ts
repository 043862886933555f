/**
 * Every bound of the wire in one place (memberlist.md 8.1).
 *
 * @module
 */

/** Longest label, in bytes (memberlist.md 1.2). */
export const LABEL_BYTES_MAX = 255;

/** Most parts of one compound message: the count is one byte. */
export const COMPOUND_PARTS_MAX = 255;

/** Longest part of a compound message: the length is two bytes. */
export const COMPOUND_PART_BYTES_MAX = 65_535;

/** Compounds within compounds that are followed in a packet. Go sends one level. */
export const COMPOUND_DEPTH_MAX = 8;

/** Compress messages within compress messages that are followed in a packet. Go sends one level. */
export const COMPRESS_DEPTH_MAX = 2;

/** What all compress messages of one packet may expand to together: a full compound of full parts. */
export const PACKET_DECOMPRESSED_BYTES_MAX: number = 255 * 65_536;

/**
 * Messages that are taken out of one packet. Go sends 255 at most; nested compounds of tiny messages could hold
 * millions.
 */
export const PACKET_MESSAGES_MAX = 4096;

/** What a compress message on a stream may expand to, and the size of any plaintext stream message. */
export const STREAM_BYTES_MAX: number = 40 * 1024 * 1024;

/** Longest body of an encrypted stream message, and longest `Buf` of a compressed one. */
export const STREAM_BODY_BYTES_MAX: number = 20 * 1024 * 1024;

/** Longest user message on a stream. */
export const USER_MESSAGE_BYTES_MAX: number = 20 * 1024 * 1024;

/** Longest user state of a push/pull. */
export const USER_STATE_BYTES_MAX: number = 20 * 1024 * 1024;

/** Most rows of a push/pull. */
export const PUSH_PULL_NODES_MAX = 1_048_576;

/** Longest single struct on a stream: a ping, an error, a header, one row of a push/pull. */
export const STREAM_STRUCT_BYTES_MAX: number = 1024 * 1024;

/** Deepest nesting of an unknown msgpack value that is skipped; Go's limit. Skipping does not recurse. */
export const MSGPACK_DEPTH_MAX = 1024;
