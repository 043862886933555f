/** @module */

import type { Clock } from "../../mod.ts";
import { drain, type Exchange } from "./exchange.ts";
import { failed } from "./failures.ts";
import { Lines } from "./lines.ts";
import { part } from "./pod.ts";
import { parsed } from "./pod_api.ts";

/** Of one event; what etcd can hold of a pod is shorter as JSON. */
const EVENT_CHARS_MAX = 8 * 1024 * 1024;

/** A watch that works tells something every minute, if only a bookmark; after that long it is begun anew. */
const SILENCE_MS = 150_000;

/** What happened to an object. */
export interface WatchEvent {
  /** A bookmark only has a version. */
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  /** As the server told it. */
  readonly object: unknown;
}

/**
 * Hands on the events of a watch until it ends; resolves with `"gone"` when the server knows the version no more, and
 * with `"ended"` when the stream came to its end, broke off or fell silent. Rejects with `bad-data` for rubbish, with
 * `unreachable` when the server tells an error, with `signal.reason`, or with what `take` throws; always with the
 * connection closed.
 */
export async function followWatch(
  exchange: Exchange,
  clock: Clock,
  signal: AbortSignal,
  take: (event: WatchEvent) => void,
): Promise<"ended" | "gone"> {
  const lines = new Lines(EVENT_CHARS_MAX);
  const silence = new AbortController();
  const give = (): void => silence.abort(signal.reason);
  signal.addEventListener("abort", give, { once: true });
  if (signal.aborted) give();
  const arm = (): () => void => clock.alarm(clock.now() + SILENCE_MS, () => silence.abort(SILENT));
  let disarm = arm();
  try {
    await drain(exchange, silence.signal, (chunk) => {
      disarm();
      disarm = arm();
      const whole = lines.push(chunk);
      if (whole === undefined) {
        throw failed("bad-data", `an event is longer than ${EVENT_CHARS_MAX} characters`);
      }
      for (const line of whole) if (line.trim() !== "") take(eventOf(line));
    });
    return "ended";
  } catch (error) {
    if (error === GONE) return "gone";
    if (error === SILENT) return "ended";
    throw error;
  } finally {
    disarm();
    signal.removeEventListener("abort", give);
  }
}

const SILENT = Symbol("silent");
const GONE = Symbol("gone");

/** Throws {@linkcode GONE} for the event that says so. */
function eventOf(line: string): WatchEvent {
  const event = parsed(line);
  const [type, object] = [part(event, "type"), part(event, "object")];
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
    case "BOOKMARK":
      return { type, object };
    case "ERROR": {
      const code = part(object, "code");
      if (code === 410) throw GONE;
      const told = typeof code === "number" ? ` ${code}` : "";
      throw failed(
        "unreachable",
        `the watch was ended by an error${told}, look at the server's log`,
      );
    }
  }
  throw failed("bad-data", "the watch tells what is no event, check the address");
}
