import type { Entities, EntityChange } from "../../mod.ts";
import { versionText } from "./version_text.ts";

/** A line nobody reads, so that proxies keep the connection and a dead client is noticed. */
const ALIVE_EVERY_MS = 15_000;

/**
 * Changes of a type as server-sent events: `event: change`, `data` with `key`, `version`, `value` and `old` (left out
 * where there is none). A slow reader misses states between, never the last one.
 */
export function watchResponse(
  entities: Entities,
  options: { readonly initial: boolean; readonly signal: AbortSignal },
): Response {
  const watch = entities.watch(options);
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // At once: some servers send the head only with the first bytes of the body.
      controller.enqueue(encoder.encode(": watching\n\n"));
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": alive\n\n"));
      }, ALIVE_EVERY_MS);
    },
    async pull(controller) {
      const { done, value } = await watch.next();
      if (done === true) {
        clearInterval(timer);
        return controller.close();
      }
      controller.enqueue(encoder.encode(value.map(eventText).join("")));
    },
    async cancel() {
      clearInterval(timer);
      await watch.return();
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

function eventText({ key, version, value, old }: EntityChange): string {
  const data = JSON.stringify({ key, version: versionText(version), value, old });
  return `event: change\ndata: ${data}\n\n`;
}
