/** @module */

import {
  type Address,
  ClusterError,
  type DatagramSocket,
  type Frame,
  parseAddress,
  type Runtime,
} from "../../mod.ts";
import type { Drops } from "./drops.ts";
import {
  decodeAnswer,
  type DnsCodec,
  type DnsMessage,
  encodeQuestion,
  failed,
  idOf,
  isAnswerTo,
  type Question,
} from "./message.ts";
import { askOverTcp } from "./over_tcp.ts";
import { Waker } from "./waiting.ts";

/** What a question needs. */
export interface ExchangeOptions {
  readonly runtime: Runtime;
  readonly codec: DnsCodec;
  readonly drops: Drops;
}

/** How long a server is waited for before the next one is asked as well. */
const ATTEMPT_MS = 1_000;
/** How often each server is asked. */
const ROUNDS = 3;

/**
 * Asks one question over UDP, a server after the other, and over TCP what did not fit. The first answer counts, also one
 * that comes when the next server has been asked: a slow server is no dead one. Each question has sockets of its own, so
 * that whoever can't see it must guess its port and its id.
 *
 * Rejects with `ClusterError` `timeout` when nobody answers, `refused` when all say that they can't tell, `bad-data`
 * when all speak something else than DNS, `aborted` when `signal` aborts.
 */
export async function ask(
  question: Question,
  servers: readonly Address[],
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<DnsMessage> {
  await using asking = new Asking(question, options, signal);
  let failure: ClusterError | undefined;
  let waiting = [...servers];
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of waiting) {
      const { message, from } = await asking.attempt(server);
      if (signal.aborted) throw failed(question, "aborted", "the caller gave up");
      if (message === undefined || from === undefined) continue;
      if (isFinal(message)) return await whole(question, from, message, options, signal);
      failure = failed(question, "refused", `${from} answers ${message.rcode}`);
      waiting = waiting.filter((each) => each !== from);
    }
  }
  if (failure !== undefined) throw failure;
  const who = servers.join(", ");
  if (asking.malformed) throw failed(question, "bad-data", `what ${who} sends is no DNS answer`);
  throw failed(question, "timeout", `no answer from ${who}, check that a DNS server is there`);
}

/** Whether another server would say the same. */
function isFinal({ rcode }: DnsMessage): boolean {
  return rcode === "NOERROR" || rcode === "NXDOMAIN";
}

/** The rest of a truncated answer; what there is of it, when TCP does not work. */
async function whole(
  question: Question,
  server: Address,
  message: DnsMessage,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<DnsMessage> {
  if (!message.isTruncated) return message;
  try {
    return await askOverTcp(question, server, options, signal);
  } catch (error) {
    if (message.answers.length === 0 || signal.aborted) throw error;
    return message;
  }
}

/** A question under way: its sockets, and the answers that have come. */
class Asking implements AsyncDisposable {
  malformed = false;
  readonly #question: Question;
  readonly #options: ExchangeOptions;
  readonly #signal: AbortSignal;
  readonly #id: number;
  readonly #sockets: Map<string, Promise<DatagramSocket>> = new Map();
  readonly #asked: Map<Address, { edns: boolean }> = new Map();
  readonly #waker: Waker = new Waker();
  #arrived: { readonly message: DnsMessage; readonly from: Address } | undefined;

  constructor(question: Question, options: ExchangeOptions, signal: AbortSignal) {
    this.#question = question;
    this.#options = options;
    this.#signal = signal;
    this.#id = idOf(options.runtime.entropy.bytes(2));
  }

  /** Asks one server and waits for the answer of any that was asked; without one after a while, or on abort. */
  async attempt(
    server: Address,
  ): Promise<{ readonly message?: DnsMessage; readonly from?: Address }> {
    const asked = this.#asked.get(server) ?? { edns: true };
    this.#asked.set(server, asked);
    const socket = await this.#socketFor(server);
    for (let tries = 0; tries < 2; tries++) {
      socket.send(
        server,
        encodeQuestion(this.#options.codec, this.#id, this.#question, asked.edns),
      );
      const arrived = await this.#nextAnswer();
      if (arrived === undefined) return {};
      // Old servers do not know the option (RFC 6891, 7).
      if (!asked.edns || arrived.from !== server || !isTooOld(arrived.message)) return arrived;
      asked.edns = false;
    }
    return {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = await Promise.allSettled(this.#sockets.values());
    for (const socket of sockets) {
      if (socket.status === "fulfilled") await socket.value[Symbol.asyncDispose]();
    }
  }

  async #nextAnswer(): Promise<
    { readonly message: DnsMessage; readonly from: Address } | undefined
  > {
    const { clock } = this.#options.runtime;
    if (this.#arrived === undefined) await this.#waker.wait(clock, ATTEMPT_MS, this.#signal);
    const arrived = this.#arrived;
    this.#arrived = undefined;
    return arrived;
  }

  #socketFor(server: Address): Promise<DatagramSocket> {
    const ip = parseAddress(server)?.ip.includes(":") === true ? "::" : "0.0.0.0";
    const socket = this.#sockets.get(ip) ?? this.#options.runtime.datagrams.bind({
      ip,
      port: 0,
      onFrame: (frame) => this.#onFrame(frame),
    });
    this.#sockets.set(ip, socket);
    return socket;
  }

  #onFrame({ from, bytes }: Frame): void {
    const { codec, drops } = this.#options;
    if (!this.#asked.has(from)) return drops.add("wrong_source");
    if (idOf(bytes) !== this.#id) return drops.add("wrong_id");
    const message = decodeAnswer(codec, bytes);
    if (message === undefined) {
      this.malformed = true;
      return drops.add("malformed");
    }
    if (!isAnswerTo(message, this.#question)) return drops.add("wrong_question");
    drops.add("too_many", message.unread);
    this.#arrived ??= { message, from };
    this.#waker.wake();
  }
}

function isTooOld({ rcode }: DnsMessage): boolean {
  return rcode === "FORMERR" || rcode === "NOTIMP";
}
