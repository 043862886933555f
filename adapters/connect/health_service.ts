/**
 * Standard gRPC health.
 *
 * @module
 */

import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { RpcHealth } from "../../mod.ts";
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { LinkService } from "../../proto/gen/cluster/v1/link_pb.ts";
import { STRANGERS_BYTES_MAX } from "./link_service.ts";

const WATCHERS_MAX = 64;
const WATCH_INTERVAL_MS = 500;

/**
 * Serves the node's health under the empty name and under that of the link service. Open to everybody. Those who watch
 * are let go when `closing` fires.
 */
export function healthService(
  router: ConnectRouter,
  health: RpcHealth,
  closing: AbortSignal,
): void {
  const names = ["", LinkService.typeName];
  const now = (): Status => health() === "serving" ? Status.SERVING : Status.NOT_SERVING;
  const statusOf = (service: string): Status =>
    names.includes(service) ? now() : Status.SERVICE_UNKNOWN;
  let watchers = 0;
  router.service(Health, {
    check({ service }): Pick<HealthCheckResponse, "status"> {
      if (!names.includes(service)) throw new ConnectError("unknown service", Code.NotFound);
      return { status: now() };
    },
    list() {
      const status = now();
      return { statuses: Object.fromEntries(names.map((name) => [name, { status }])) };
    },
    async *watch({ service }, { signal }): AsyncGenerator<{ status: Status }> {
      if (watchers >= WATCHERS_MAX) {
        throw new ConnectError("too many watchers", Code.ResourceExhausted);
      }
      watchers++;
      try {
        let told: Status | undefined;
        const over = AbortSignal.any([signal, closing]);
        while (!over.aborted) {
          const status = statusOf(service);
          if (status !== told) yield { status };
          told = status;
          await pause(WATCH_INTERVAL_MS, over);
        }
      } finally {
        watchers--;
      }
    },
  }, { readMaxBytes: STRANGERS_BYTES_MAX });
}

/** Resolves after `ms`, or when `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
