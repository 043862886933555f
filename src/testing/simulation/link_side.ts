/**
 * The application plane of one simulated process: what `driver/links.ts` is to a real one. Authentication of streams
 * belongs to the RPC adapters and does not happen here.
 *
 * @module
 */

import { ClusterError } from "../../core/errors.ts";
import type { Version } from "../../core/hlc.ts";
import type { Address, Millis, WallMillis } from "../../core/machine.ts";
import type { ReplicationOptions } from "../../core/replication/config.ts";
import type {
  LinkId,
  ReplicationEffect,
  ReplicationEvent,
  ReplicationInput,
  ReplicationResult,
} from "../../core/replication/contract.ts";
import type { EntryCodec, EntryWrite } from "../../core/replication/entry.ts";
import type { LinkFrame } from "../../core/replication/frames.ts";
import { Replication } from "../../core/replication/machine.ts";
import type { Rng } from "../../core/rng.ts";
import { entryCodec } from "../../driver/entry_codec.ts";
import { decodeLinkFrame, encodeLinkFrame, type LinkEnd } from "../../driver/link_codec.ts";
import type { Network } from "./network.ts";
import type { PipeEnd } from "./pipe.ts";
import type { Plants } from "./plants.ts";
import { Stepper } from "./stepper.ts";

/** What the plane is made of. */
export interface LinkSideParts {
  readonly network: Network;
  /** Number of our host. */
  readonly host: number;
  /** Where our RPC server would be. */
  readonly address: Address;
  readonly options: ReplicationOptions;
  readonly plants: Plants;
  readonly rng: Rng;
  /** What our wall clock shows now. */
  readonly wall: () => WallMillis;
  readonly addressOf: (peer: string) => Address | undefined;
  readonly onEvent: (event: ReplicationEvent) => void;
  /** The machine has come to rest. */
  readonly onRest: () => void;
}

/** Replication and its streams. */
export class LinkSide {
  readonly machine: Replication;
  /** Reads entries as they are stored. */
  readonly codec: EntryCodec;
  readonly #parts: LinkSideParts;
  readonly #stepper: Stepper<ReplicationInput, ReplicationEffect>;
  readonly #streams: Map<LinkId, PipeEnd> = new Map();
  readonly #dialling: Set<LinkId> = new Set();
  readonly #settled: Map<number, ReplicationResult> = new Map();
  #nextAccepted: LinkId = -1;
  #nextOp = 1;
  #nextPort = 0;

  /** Starts the machine. */
  constructor(parts: LinkSideParts) {
    this.#parts = parts;
    const { plants, options, rng, network, wall } = parts;
    this.codec = plants.entryCodec?.(entryCodec, options.nodeId) ?? entryCodec;
    this.machine = new Replication(options, this.codec, rng.fork());
    this.#stepper = new Stepper<ReplicationInput, ReplicationEffect>(
      this.machine,
      network.timeline,
      (effect) => this.#perform(effect),
      () => {
        plants.replication?.(this.machine, options.nodeId);
        parts.onRest();
      },
    );
    this.#stepper.step({ type: "start", wallMs: wall() });
  }

  /** When a tick is wanted; `Infinity` when never. */
  get deadline(): Millis {
    return this.#stepper.deadline;
  }

  /** Ticks if it is due. */
  tick(): void {
    this.#stepper.tick();
  }

  /** Tells the machine what the wall clock shows. */
  tellWall(): void {
    this.#stepper.step({ type: "wall", wallMs: this.#parts.wall() });
  }

  /** A member of our kind is there, or has restarted. */
  peerUp(peer: string, boot: string, capabilities: readonly string[]): void {
    this.#stepper.step({ type: "peerUp", peer, boot, capabilities });
  }

  /** It is gone. */
  peerDown(peer: string): void {
    this.#stepper.step({ type: "peerDown", peer });
  }

  /** Writes all or nothing; throws what a real node would. */
  write(writes: readonly EntryWrite[]): Version {
    const op = this.#nextOp++;
    this.#stepper.step({ type: "command", command: { type: "write", op, writes } });
    const result = this.#settled.get(op);
    this.#settled.delete(op);
    if (result === undefined) throw new Error(`Cannot write: the machine did not settle ${op}`);
    if (!result.ok) throw new ClusterError(result.code, result.message);
    return result.version;
  }

  /** Somebody dialled us. */
  accepted(pipe: PipeEnd): void {
    const link = this.#nextAccepted--;
    this.#adopt(link, pipe, "dialler");
    this.#stepper.step({ type: "accepted", link });
  }

  /** Closes every stream: what was sent still arrives. */
  close(): void {
    this.stop();
    for (const pipe of this.#streams.values()) pipe.close();
  }

  /** The process ends. */
  stop(): void {
    this.#stepper.stop();
  }

  #perform(effect: ReplicationEffect): void {
    switch (effect.type) {
      case "open":
        return this.#dial(effect.link, effect.peer);
      case "send":
        return this.#send(effect.link, effect.frame);
      case "close":
        this.#dialling.delete(effect.link);
        this.#streams.get(effect.link)?.close();
        this.#streams.delete(effect.link);
        return;
      case "settled":
        this.#settled.set(effect.op, effect.result);
        return;
      case "event":
        return this.#parts.onEvent(effect.event);
    }
  }

  #dial(link: LinkId, peer: string): void {
    const { network, host, address, addressOf } = this.#parts;
    const to = addressOf(peer);
    if (to === undefined) {
      this.#stepper.step({ type: "linkFailed", link, reason: "its RPC address is not known" });
      return;
    }
    this.#dialling.add(link);
    const source = `${address.slice(0, address.lastIndexOf(":"))}:${
      32_768 + this.#nextPort++ % 28_000
    }`;
    network.dial(host, source, "rpc", to, (pipe) => {
      if (!this.#dialling.delete(link)) return pipe.close();
      this.#adopt(link, pipe, "acceptor");
      this.#stepper.step({ type: "linkOpened", link });
    }, (reason) => {
      if (this.#dialling.delete(link)) this.#stepper.step({ type: "linkFailed", link, reason });
    });
  }

  #send(link: LinkId, frame: LinkFrame): void {
    const pipe = this.#streams.get(link);
    if (pipe === undefined) return;
    const bytes = encodeLinkFrame(frame, link > 0 ? "dialler" : "acceptor");
    pipe.send(bytes, () => {
      if (this.#streams.get(link) === pipe) this.#stepper.step({ type: "writable", link });
    });
  }

  #adopt(link: LinkId, pipe: PipeEnd, from: LinkEnd): void {
    const { plants, options } = this.#parts;
    this.#streams.set(link, pipe);
    pipe.onBytes = (bytes) => {
      if (this.#streams.get(link) !== pipe) return;
      const read = decodeLinkFrame(bytes, from);
      if (read === undefined) return this.#lost(link, pipe, "a frame that is none");
      const frame = plants.frameIn === undefined ? read : plants.frameIn(read, options.nodeId);
      if (frame !== undefined) this.#stepper.step({ type: "frame", link, frame });
    };
    pipe.onClosed = (reason) => this.#lost(link, pipe, reason);
  }

  #lost(link: LinkId, pipe: PipeEnd, reason: string | undefined): void {
    if (this.#streams.get(link) !== pipe) return;
    this.#streams.delete(link);
    pipe.close();
    this.#stepper.step(
      reason === undefined ? { type: "linkClosed", link } : { type: "linkClosed", link, reason },
    );
  }
}
