/**
 * Text of unknown origin for logs and terminals: peers name themselves, and a name may hold line breaks that forge a
 * record or a row, and sequences that a terminal obeys.
 *
 * @module
 */

/** Control, format, surrogate, private and unassigned characters, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** `text` on one line, with `\uXXXX` for what is not printed. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** `value` as JSON of printable characters; reads back as what it was. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value) ?? "null");
}

/** JSON knows escapes of UTF-16 units only. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
