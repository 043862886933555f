/**
 * The runtime that the tests run on.
 *
 * @module
 */

import type { Runtime } from "../mod.ts";

/** Makes it; only its own adapter is loaded. */
export async function runtimeUnderTest(): Promise<Runtime> {
  const globals = globalThis as { readonly Deno?: unknown; readonly Bun?: unknown };
  if (globals.Deno !== undefined) return (await import("../adapters/deno/mod.ts")).denoRuntime();
  if (globals.Bun !== undefined) return (await import("../adapters/bun/mod.ts")).bunRuntime();
  return (await import("../adapters/node/mod.ts")).nodeRuntime();
}
