/**
 * The status pages as a Hono app over a read-only view; opens no port.
 *
 * @module
 */

import { Hono } from "hono";
import { ClusterError, type ClusterMember, type ClusterNode, type HttpHandler } from "../../mod.ts";
import { hasBearer } from "./bearer.ts";
import { entityRoutes } from "./entity_routes.ts";
import { limitRoutes } from "./limit_routes.ts";
import { problem } from "./problem.ts";
import { writerGuard, type WriterGuardEnv } from "./writer_guard.ts";

/** What the pages read: every running node is one. */
export type StatusView =
  & Pick<
    ClusterNode,
    "members" | "leaders" | "readiness" | "status" | "entities" | "limits"
  >
  & Partial<Pick<ClusterNode, "doctor">>;

/** Who may read. */
export interface StatusAppOptions {
  /** Bearer that `/cluster/*` demands; absent: readable by whoever reaches the port. Never `/health` nor `/ready`. */
  readonly readToken?: string;
  /**
   * Bearer for entity values, read and written, and for everything else as well; absent: entity values are for
   * callers on this machine only.
   */
  readonly adminToken?: string;
}

/** A fetch handler, so that no vendor type crosses our surface. */
export interface StatusApp {
  /** Answers one request. */
  readonly fetch: HttpHandler;
}

/**
 * Serves `/health`, `/ready`, `/cluster/status`, `/cluster/members`, `/cluster/leaders` (spec `cluster.md` 9) and
 * `/cluster/node`, the whole snapshot of this node, `/cluster/doctor`, which examines the cluster,
 * `/cluster/entities/{type}/{key}` and `/cluster/limits/{id}`.
 */
export function statusApp(view: StatusView, options: StatusAppOptions = {}): StatusApp {
  const app = new Hono<WriterGuardEnv>();
  const tokens = [options.readToken, options.adminToken].filter((token) => token !== undefined);

  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/ready", (c) => {
    const readiness = view.readiness();
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  app.route("/cluster/entities", entityRoutes(view, options.adminToken));
  app.route("/cluster/limits", limitRoutes(view, options.adminToken));
  app.get("/cluster/doctor", writerGuard(options.adminToken), async (c) => {
    if (view.doctor === undefined) return c.notFound();
    try {
      return c.json(await view.doctor());
    } catch (error) {
      if (ClusterError.is(error, "closed")) return problem(503, error.message);
      throw error;
    }
  });
  if (options.readToken !== undefined) {
    app.use("/cluster/*", async (c, next) => {
      if (await hasBearer(c.req.header("authorization"), tokens)) return await next();
      return problem(401, "This page needs a bearer token: set the header Authorization", {
        "www-authenticate": "Bearer",
      });
    });
  }
  app.get("/cluster/status", (c) => c.json(clusterStatus(view)));
  app.get("/cluster/members", (c) => c.json(view.members().map(memberRow)));
  app.get("/cluster/leaders", (c) => {
    const { cluster, regions } = view.leaders();
    return c.json({ cluster: cluster ?? null, regions: Object.fromEntries(regions) });
  });
  app.get("/cluster/node", (c) => c.json(view.status()));
  app.notFound((c) => problem(404, `No such page: ${c.req.path}`));
  app.onError((error) => problem(500, `The page failed: ${error.message}`));
  return { fetch: (request, peer) => app.fetch(request, { remote: peer?.remote }) };
}

function clusterStatus(view: StatusView): Record<string, unknown> {
  const present = view.members().filter(({ state }) => state !== "left");
  const healthy = present.filter((member) => member.healthy).length;
  return {
    local_node: view.status().memberName,
    members: present.length,
    healthy_members: healthy,
    cluster_health: healthy === present.length ? "HEALTHY" : "NOT HEALTHY",
  };
}

function memberRow(member: ClusterMember): Record<string, unknown> {
  return {
    node_id: member.nodeId,
    name: member.name,
    address: member.address,
    rpc: member.rpc ?? null,
    region: member.region,
    state: member.state,
    healthy: member.healthy,
    ...(member.reason === undefined ? {} : { reason: member.reason }),
    capabilities: member.capabilities,
    foreign: member.foreign,
    version: member.version,
    incarnation: member.incarnation,
    ...(member.rttMs === undefined ? {} : { rtt_ms: member.rttMs }),
    ...(member.evidence === undefined ? {} : { evidence: member.evidence }),
  };
}
