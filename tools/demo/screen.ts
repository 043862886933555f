/**
 * What the demo shows: a story that scrolls, and under it, on a terminal, a table that stays current.
 *
 * @module
 */

import process from "node:process";

/** One row of the table. */
export interface Row {
  readonly cells: readonly string[];
  /** How the row is tinted on a terminal. */
  readonly tone: Tone;
}

/** What a colour says. */
export type Tone = "good" | "warn" | "bad" | "quiet" | "plain";

const CODES: Readonly<Record<Tone, string>> = {
  good: "32",
  warn: "33",
  bad: "31",
  quiet: "90",
  plain: "0",
};

/** Writes the story; colours and the live table only when standard output is a terminal. */
export class Screen {
  readonly #live: boolean;
  readonly #colours: boolean;
  readonly #started: number = performance.now();
  #drawn = 0;
  #table: readonly Row[] = [];

  /** Looks at the terminal and at NO_COLOR. */
  constructor() {
    this.#live = process.stdout.isTTY === true;
    this.#colours = this.#live && (process.env["NO_COLOR"] ?? "") === "";
  }

  /** Whether a table is redrawn in place. */
  get live(): boolean {
    return this.#live;
  }

  /** A chapter of the story. */
  chapter(title: string): void {
    this.#scroll(`\n${this.#tint("1", title)}`);
  }

  /** Something happened; stamped with the seconds since the start. */
  say(text: string, tone: Tone = "plain"): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1).padStart(5);
    this.#scroll(
      `${this.#tint("90", `${seconds} s`)}  ${
        tone === "plain" ? text : this.#tint(CODES[tone], text)
      }`,
    );
  }

  /** A line without a stamp. */
  line(text: string): void {
    this.#scroll(text);
  }

  /** Replaces the live table; shown on terminals only. */
  show(table: readonly Row[]): void {
    this.#table = table;
    if (!this.#live) return;
    this.#erase();
    this.#draw();
  }

  /** The table once, as part of the story. */
  print(table: readonly Row[]): void {
    this.#table = [];
    this.#scroll(
      ["", ...layout(table).map(({ text, tone }) => this.#tint(CODES[tone], text))].join("\n"),
    );
  }

  #scroll(text: string): void {
    this.#erase();
    process.stdout.write(`${text}\n`);
    this.#draw();
  }

  #draw(): void {
    if (!this.#live || this.#table.length === 0) return;
    const lines = [
      "",
      ...layout(this.#table).map(({ text, tone }) => this.#tint(CODES[tone], text)),
    ];
    process.stdout.write(lines.join("\n") + "\n");
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }

  #tint(code: string, text: string): string {
    return this.#colours ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

function layout(rows: readonly Row[]): { text: string; tone: Tone }[] {
  const widths: number[] = [];
  for (const { cells } of rows) {
    cells.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  }
  return rows.map(({ cells, tone }) => ({
    text: `  ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join("  ")}`.trimEnd(),
    tone,
  }));
}
