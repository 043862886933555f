/**
 * Status pages of a node as a Hono app.
 *
 * ```ts
 * import { createNode } from "@althing/cluster";
 * import { denoRuntime } from "@althing/cluster/deno";
 * import { statusApp } from "@althing/cluster/hono";
 *
 * const runtime = denoRuntime();
 * const node = await createNode(runtime, { cluster_config: { enabled: false } });
 * const app = statusApp(node);
 * await using server = await runtime.http.serve({ ip: "127.0.0.1", port: 8080, handler: app.fetch });
 * console.log(`status at http://${server.local}/cluster/status`);
 * ```
 *
 * @module
 */

export * from "./status_app.ts";
