/** Whether an `Authorization` header carries one of `tokens` as bearer. Compares digests in constant time. */
export async function hasBearer(
  header: string | undefined,
  tokens: readonly string[],
): Promise<boolean> {
  const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  const presented = await digest(given ?? "");
  let pass = false;
  for (const token of tokens) pass = equal(await digest(token), presented) || pass;
  return pass && given !== undefined;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] ?? 0);
  return difference === 0;
}
