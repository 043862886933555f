import type { LogLevel, LogRecord, LogSink } from "../../mod.ts";
import { printable, printableJson } from "./printable.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Values shown without quotes: printable ASCII but blanks, quotes and `=`. */
const PLAIN = /^(?:(?!["=])[!-~])+$/;

/**
 * Writes records as lines: `2026-11-22T10:00:00.000Z INFO  message key=value`, or as JSON objects. Whatever a record
 * holds, it is one line of printable characters.
 */
export function logLines(
  write: (line: string) => void,
  { format, level }: { readonly format: "text" | "json"; readonly level: LogLevel },
): LogSink {
  const least = ORDER.indexOf(level);
  return (record) => {
    if (ORDER.indexOf(record.level) < least) return;
    const time = new Date().toISOString();
    write(format === "json" ? jsonLine(time, record) : textLine(time, record));
  };
}

function jsonLine(time: string, { level, message, fields }: LogRecord): string {
  return printableJson({ time, level, message, ...fields });
}

function textLine(time: string, { level, message, fields }: LogRecord): string {
  const pairs = Object.entries(fields ?? {}).map(([name, value]) => {
    const text = String(value);
    return ` ${name}=${PLAIN.test(text) ? text : printableJson(text)}`;
  });
  return `${time} ${level.toUpperCase().padEnd(5)} ${printable(message)}${pairs.join("")}`;
}
