/**
 * Questions to a DNS server and its answers (RFC 1035, RFC 2782, RFC 6891), by the package `dns-packet`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { bytesToIp, ClusterError, ipToBytes } from "../../mod.ts";
import { isDnsName } from "./options.ts";

/** What is asked for. */
export type QuestionType = "A" | "AAAA" | "SRV";

/** One question. */
export interface Question {
  /** Complete, in small letters, without a last dot. */
  readonly name: string;
  readonly type: QuestionType;
}

/** A record that matters here; names in small letters. */
export type DnsRecord =
  & { readonly name: string; readonly ttlMs: number }
  & (
    | { readonly type: "A"; readonly ip: string }
    | { readonly type: "AAAA"; readonly ip: string }
    | { readonly type: "SRV"; readonly target: string; readonly port: number }
    | { readonly type: "CNAME"; readonly target: string }
  );

/** A server's answer. */
export interface DnsMessage {
  readonly id: number;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` and the like. */
  readonly rcode: string;
  readonly isTruncated: boolean;
  /** What it says it was asked. */
  readonly question: { readonly name: string; readonly type: string } | undefined;
  readonly answers: readonly DnsRecord[];
  /** What the server adds of its own accord, such as the addresses of an SRV record's targets. */
  readonly additionals: readonly DnsRecord[];
  /** Records that were not read because there are too many. */
  readonly unread: number;
}

/** The part of `dns-packet` that is used. */
export interface DnsCodec {
  encode(packet: object): Uint8Array;
  decode(bytes: Buffer): unknown;
}

/** What a datagram may hold so that no path in use today fragments it (DNS flag day 2020). */
const UDP_BYTES_MAX = 1_232;
/** A message's head, and the least a record takes: a root name, type, class, time to live and length. */
const HEAD_BYTES = 12;
const COUNTS_AT = 4;
const RECORD_BYTES_MIN = 11;
/** Records of one message that are read: each costs some microseconds of everybody's time. */
const RECORDS_MAX = 1_024;
/** RFC 2181, 8: the first bit counts as zero. */
const TTL_SECONDS_MAX = 2 ** 31 - 1;

/** Loads the optional package. */
export async function loadCodec(): Promise<DnsCodec> {
  try {
    const { decode, encode } = await import("dns-packet");
    return { decode, encode: (packet) => encode(packet) };
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      'Cannot discover by DNS: the package "dns-packet" does not load, install it',
      { cause },
    );
  }
}

/** The bytes of one question; `edns` asks for datagrams above 512 bytes. */
export function encodeQuestion(
  codec: DnsCodec,
  id: number,
  { name, type }: Question,
  edns: boolean,
): Uint8Array {
  const option = { type: "OPT", name: ".", udpPayloadSize: UDP_BYTES_MAX, flags: 0, options: [] };
  return codec.encode({
    type: "query",
    id,
    // Recursion desired.
    flags: 0x100,
    questions: [{ type, name, class: "IN" }],
    additionals: edns ? [option] : [],
  });
}

/**
 * Reads an answer; `undefined` for bytes that are none. Never throws, takes no more memory than a few times theirs, and
 * reads no more than 1,024 records.
 */
export function decodeAnswer(codec: DnsCodec, bytes: Uint8Array): DnsMessage | undefined {
  const wanted = wantedCounts(bytes);
  if (wanted === undefined) return undefined;
  const copy = Buffer.from(bytes);
  for (const [i, count] of wanted.counts.entries()) copy.writeUInt16BE(count, COUNTS_AT + 2 * i);
  try {
    const message = codec.decode(copy) as LooseMessage;
    const [asked] = message.questions;
    return {
      id: message.id,
      rcode: message.rcode,
      isTruncated: message.flag_tc,
      question: asked === undefined
        ? undefined
        : { name: asked.name.toLowerCase(), type: asked.type },
      answers: message.answers.map(recordOf).filter((record) => record !== undefined),
      additionals: message.additionals.map(recordOf).filter((record) => record !== undefined),
      unread: wanted.unread,
    };
  } catch {
    return undefined;
  }
}

/** The id of a message, so that the wrong ones need no decoding. */
export function idOf(bytes: Uint8Array): number {
  return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
}

/** Whether a message is about what was asked. An error may come without the question. */
export function isAnswerTo(message: DnsMessage, { name, type }: Question): boolean {
  const { question, rcode } = message;
  if (question === undefined) return rcode !== "NOERROR" && rcode !== "NXDOMAIN";
  return question.name === name && question.type === type;
}

/** The error of one question. */
export function failed(
  { name, type }: Question,
  code: "aborted" | "bad-data" | "refused" | "timeout" | "unreachable",
  state: string,
): ClusterError {
  return new ClusterError(code, `Cannot look up ${type} of "${name}" by DNS: ${state}`);
}

/** What `dns-packet` makes of bytes; nothing but the outer shape can be relied on. */
interface LooseMessage {
  readonly id: number;
  readonly rcode: string;
  readonly flag_tc: boolean;
  readonly questions: readonly { readonly name: string; readonly type: string }[];
  readonly answers: readonly LooseRecord[];
  readonly additionals: readonly LooseRecord[];
}

interface LooseRecord {
  readonly type: string;
  readonly name: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly data?: unknown;
}

/**
 * How many questions, answers, authorities and additional records to read; `undefined` for what is no answer, or promises
 * more than its length holds: arrays are made by those counts.
 */
function wantedCounts(
  bytes: Uint8Array,
): { readonly counts: readonly number[]; readonly unread: number } | undefined {
  if (bytes.length < HEAD_BYTES || ((bytes[2] as number) & 0x80) === 0) return undefined;
  const [questions, ...records] = [4, 6, 8, 10].map((at) =>
    ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  ) as [number, ...number[]];
  const total = records.reduce((sum, count) => sum + count, 0);
  if (questions > 1 || HEAD_BYTES + total * RECORD_BYTES_MIN > bytes.length) return undefined;
  if (total <= RECORDS_MAX) return { counts: [questions, ...records], unread: 0 };
  const [answers = 0] = records;
  const read = Math.min(answers, RECORDS_MAX);
  return { counts: [questions, read, 0, 0], unread: answers - read };
}

function recordOf({ type, name, class: of, ttl = 0, data }: LooseRecord): DnsRecord | undefined {
  if (of !== "IN") return undefined;
  const head = { name: name.toLowerCase(), ttlMs: ttl > TTL_SECONDS_MAX ? 0 : ttl * 1000 };
  switch (type) {
    case "A":
    case "AAAA": {
      // The package reads beyond the end: "10.0.undefined.undefined".
      const ip = bytesToIp(ipToBytes(String(data)) ?? new Uint8Array());
      return ip === undefined ? undefined : { ...head, type, ip };
    }
    case "CNAME":
      return isDnsName(data as string)
        ? { ...head, type, target: (data as string).toLowerCase() }
        : undefined;
    case "SRV": {
      const { target, port } = data as { readonly target: string; readonly port: number };
      // The target "." says that there is no such service (RFC 2782).
      if (port === 0 || !isDnsName(target)) return undefined;
      return { ...head, type, port, target: target.toLowerCase() };
    }
    default:
      return undefined;
  }
}
