/**
 * Resource records, as far as finding services needs them.
 *
 * @module
 */

import { ipToBytes } from "../../mod.ts";
import { nameBytes, nameKey } from "./names.ts";

/** What a record says. */
export type RecordData =
  | { readonly type: "PTR"; readonly target: string }
  | { readonly type: "SRV"; readonly port: number; readonly target: string }
  | { readonly type: "TXT"; readonly strings: readonly Uint8Array[] }
  | { readonly type: "A" | "AAAA"; readonly ip: string }
  /** Says which types a name has, and thereby which it has not (RFC 6762 6.1). */
  | { readonly type: "NSEC"; readonly types: readonly string[] }
  /** One that we have no use for, but that may take our name. */
  | { readonly type: "other"; readonly kind: string };

/** One record. */
export interface MdnsRecord {
  readonly name: string;
  /** Seconds for which it may be believed; 0 takes it back. */
  readonly ttlS: number;
  /** Whether its name and type belong to the sender alone, so that what others said of them is void. */
  readonly unique: boolean;
  readonly data: RecordData;
}

/** What somebody asks for. */
export interface Question {
  readonly name: string;
  /** `ANY`, or a type's name. */
  readonly type: string;
  /** Whether an answer to the asker alone would do. */
  readonly unicast: boolean;
}

const NUMBERS = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47 } as const;

/** What is known under one key is one set: `unique` is about all of it. */
export function setKey(name: string, type: string): string {
  return `${nameKey(name)} ${type}`;
}

/** The same for two records exactly when they say the same, for however long. */
export function recordKey(record: MdnsRecord): string {
  return `${setKey(record.name, record.data.type)} ${dataKey(record.data)}`;
}

/** The same for two records of one set exactly when they say the same. */
export function dataKey(data: RecordData): string {
  switch (data.type) {
    case "PTR":
      return nameKey(data.target);
    case "SRV":
      return `${data.port} ${nameKey(data.target)}`;
    case "TXT":
      return data.strings.map((bytes) => Array.from(bytes).join(",")).join(";");
    case "A":
    case "AAAA":
      return data.ip;
    case "NSEC":
      return data.types.join(",");
    case "other":
      return data.kind;
  }
}

/** The record with another time to live. */
export function withTtl(record: MdnsRecord, ttlS: number): MdnsRecord {
  return { ...record, ttlS };
}

/** Bytes of a record on the wire, not compressed. */
export function recordBytes({ name, data }: MdnsRecord): number {
  return nameBytes(name) + 10 + dataBytes(data);
}

function dataBytes(data: RecordData): number {
  switch (data.type) {
    case "PTR":
      return nameBytes(data.target);
    case "SRV":
      return 6 + nameBytes(data.target);
    case "TXT":
      return data.strings.reduce((sum, bytes) => sum + bytes.length + 1, 0);
    case "NSEC":
      return 2 + 32 + 255;
    default:
      return 16;
  }
}

/** Which of two records comes first when two nodes want one name at a time (RFC 6762 8.2): below 0, 0 or above. */
export function compareRecords(a: MdnsRecord, b: MdnsRecord): number {
  const byType = numberOf(a.data) - numberOf(b.data);
  return byType !== 0 ? byType : compareBytes(wireOf(a.data), wireOf(b.data));
}

function numberOf(data: RecordData): number {
  if (data.type !== "other") return NUMBERS[data.type];
  // The package has no numbers for types it knows; nobody but old Avahis puts such a one under a name.
  return data.kind === "HINFO" ? 13 : Number(/^UNKNOWN_(\d+)$/.exec(data.kind)?.[1] ?? 0);
}

/** The data as they are on the wire, names in full. */
function wireOf(data: RecordData): readonly number[] {
  switch (data.type) {
    case "PTR":
      return wireName(data.target);
    case "SRV":
      return [0, 0, 0, 0, data.port >> 8, data.port & 0xff, ...wireName(data.target)];
    case "TXT":
      return data.strings.flatMap((bytes) => [bytes.length, ...bytes]);
    case "A":
    case "AAAA":
      return Array.from(ipToBytes(data.ip) ?? []);
    default:
      return [];
  }
}

function wireName(name: string): readonly number[] {
  const labels = name.split(".").map((label) => new TextEncoder().encode(label));
  return [...labels.flatMap((bytes) => [bytes.length, ...bytes]), 0];
}

function compareBytes(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
