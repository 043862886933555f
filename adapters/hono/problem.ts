/** An error as `application/problem+json` (RFC 9457); `detail` says what to do. */
export function problem(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify({ status, detail }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
