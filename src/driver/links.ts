/**
 * Moves frames between the replication machine and RPC streams; decides nothing.
 *
 * @module
 */

import { ClusterError } from "../core/errors.ts";
import type { Address, Machine, Millis } from "../core/machine.ts";
import type {
  LinkId,
  ReplicationEffect,
  ReplicationEvent,
  ReplicationInput,
  ReplicationRefusal,
  ReplicationView,
  WriteCommand,
} from "../core/replication/contract.ts";
import type { AwaitedMember, AwaitLevel, WriteOutcome } from "../core/replication/awaited.ts";
import type { EntryWrite } from "../core/replication/entry.ts";
import type { LinkFrame } from "../core/replication/frames.ts";
import type { Version } from "../core/hlc.ts";
import type { LinkStream, RpcSecurity } from "../ports/rpc.ts";
import type { Runtime } from "../ports/runtime.ts";
import { drive, type Driven } from "./drive.ts";

/** What the application plane needs to run. */
export interface LinksOptions {
  readonly runtime: Pick<Runtime, "clock" | "rpc">;
  readonly machine: Machine<ReplicationInput, ReplicationEffect> & { view(): ReplicationView };
  readonly security: RpcSecurity;
  readonly dialTimeoutMs: Millis;
  /** Where a peer's RPC server is now; `undefined` when it is not known. */
  readonly addressOf: (peer: string) => Address | undefined;
  readonly onEvent: (event: ReplicationEvent) => void;
  /** Awaited before an acknowledgement is sent: with storage, applied means stored. */
  readonly stored?: () => Promise<void>;
}

/** How often the machine is told what the wall clock shows. */
const WALL_EVERY_MS = 1_000;

/** The running application plane. Disposal closes every stream. */
export class Links implements AsyncDisposable {
  readonly #options: LinksOptions;
  readonly #driven: Driven<ReplicationInput>;
  readonly #streams: Map<LinkId, LinkStream> = new Map();
  readonly #dialling: Map<LinkId, AbortController> = new Map();
  /** Why the last dial of a peer failed; absent while its link stands or none was tried. */
  readonly #failures: Map<string, string> = new Map();
  readonly #settled: Map<number, (result: Version | ClusterError) => void> = new Map();
  readonly #awaited: Map<
    number,
    { readonly resolve: (outcome: WriteOutcome) => void; readonly reject: (error: Error) => void }
  > = new Map();
  readonly #settledMessages: Map<number, (refusal: ReplicationRefusal | undefined) => void> =
    new Map();
  #stopWall: () => void = () => {};
  #nextAccepted: LinkId = -1;
  #nextOp = 1;
  #closed = false;

