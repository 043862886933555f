/**
 * What travels on a link, as records. `proto/cluster/v1/link.proto` is the same on the wire; generated messages
 * satisfy these types structurally, so that no copying stands between machine and stream.
 *
 * A directed link is dialled by the node that has something to say: the dialler sends `hello`, `batch`, `digest` and
 * `pull`; the acceptor answers with `welcome`, `ack`, `digest` and `pull`. Either sends `message`.
 *
 * @module
 */

/** One frame. */
export interface LinkFrame {
  /** Exactly one of these; a case this version does not know is ignored by the receiver. */
  readonly frame:
    | { readonly case: "hello"; readonly value: Hello }
    | { readonly case: "welcome"; readonly value: Welcome }
    | { readonly case: "batch"; readonly value: Batch }
    | { readonly case: "ack"; readonly value: BatchAck }
    | { readonly case: "digest"; readonly value: Digest }
    | { readonly case: "pull"; readonly value: Pull }
    | { readonly case: "message"; readonly value: Message }
    | { readonly case: undefined; readonly value?: undefined };
}

/** First frame of the dialler; may be repeated later to ask for a snapshot. */
export interface Hello {
  /** Who sends it. */
  readonly nodeId: string;
  /** Differs after every restart. */
  readonly bootId: string;
  /** What the sender can do. */
  readonly capabilities: readonly string[];
  /** The dialler has no state yet and wants the acceptor's, in lane order. */
  readonly wantSnapshot: boolean;
  /** The sender's wall clock, milliseconds since the epoch. */
  readonly wallMs: number;
  /** With `wantSnapshot`: where another node's snapshot broke off; left out: from the beginning. */
  readonly resume?: SnapshotPlace | undefined;
}

/** A place in the walk through a snapshot: by lane, in each by the leading half of the key hash. */
export interface SnapshotPlace {
  /** 0 to 3. */
  readonly lane: number;
  /** 32 bits. */
  readonly hash: number;
}

/** How far a snapshot is. */
export interface SnapshotProgress {
  /** Everything before it has been sent, this batch included; left out when a lost batch is being repeated. */
  readonly place?: SnapshotPlace | undefined;
  /** Entries the sender held when it began. */
  readonly total: number;
}

/** First frame of the acceptor; repeated when it becomes ready. */
export interface Welcome {
  /** Who sends it. */
  readonly nodeId: string;
  /** Differs after every restart. */
  readonly bootId: string;
  /** What the sender can do. */
  readonly capabilities: readonly string[];
  /** The sender's wall clock, milliseconds since the epoch. */
  readonly wallMs: number;
  /** The acceptor has had its first sync; snapshots come from ready nodes only. */
  readonly ready: boolean;
}

/** A batch of the newest values, applied whole. */
export interface Batch {
  /** Counts up from 1 on each stream. */
  readonly sequence: number;
  /**
   * Encoded `cluster.v1.Entry` messages. They are bytes so that an entry is encoded once for all peers and its
   * unknown fields pass through an older node untouched.
   */
  readonly entries: readonly Uint8Array[];
  /** The last batch of a snapshot. */
  readonly snapshotEnd: boolean;
  /** Pieces of entries too large for a batch. */
  readonly chunks?: readonly Chunk[];
  /** With this batch the receiver has seen every write of the sender's boot up to this number; 0 or absent: no claim. */
  readonly number?: number;
  /** And so it has of these boots. */
  readonly agreed?: readonly AgreedRow[];
  /** In batches of a snapshot. */
  readonly progress?: SnapshotProgress | undefined;
}

/** Every write of a boot up to a number has been seen, itself or a later version of its key. */
export interface AgreedRow {
  /** Boot id of the writer. */
  readonly boot: string;
  /** Number of its write. */
  readonly number: number;
}

/** A piece of an encoded entry. */
export interface Chunk {
  /** The lane, or 4 for the snapshot; in each at most one entry is under way. */
  readonly row: number;
  /** Where the piece belongs; 0 begins another entry. */
  readonly offset: number;
  /** Bytes of the whole entry. */
  readonly total: number;
  /** The piece. */
  readonly bytes: Uint8Array;
}

/** Cumulative acknowledgement. */
export interface BatchAck {
  /** All batches up to this one were applied. */
  readonly sequence: number;
  /** What was not taken. */
  readonly refused: readonly Refusal[];
  /** The acceptor's wall clock, milliseconds since the epoch; 0 or absent when it does not say. */
  readonly wallMs?: number;
}

/** An entry the receiver will not take. */
export interface Refusal {
  /** Entity type. */
  readonly type: string;
  /** Key within the type. */
  readonly key: string;
  /** For people; `"future-stamp"` is one of them. */
  readonly reason: string;
}

/** Bytes from one application to the other. Lost when the stream breaks or too many wait. */
export interface Message {
  /** Whom it is for, within the node. */
  readonly channel: string;
  /** Opaque. */
  readonly payload: Uint8Array;
}

/** Hashes of ranges of the key space, for anti-entropy. */
export interface Digest {
  /** Nodes of the digest tree. */
  readonly ranges: readonly RangeDigest[];
}

/** One node of the digest tree, named by the leading nibbles of the key hash. */
export interface RangeDigest {
  /** Hex digits, empty for the root. */
  readonly prefix: string;
  /** Low and high half of the XOR of the hashes of all (key, version) below. */
  readonly hashLow: number;
  /** High half of the hash. */
  readonly hashHigh: number;
  /** Keys below. */
  readonly count: number;
  /** For a leaf: what is in it. */
  readonly leaf: readonly KeyVersion[];
  /** Whether `leaf` lists all that is below. */
  readonly isLeaf: boolean;
}

/** A key and the version the sender holds. */
export interface KeyVersion {
  /** Entity type. */
  readonly type: string;
  /** Key within the type. */
  readonly key: string;
  /** Encoded version, see `versions.ts`. */
  readonly version: Uint8Array;
}

/** Asks the other side to send these keys, or everything below these prefixes. */
export interface Pull {
  /** Keys whose newest values are wanted. */
  readonly keys: readonly KeyVersion[];
  /** Ranges of which everything is wanted. */
  readonly prefixes: readonly string[];
}
