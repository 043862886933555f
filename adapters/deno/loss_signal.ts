/** @module */

/**
 * Runs `answer` with a `request.signal` that fires when the caller goes away before the body is out, and only then.
 *
 * Deno's own signal also fires after a delivered answer and warns of that on first use, and `info.completed` does not
 * tell a delivered answer from a lost one (2.9.6). What does: the server cancels a body that it can't deliver.
 */
export async function withLossSignal(
  request: Request,
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  let lost: AbortController | undefined;
  Object.defineProperty(request, "signal", {
    get: () => (lost ??= new AbortController()).signal,
  });
  const response = await answer();
  // Handlers that never asked for the signal keep their body as it is, and with it the fast path of the server.
  const asked = lost as AbortController | undefined;
  if (asked === undefined || response.body === null) return response;
  return new Response(watched(response.body, () => asked.abort()), response);
}

/** The same bytes; tells when the reader gives up. */
function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onCancel: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      onCancel();
      await reader.cancel(reason);
    },
  });
}
