import type { MiddlewareHandler } from "hono";

/** Lets a request pass that carries one of `tokens` as bearer; answers 401 otherwise. Compares in constant time. */
export function bearerGuard(tokens: readonly string[]): MiddlewareHandler {
  const known = Promise.all(tokens.map(digest));
  return async (c, next) => {
    const given = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const presented = await digest(given ?? "");
    let pass = false;
    for (const token of await known) pass = equal(token, presented) || pass;
    if (!pass || given === undefined) {
      return new Response(
        JSON.stringify({
          status: 401,
          detail: "This page needs a bearer token: set the header Authorization",
        }),
        {
          status: 401,
          headers: { "content-type": "application/problem+json", "www-authenticate": "Bearer" },
        },
      );
    }
    return await next();
  };
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] ?? 0);
  return difference === 0;
}
