/**
 * A TCP connection between two hosts of the memory network.
 *
 * @module
 */

import { ClusterError } from "../../core/errors.ts";
import type { Address, Millis } from "../../core/machine.ts";
import type { ByteStream } from "../../ports/streams.ts";
import { Inbox } from "./inbox.ts";
import { Lane } from "./lane.ts";
import type { Place } from "./place.ts";
import type { Wires } from "./wires.ts";

/** Bytes that one direction holds, under way and unread, before writing waits. */
const WINDOW_BYTES = 262_144;
/** Bytes that arrive at once. */
const SEGMENT_BYTES_MAX = 65_536;
/** How long `close` waits for the peer when it is not told. */
const LINGER_MS: Millis = 1_000;

/** What travels: bytes, the end of a direction, or word that the other end is gone. */
type Segment = Uint8Array | "end" | "gone";

interface Write {
  readonly bytes: Uint8Array;
  /** How much of it is sent. */
  sent: number;
  readonly resolve: () => void;
  readonly reject: (error: ClusterError) => void;
}

/** One end of it. */
interface Corner {
  readonly place: Place;
  readonly address: Address;
}

/** Makes both ends of a connection; the caller's is the first. */
export function connectStreams(
  wires: Wires,
  caller: Corner,
  callee: Corner,
): [MemoryStream, MemoryStream] {
  const ends: MemoryStream[] = [];
  const broken = (): void => ends.forEach((end) => end.vanish());
  const lane = (from: Corner, to: Corner, target: number): Lane<Segment> =>
    new Lane(wires, from.place, to.place, (segment) => ends[target]?.arrive(segment), broken);
  const near: MemoryStream = new MemoryStream(
    wires,
    callee.address,
    lane(caller, callee, 1),
    () => far,
  );
  const far: MemoryStream = new MemoryStream(
    wires,
    caller.address,
    lane(callee, caller, 0),
    () => near,
  );
  ends.push(near, far);
  return [near, far];
}

/** See {@linkcode ByteStream}. */
export class MemoryStream implements ByteStream {
  readonly remote: Address;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #wires: Wires;
  readonly #lane: Lane<Segment>;
  readonly #peer: () => MemoryStream;
  readonly #inbox: Inbox = new Inbox((bytes) => this.#peer().#grant(bytes));
  readonly #closed: Promise<void>;
  #markClosed: () => void = () => {};
  #writes: Write[] = [];
  #roomBytes: number = WINDOW_BYTES;
  #isClosing = false;
  #isEndSent = false;
  #isEndDelivered = false;
  #isEndReceived = false;
  #isClosed = false;

  /** Made by {@linkcode connectStreams}. */
  constructor(wires: Wires, remote: Address, lane: Lane<Segment>, peer: () => MemoryStream) {
    this.#wires = wires;
    this.remote = remote;
    this.#lane = lane;
    this.#peer = peer;
    this.chunks = this.#inbox;
    this.#closed = new Promise((resolve) => this.#markClosed = resolve);
  }

  /** See {@linkcode ByteStream.write}. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const write: Write = { bytes, sent: 0, resolve, reject };
      if (this.#isClosing || this.#isClosed) return this.#fail(write);
      this.#writes.push(write);
      this.#send();
    });
  }

  /** See {@linkcode ByteStream.close}. */
  async close(lingerMs: Millis = LINGER_MS): Promise<void> {
    this.#isClosing = true;
    this.#inbox.discard();
    this.#send();
    const { clock } = this.#wires;
    const disarm = clock.alarm(clock.now() + lingerMs, () => this.destroy());
    await this.#closed;
    disarm();
  }

  /** See {@linkcode ByteStream.destroy}. */
  destroy(): void {
    this.#inbox.discard();
    if (this.#isClosed) return;
    this.#lane.push("gone");
    this.vanish();
  }

  /** Calls `heard` once the connection is closed here. */
  onClosed(heard: () => void): void {
    void this.#closed.then(heard);
  }

  /** Whether both directions are closed here, or the connection is broken. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Something came in. */
  arrive(segment: Segment): void {
    if (this.#isClosed) return;
    if (segment === "gone") return this.vanish();
    if (segment !== "end") return this.#inbox.push(segment);
    this.#isEndReceived = true;
    this.#inbox.end();
    this.#closeIfDone();
    const peer = this.#peer();
    peer.#isEndDelivered = true;
    peer.#closeIfDone();
  }

  /** The connection is no more; what has arrived can still be read. */
  vanish(): void {
    this.#inbox.end();
    const unsent = this.#writes;
    this.#writes = [];
    this.#shut();
    for (const write of unsent) this.#fail(write);
  }

  /** The other end has taken bytes: there is room for more. */
  #grant(bytes: number): void {
    this.#roomBytes += bytes;
    this.#send();
  }

  #send(): void {
    if (this.#isClosed) return;
    for (;;) {
      const write = this.#writes[0];
      if (write === undefined) break;
      const size = Math.min(write.bytes.length - write.sent, this.#roomBytes, SEGMENT_BYTES_MAX);
      if (size > 0) this.#lane.push(write.bytes.slice(write.sent, write.sent + size));
      this.#roomBytes -= size;
      write.sent += size;
      if (write.sent < write.bytes.length) {
        if (this.#roomBytes === 0) return;
        continue;
      }
      this.#writes.shift();
      write.resolve();
    }
    if (!this.#isClosing || this.#isEndSent) return;
    this.#isEndSent = true;
    this.#lane.push("end");
  }

  #closeIfDone(): void {
    if (this.#isEndDelivered && this.#isEndReceived) this.#shut();
  }

  #shut(): void {
    this.#isClosed = true;
    this.#markClosed();
  }

  #fail({ bytes, reject }: Write): void {
    reject(
      new ClusterError(
        "closed",
        `Cannot write ${bytes.length} bytes to ${this.remote}: the connection is closed`,
      ),
    );
  }
}
