import { createNode, formatAddress, type LogSink, type Runtime } from "../../mod.ts";
import { statusApp } from "../hono/mod.ts";
import { openDiscovery } from "./open_discovery.ts";
import { openStorage } from "./open_storage.ts";
import { loadConfig } from "./load_config.ts";

/**
 * Runs a node from a config file until SIGTERM or SIGINT, then drains and answers. Throws `ClusterError` when the
 * node cannot start; nothing is left open then.
 */
export async function runAgent(runtime: Runtime, configPath: string, log: LogSink): Promise<void> {
  const file = await loadConfig(configPath, runtime.files);
  const stopping = new Promise<string>((resolve) => {
    const release = runtime.signals.onStop((signal) => {
      release();
      resolve(signal);
    });
  });
  await using node = await createNode(runtime, file, {
    log,
    storage: openStorage,
    discovery: openDiscovery,
  });
  const { ip, port, adminToken, readToken } = node.config.status;
  const app = statusApp(node, {
    ...(adminToken === undefined ? {} : { adminToken }),
    ...(readToken === undefined ? {} : { readToken }),
  });
  await using server = await runtime.http.serve({ ip, port, handler: app.fetch });
  log({
    level: "info",
    message: `status at http://${server.local}/cluster/status`,
    fields: { bound: formatAddress(ip, port) },
  });
  const signal = await stopping;
  log({ level: "info", message: "draining", fields: { signal } });
  await node.leave();
}
