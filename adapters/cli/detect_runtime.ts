import type { Runtime } from "../../mod.ts";

/** The runtime this program runs on; only its own adapter is loaded. */
export async function detectRuntime(): Promise<Runtime> {
  const globals = globalThis as { readonly Deno?: unknown; readonly Bun?: unknown };
  if (globals.Deno !== undefined) return (await import("../deno/mod.ts")).denoRuntime();
  if (globals.Bun !== undefined) return (await import("../bun/mod.ts")).bunRuntime();
  return (await import("../node/mod.ts")).nodeRuntime();
}
