/**
 * The structs of memberlist: their fields in the order they are written, and in the order Go declares them.
 *
 * @module
 */

/** One struct. */
export interface StructShape {
  /** Encoded field names, header byte included, in byte order: the order on the wire. */
  readonly keys: readonly Uint8Array[];
  /** For the array form: the index in `keys` of each field in Go's declaration order. */
  readonly declared: readonly number[];
}

/** Field names in Go's declaration order become a shape. */
function shape(...declared: string[]): StructShape {
  const names = declared.toSorted((a, b) => a < b ? -1 : 1);
  return {
    keys: names.map((name) =>
      Uint8Array.of(0xa0 | name.length, ...Array.from(name, (char) => char.charCodeAt(0)))
    ),
    declared: declared.map((name) => names.indexOf(name)),
  };
}

/** Node, SeqNo, SourceAddr, SourceNode, SourcePort. */
export const PING: StructShape = shape(
  "SeqNo",
  "Node",
  "SourceAddr",
  "SourcePort",
  "SourceNode",
);

/** Nack, Node, Port, SeqNo, SourceAddr, SourceNode, SourcePort, Target. */
export const INDIRECT_PING: StructShape = shape(
  "SeqNo",
  "Target",
  "Port",
  "Node",
  "Nack",
  "SourceAddr",
  "SourcePort",
  "SourceNode",
);

/** Payload, SeqNo. */
export const ACK: StructShape = shape("SeqNo", "Payload");

/** SeqNo. */
export const NACK: StructShape = shape("SeqNo");

/** Error. */
export const ERR: StructShape = shape("Error");

/** From, Incarnation, Node: a suspect or a dead message. */
export const ACCUSATION: StructShape = shape("Incarnation", "Node", "From");

/** Addr, Incarnation, Meta, Node, Port, Vsn. */
export const ALIVE: StructShape = shape("Incarnation", "Node", "Addr", "Port", "Meta", "Vsn");

/** Join, Nodes, UserStateLen. */
export const PUSH_PULL_HEADER: StructShape = shape("Nodes", "UserStateLen", "Join");

/** Addr, Incarnation, Meta, Name, Port, State, Vsn. */
export const PUSH_PULL_NODE: StructShape = shape(
  "Name",
  "Addr",
  "Port",
  "Meta",
  "Incarnation",
  "State",
  "Vsn",
);

/** UserMsgLen. */
export const USER_HEADER: StructShape = shape("UserMsgLen");

/** Algo, Buf. */
export const COMPRESS: StructShape = shape("Algo", "Buf");