  /** Nothing runs before `start`. */
  constructor(options: LinksOptions) {
    this.#options = options;
    this.#driven = drive(
      options.machine,
      options.runtime.clock,
      (effect) => this.#perform(effect),
      { isAnswer: ({ type }) => type === "settled" },
    );
  }

  /** Starts the machine. */
  start(): void {
    this.#driven.step({ type: "start", wallMs: this.#options.runtime.clock.wall() });
    this.#tellWall();
  }

  /** A member of our kind is there, or has restarted. */
  peerUp(peer: string, boot: string, capabilities: readonly string[]): void {
    if (this.#closed) return;
    this.#driven.step({ type: "peerUp", peer, boot, capabilities });
  }

  /** It is gone. */
  peerDown(peer: string): void {
    this.#failures.delete(peer);
    this.#driven.step({ type: "peerDown", peer });
  }

  /** Why the peer could not be dialled last time; `undefined` when it could. */
  failureOf(peer: string): string | undefined {
    return this.#failures.get(peer);
  }

  /** Writes all or nothing under one stamp; throws `ClusterError` `too-large`, or `closed` after disposal. */
  write(writes: readonly EntryWrite[]): Version {
    const op = this.#nextOp++;
    const result = this.#settle(op, { type: "write", op, writes });
    if (result instanceof ClusterError) throw result;
    return result;
  }

  /** Writes and waits for the others; rejects with what `write` throws, or `closed` when the node closes meanwhile. */
  async writeAwaited(
    writes: readonly EntryWrite[],
    options: { readonly await: AwaitLevel; readonly timeoutMs?: Millis },
  ): Promise<WriteOutcome> {
    const op = this.#nextOp++;
    const { await: level, timeoutMs } = options;
    const command = { type: "write", op, writes, level } as const;
    return await new Promise((resolve, reject) => {
      this.#awaited.set(op, { resolve, reject });
      const result = this.#settle(
        op,
        timeoutMs === undefined ? command : { ...command, timeoutMs },
      );
      if (!(result instanceof ClusterError)) return;
      this.#awaited.delete(op);
      reject(result);
    });
  }

  /** Who is there, ourselves included: whose word awaited writes wait for. */
  members(members: readonly AwaitedMember[]): void {
    this.#driven.step({ type: "members", members });
  }

  /**
   * Sends bytes to a peer's application: kept in order, delivered perhaps. Throws `ClusterError` `unknown-member`,
   * `unsupported` for a peer too old, `too-large`, `bad-data`, or `closed` after disposal.
   */
  message(peer: string, channel: string, payload: Uint8Array): void {
    const op = this.#nextOp++;
    let refusal: ReplicationRefusal | undefined = {
      ok: false,
      code: "closed",
      message: "Cannot send a message: the node is closed",
    };
    this.#settledMessages.set(op, (settled) => refusal = settled);
    this.#driven.step({
      type: "command",
      command: { type: "message", op, peer, channel, payload },
    });
    this.#settledMessages.delete(op);
    if (refusal !== undefined) throw new ClusterError(refusal.code, refusal.message);
  }

  /** Takes a stream that a peer has opened; resolves when it ends. */
  async accept(stream: LinkStream): Promise<void> {
    if (this.#closed) return stream.close();
    const link = this.#nextAccepted--;
    this.#streams.set(link, stream);
    this.#driven.step({ type: "accepted", link });
    await this.#pump(link, stream);
  }

  /** Dials nobody any more and takes no stream; for a node that has left. */
  leave(): void {
    this.#closed = true;
    for (const { peer } of this.#options.machine.view().links) this.peerDown(peer);
  }

  /** Closes every stream; what is not acknowledged stays dirty at whoever sent it. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#stopWall();
    this.#driven.stop();
    for (const controller of this.#dialling.values()) controller.abort();
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    for (const { reject } of this.#awaited.values()) reject(closedError());
    this.#awaited.clear();
    return Promise.resolve();
  }

  /** Gives the machine a write; a stopped one settles nothing. Errors cost a stack each: none is made in advance. */
  #settle(op: number, command: WriteCommand): Version | ClusterError {
    let result: Version | ClusterError | undefined;
    this.#settled.set(op, (settled) => result = settled);
    this.#driven.step({ type: "command", command });
    this.#settled.delete(op);
    return result ?? closedError();
  }

  #tellWall(): void {
    const { clock } = this.#options.runtime;
    this.#stopWall = clock.alarm(clock.now() + WALL_EVERY_MS, () => {
      this.#driven.step({ type: "wall", wallMs: clock.wall() });
      this.#tellWall();
    });
  }

  #perform(effect: ReplicationEffect): void {
    switch (effect.type) {
      case "open":
        void this.#dial(effect.link, effect.peer);
        return;
      case "send":
        void this.#send(effect.link, effect.frame);
        return;
      case "close":
        this.#drop(effect.link);
        return;
      case "settled": {
        const { result } = effect;
        this.#settled.get(effect.op)?.(
          result.ok ? result.version : new ClusterError(result.code, result.message),
        );
        return;
      }
      case "awaited":
        this.#awaited.get(effect.op)?.resolve(effect.outcome);
        this.#awaited.delete(effect.op);
        return;
      case "messageSettled":
        this.#settledMessages.get(effect.op)?.(effect.result.ok ? undefined : effect.result);
        return;
      case "event":
        this.#options.onEvent(effect.event);
        return;
    }
  }

  async #dial(link: LinkId, peer: string): Promise<void> {
    const controller = new AbortController();
    this.#dialling.set(link, controller);
    try {
      const address = this.#options.addressOf(peer);
      if (address === undefined) {
        throw new ClusterError(
          "unreachable",
          `Cannot dial ${JSON.stringify(peer)}: its RPC address is not known`,
        );
      }
      const stream = await this.#options.runtime.rpc.dial(address, {
        security: this.#options.security,
        timeoutMs: this.#options.dialTimeoutMs,
        signal: controller.signal,
      });
      if (!this.#dialling.delete(link)) return stream.close();
      this.#failures.delete(peer);
      this.#streams.set(link, stream);
      this.#driven.step({ type: "linkOpened", link });
      await this.#pump(link, stream);
    } catch (error) {
      if (!this.#dialling.delete(link)) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#failures.set(peer, reason);
      this.#driven.step({ type: "linkFailed", link, reason });
    }
  }

  async #pump(link: LinkId, stream: LinkStream): Promise<void> {
    let reason: string | undefined;
    try {
      for await (const frame of stream.frames) {
        if (this.#streams.get(link) !== stream) return;
        this.#driven.step({ type: "frame", link, frame });
      }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.#lost(link, stream, reason);
  }

  async #send(link: LinkId, frame: LinkFrame): Promise<void> {
    const stream = this.#streams.get(link);
    if (stream === undefined) return;
    try {
      if (frame.frame.case === "ack") await this.#options.stored?.();
      await stream.send(frame);
      if (this.#streams.get(link) === stream) this.#driven.step({ type: "writable", link });
    } catch (error) {
      this.#lost(link, stream, error instanceof Error ? error.message : String(error));
    }
  }

  #lost(link: LinkId, stream: LinkStream, reason: string | undefined): void {
    if (this.#streams.get(link) !== stream) return;
    this.#streams.delete(link);
    stream.close();
    this.#driven.step({ type: "linkClosed", link, ...(reason === undefined ? {} : { reason }) });
  }

  #drop(link: LinkId): void {
    this.#dialling.get(link)?.abort();
    this.#dialling.delete(link);
    const stream = this.#streams.get(link);
    this.#streams.delete(link);
    stream?.close();
  }
}

function closedError(): ClusterError {
  return new ClusterError("closed", "Cannot write: the node is closed");
}
