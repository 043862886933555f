/**
 * Reads pages for somebody in another network namespace: a URL per line comes in, a line of JSON goes out, `null` for a
 * page that can't be read.
 */

import process from "node:process";
import { createInterface } from "node:readline";

for await (const url of createInterface({ input: process.stdin })) {
  let text = "null";
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
    text = JSON.stringify(await response.json());
  } catch {
    // The line says so.
  }
  console.log(text);
}
