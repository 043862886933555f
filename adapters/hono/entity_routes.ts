import { Hono } from "hono";
import type { ClusterNode, Entity } from "../../mod.ts";
import { problem } from "./problem.ts";
import { writerGuard, type WriterGuardEnv } from "./writer_guard.ts";

/** What the entity pages need of a node. */
export type EntityView = Pick<ClusterNode, "entities">;

/** Items a list answers at once. */
const PAGE_ITEMS_MAX = 500;

/** `GET|PUT|DELETE /{type}/{key}` and `GET /{type}`: values are JSON, for admins only. */
export function entityRoutes(
  view: EntityView,
  adminToken: string | undefined,
): Hono<WriterGuardEnv> {
  const app = new Hono<WriterGuardEnv>();
  app.use("*", writerGuard(adminToken));

  app.get("/:type", (c) => {
    const after = c.req.query("after");
    const limit = Math.min(PAGE_ITEMS_MAX, Math.max(1, Number(c.req.query("limit") ?? 100) || 100));
    const sorted = [...view.entities(c.req.param("type")).list()].sort((a, b) =>
      a.key < b.key ? -1 : 1
    );
    const rest = after === undefined ? sorted : sorted.filter(({ key }) => key > after);
    const page = rest.slice(0, limit);
    return c.json({
      items: page.map((entity) => ({
        key: entity.key,
        version: versionText(entity),
        value: entity.value,
      })),
      next: rest.length > page.length ? page.at(-1)?.key ?? null : null,
    });
  });

  app.get("/:type/:key", (c) => {
    const { type, key } = c.req.param();
    const entity = view.entities(type).entity(key);
    if (entity === undefined) {
      return problem(404, `There is no ${type} with the key ${JSON.stringify(key)}`);
    }
    c.header("etag", JSON.stringify(versionText(entity)));
    return c.json(entity.value as object);
  });

  app.put("/:type/:key", async (c) => {
    const { type, key } = c.req.param();
    let value: unknown;
    try {
      value = await c.req.json();
    } catch {
      return problem(400, `Cannot write ${type}/${key}: the body is not JSON`);
    }
    const version = view.entities(type).set(key, value);
    return c.json({ version: versionText({ version }) });
  });

  app.delete("/:type/:key", (c) => {
    const { type, key } = c.req.param();
    const version = view.entities(type).delete(key);
    return c.json({ version: versionText({ version }) });
  });
  return app;
}

function versionText({ version }: Pick<Entity, "version">): string {
  return `${version.wallMs}.${version.logic}.${version.origin}.${version.boot}`;
}
