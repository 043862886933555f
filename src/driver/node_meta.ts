/**
 * Gossip metadata of our nodes (spec `cluster.md` 2): a small protobuf, at most 512 bytes.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { NodeMetaSchema } from "../../proto/gen/cluster/v1/node_meta_pb.ts";
import { ClusterError } from "../core/errors.ts";
import type { WallMillis } from "../core/machine.ts";

/** The most bytes memberlist gossips as metadata. */
export const META_BYTES_MAX = 512;

const MAGIC = 0x616c7468;

/** What a node tells about itself in gossip. */
export interface NodeMeta {
  readonly nodeId: string;
  /** Differs after every restart. */
  readonly bootId: string;
  /** Host of the RPC server; empty: the gossip address's. */
  readonly rpcHost: string;
  readonly rpcPort: number;
  readonly region: string;
  readonly capabilities: readonly string[];
  /** The package's version. */
  readonly version: string;
  readonly startedMs: WallMillis;
}

/** Encodes; throws `ClusterError` `too-large` above 512 bytes, naming what to shorten. */
export function encodeNodeMeta(meta: NodeMeta): Uint8Array {
  const bytes = toBinary(
    NodeMetaSchema,
    create(NodeMetaSchema, { ...meta, capabilities: [...meta.capabilities], magic: MAGIC }),
  );
  if (bytes.length > META_BYTES_MAX) {
    throw new ClusterError(
      "too-large",
      `Cannot gossip the node's metadata: it is ${bytes.length} bytes and ${META_BYTES_MAX} is the limit, ` +
        `shorten node_id, region or capabilities`,
    );
  }
  return bytes;
}

/** Decodes; `undefined` for a foreign member's metadata. Never throws. */
export function decodeNodeMeta(bytes: Uint8Array): NodeMeta | undefined {
  if (bytes.length === 0 || bytes.length > META_BYTES_MAX) return undefined;
  try {
    const meta = fromBinary(NodeMetaSchema, bytes);
    return meta.magic === MAGIC && meta.nodeId !== "" ? meta : undefined;
  } catch {
    return undefined;
  }
}
