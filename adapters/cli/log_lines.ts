import type { LogLevel, LogRecord, LogSink } from "../../mod.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Writes records as lines: `2026-11-22T10:00:00.000Z INFO  message key=value`, or as JSON objects. */
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
  return JSON.stringify({ time, level, message, ...fields });
}

function textLine(time: string, { level, message, fields }: LogRecord): string {
  const pairs = Object.entries(fields ?? {}).map(([name, value]) =>
    ` ${name}=${/^[^\s"=]+$/.test(String(value)) ? value : JSON.stringify(value)}`
  );
  return `${time} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join("")}`;
}
