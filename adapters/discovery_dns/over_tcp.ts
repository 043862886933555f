/** @module */

import { type Address, type ByteStream, ClusterError } from "../../mod.ts";
import type { ExchangeOptions } from "./exchange.ts";
import {
  decodeAnswer,
  type DnsMessage,
  encodeQuestion,
  failed,
  idOf,
  isAnswerTo,
  type Question,
} from "./message.ts";

/** For connecting, asking and reading together. */
const TCP_MS = 4_000;
const MESSAGE_BYTES_MAX = 65_535;

/**
 * Asks one server over TCP (RFC 7766). Rejects with `ClusterError` `unreachable`, `timeout`, `bad-data`, `refused` or
 * `aborted`; the connection is closed in every case.
 */
export async function askOverTcp(
  question: Question,
  server: Address,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<DnsMessage> {
  const { runtime, codec, drops } = options;
  const id = idOf(runtime.entropy.bytes(2));
  const stream = await runtime.streams.dial(server, { timeoutMs: TCP_MS, signal });
  const giveUp = (): void => stream.destroy();
  const disarm = runtime.clock.alarm(runtime.clock.now() + TCP_MS, giveUp);
  signal.addEventListener("abort", giveUp);
  try {
    const asked = encodeQuestion(codec, id, question, false);
    await stream.write(Uint8Array.of(asked.length >> 8, asked.length & 0xff, ...asked));
    const bytes = await firstMessage(stream);
    if (bytes === undefined) {
      throw signal.aborted
        ? failed(question, "aborted", "the caller gave up")
        : failed(question, "unreachable", `${server} ends the TCP connection without an answer`);
    }
    const message = decodeAnswer(codec, bytes);
    if (message === undefined) drops.add("malformed");
    else if (message.id !== id) drops.add("wrong_id");
    else if (!isAnswerTo(message, question)) drops.add("wrong_question");
    else if (message.rcode !== "NOERROR" && message.rcode !== "NXDOMAIN") {
      throw failed(question, "refused", `${server} answers ${message.rcode} over TCP`);
    } else {
      drops.add("too_many", message.unread);
      return message;
    }
    throw failed(question, "bad-data", `what ${server} sends over TCP is no answer to it`);
  } catch (error) {
    if (ClusterError.is(error) && error.code !== "closed") throw error;
    throw failed(question, "unreachable", `${server} closes the TCP connection`);
  } finally {
    disarm();
    signal.removeEventListener("abort", giveUp);
    stream.destroy();
  }
}

/** The bytes behind the first two, which say how many; `undefined` when the stream ends before. */
async function firstMessage(stream: ByteStream): Promise<Uint8Array | undefined> {
  const received = new Uint8Array(2 + MESSAGE_BYTES_MAX);
  let count = 0;
  for await (const chunk of stream.chunks) {
    const taken = chunk.subarray(0, received.length - count);
    received.set(taken, count);
    count += taken.length;
    const end = 2 + idOf(received);
    if (count >= end) return received.subarray(2, end);
  }
  return undefined;
}
