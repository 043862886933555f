/**
 * Packets between our records and the objects of the package `multicast-dns`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { bytesToIp, ipToBytes } from "../../mod.ts";
import type { MdnsRecord, Question, RecordData } from "./record.ts";

/** One packet. */
export interface MdnsPacket {
  readonly kind: "query" | "response";
  /** 0 by multicast; an answer to somebody who asks by unicast repeats theirs. */
  readonly id: number;
  /** Whether more of the same follows at once: known answers of a query. */
  readonly truncated: boolean;
  readonly questions: readonly Question[];
  readonly answers: readonly MdnsRecord[];
  /** What somebody who asks for a name means to say under it. */
  readonly authorities: readonly MdnsRecord[];
  readonly additionals: readonly MdnsRecord[];
}

/** A question as the package has it. */
export interface PackageQuestion {
  readonly name: string;
  readonly type: string;
  readonly class: string;
}

/** A record as the package has it. */
export interface PackageRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly class?: string;
  readonly flush?: boolean;
  readonly data?: unknown;
}

/** A packet as the package has it. */
export interface PackagePacket {
  readonly type: "query" | "response";
  readonly id?: number;
  readonly flags?: number;
  readonly opcode?: string;
  readonly rcode?: string;
  readonly questions: readonly PackageQuestion[];
  readonly answers: readonly PackageRecord[];
  readonly authorities: readonly PackageRecord[];
  readonly additionals: readonly PackageRecord[];
}

const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
/** The classes IN and ANY with the bit that asks for an answer by unicast: the package does not know it, nor can it write it. */
const UNICAST = ["UNKNOWN_32769", "UNKNOWN_33023"];
/** More text than this nobody needs, and it would have to be kept. */
const TEXT_BYTES_MAX = 2_048;

/** A packet with parts that are not given left empty. */
export function packet(
  parts: Pick<MdnsPacket, "kind"> & Partial<MdnsPacket>,
): MdnsPacket {
  return {
    id: 0,
    truncated: false,
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
    ...parts,
  };
}

/** What the package decoded; `undefined` when it is no packet that multicast DNS allows. Never throws. */
export function fromPackage(from: PackagePacket): MdnsPacket | undefined {
  if (from.opcode !== undefined && from.opcode !== "QUERY") return undefined;
  if (from.rcode !== undefined && from.rcode !== "NOERROR") return undefined;
  return {
    kind: from.type === "query" ? "query" : "response",
    id: from.id ?? 0,
    truncated: ((from.flags ?? 0) & TRUNCATED) !== 0,
    questions: from.questions.flatMap(questionFrom),
    answers: from.answers.flatMap(recordFrom),
    authorities: from.authorities.flatMap(recordFrom),
    additionals: from.additionals.flatMap(recordFrom),
  };
}

/** The packet for the package to encode. Every name in it must be writable. */
export function toPackage(out: MdnsPacket): PackagePacket {
  const flags = (out.kind === "response" ? AUTHORITATIVE : 0) | (out.truncated ? TRUNCATED : 0);
  return {
    type: out.kind,
    id: out.id,
    flags,
    questions: out.questions.map(({ name, type }) => ({ name, type, class: "IN" })),
    answers: out.answers.map(recordTo),
    authorities: out.authorities.map(recordTo),
    additionals: out.additionals.map(recordTo),
  };
}

function questionFrom({ name, type, class: kind }: PackageQuestion): Question[] {
  const unicast = UNICAST.includes(kind);
  return unicast || kind === "IN" || kind === "ANY" ? [{ name, type, unicast }] : [];
}

function recordFrom(from: PackageRecord): MdnsRecord[] {
  if (from.class !== "IN") return [];
  const data = dataFrom(from);
  if (data === undefined) return [];
  return [{ name: from.name, ttlS: from.ttl ?? 0, unique: from.flush === true, data }];
}

function dataFrom({ type, data }: PackageRecord): RecordData | undefined {
  switch (type) {
    case "PTR":
      return { type, target: data as string };
    case "SRV": {
      const { port, target } = data as { readonly port: number; readonly target: string };
      return { type, port, target };
    }
    case "TXT": {
      const strings = data as readonly Uint8Array[];
      const bytes = strings.reduce((sum, each) => sum + each.length + 1, 0);
      // Copies: views would keep the whole datagram.
      return bytes > TEXT_BYTES_MAX
        ? undefined
        : { type, strings: strings.map((each) => Uint8Array.from(each)) };
    }
    case "A":
    case "AAAA": {
      const bytes = ipToBytes(data as string);
      const ip = bytes === undefined ? undefined : bytesToIp(bytes);
      return ip === undefined ? undefined : { type, ip };
    }
    case "NSEC":
      return { type, types: (data as { readonly rrtypes: readonly string[] }).rrtypes };
    default:
      return { type: "other", kind: type };
  }
}

function recordTo({ name, ttlS, unique, data }: MdnsRecord): PackageRecord {
  return { name, type: data.type, ttl: ttlS, class: "IN", flush: unique, data: dataTo(name, data) };
}

function dataTo(name: string, data: RecordData): unknown {
  switch (data.type) {
    case "PTR":
      return data.target;
    case "SRV":
      return { priority: 0, weight: 0, port: data.port, target: data.target };
    case "TXT":
      return data.strings.map((bytes) => Buffer.from(bytes));
    case "A":
    case "AAAA":
      return data.ip;
    case "NSEC":
      return { nextDomain: name, rrtypes: data.types };
    case "other":
      throw new TypeError(
        `Cannot write a record of type ${data.kind}: write only those that are known`,
      );
  }
}
