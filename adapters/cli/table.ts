import { printableJson } from "./printable.ts";

/** What could pass for two cells, for a quoted one, or does not print. */
const AMBIGUOUS = /^[ "]| $| {2}|(?! )[\p{C}\p{Z}]/u;

/**
 * Lays rows out in columns, two spaces apart; the first row is the head. A cell that could pass for two, or for a row of
 * its own, is quoted.
 */
export function table(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) =>
    row.map((cell) => AMBIGUOUS.test(cell) ? printableJson(cell) : cell)
  );
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  }
  return rows
    .map((row) =>
      row.map((cell, i) => i === row.length - 1 ? cell : cell.padEnd(widths[i] as number)).join(
        "  ",
      ).trimEnd()
    )
    .join("\n");
}
