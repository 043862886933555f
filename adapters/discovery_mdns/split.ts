/**
 * Lists of records over as many packets as they need.
 *
 * @module
 */

import { nameBytes } from "./names.ts";
import { type MdnsPacket, packet } from "./packet.ts";
import { type MdnsRecord, type Question, recordBytes } from "./record.ts";

/** Fits into one frame of every network that has multicast, headers included. */
const PACKET_BYTES_MAX = 1_200;
const HEADER_BYTES = 12;

/** A question with what its asker knows already: packets that follow one another at once (RFC 6762 7.2). */
export function queries(
  questions: readonly Question[],
  known: readonly MdnsRecord[],
): readonly MdnsPacket[] {
  const asked = filled(questions, ({ name }) => nameBytes(name) + 4, 0);
  const lastBytes = sumOf(asked.at(-1) ?? [], ({ name }) => nameBytes(name) + 4);
  const knownParts = filled(known, recordBytes, lastBytes);
  const first = asked.slice(0, -1).map((part) => packet({ kind: "query", questions: part }));
  const rest = knownParts.map((answers, i) =>
    packet({
      kind: "query",
      questions: i === 0 ? asked.at(-1) ?? [] : [],
      answers,
      truncated: i < knownParts.length - 1,
    })
  );
  return [...first, ...rest];
}

/** Answers, with what may help as far as it fits beside the last of them. */
export function responses(
  answers: readonly MdnsRecord[],
  additionals: readonly MdnsRecord[] = [],
): readonly MdnsPacket[] {
  const parts = filled(answers, recordBytes, 0);
  return parts.map((part, i) => {
    if (i < parts.length - 1) return packet({ kind: "response", answers: part });
    const more = filled(additionals, recordBytes, sumOf(part, recordBytes))[0] ?? [];
    return packet({ kind: "response", answers: part, additionals: more });
  });
}

/** Cuts a list so that each part fits into a packet, the first beside `bytes`; one part at least, empty perhaps. */
function filled<T>(list: readonly T[], bytesOf: (one: T) => number, bytes: number): T[][] {
  const parts: T[][] = [[]];
  let left = PACKET_BYTES_MAX - HEADER_BYTES - bytes;
  for (const one of list) {
    const needed = bytesOf(one);
    if (needed > left && (parts.length === 1 || parts.at(-1)!.length > 0)) {
      parts.push([]);
      left = PACKET_BYTES_MAX - HEADER_BYTES;
    }
    parts.at(-1)!.push(one);
    left -= needed;
  }
  return parts;
}

function sumOf<T>(list: readonly T[], bytesOf: (one: T) => number): number {
  return list.reduce((sum, one) => sum + bytesOf(one), 0);
}
