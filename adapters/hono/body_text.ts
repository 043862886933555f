/**
 * The body of a request as text; `undefined` when it has more than `bytesMax` bytes, of which no more than one chunk
 * beyond the limit is read. Rejects when the connection breaks.
 */
export async function bodyText(request: Request, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop cancels what is left.
  for await (const chunk of chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** A body as chunks; `ReadableStream` is not iterable in every type library. */
async function* chunksOf({ body }: Request): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let isWhole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isWhole = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!isWhole) await reader.cancel().catch(() => {});
  }
}
