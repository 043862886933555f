import { type Context, Hono } from "hono";
import {
  type AwaitLevel,
  type AwaitOptions,
  ClusterError,
  type ClusterErrorCode,
  type ClusterNode,
  type Version,
  type WriteOutcome,
} from "../../mod.ts";
import { bodyText } from "./body_text.ts";
import { watchResponse } from "./entity_watch.ts";
import { problem } from "./problem.ts";
import { etag, versionText } from "./version_text.ts";
import { writerGuard, type WriterGuardEnv } from "./writer_guard.ts";

/** What the entity pages need of a node. */
export type EntityView = Pick<ClusterNode, "entities">;

/** Largest body of a write: a value at its limit of 16 MiB, and some room for how its JSON is written. */
const BODY_BYTES_MAX = 17 * 1024 * 1024;

/** Items a list answers at once. */
const PAGE_ITEMS_MAX = 500;

/** The longest that a writer waits for others. */
const TIMEOUT_MS_MAX = 600_000;

const LEVELS: readonly AwaitLevel[] = ["local", "region", "majority", "all"];

/**
 * `GET|PUT|DELETE /{type}/{key}` and `GET /{type}`: values are JSON, for admins only. `PUT` and `DELETE` take
 * `?await=local|region|majority|all&timeoutMs=` and then answer with every node's answer, 202 when too few have applied
 * it; the list takes `?watch=1` (and `initial=1`) and becomes server-sent events. Types that begin with `_` are the
 * cluster's own and refused; bodies have 17 MiB at most.
 */
export function entityRoutes(
  view: EntityView,
  adminToken: string | undefined,
): Hono<WriterGuardEnv> {
  const app = new Hono<WriterGuardEnv>();
  app.use("*", writerGuard(adminToken));
  app.use("/:type/*", async (c, next) => {
    const type = c.req.param("type");
    if (!type.startsWith("_")) return await next();
    return problem(
      403,
      `Types that begin with "_" are the cluster's own: there is no page for "${type}"`,
    );
  });

  app.get("/:type", (c) => {
    if (c.req.query("watch") === "1") {
      return watchResponse(view.entities(c.req.param("type")), {
        initial: c.req.query("initial") === "1",
        signal: c.req.raw.signal,
      });
    }
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
        version: versionText(entity.version),
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
    c.header("etag", etag(entity.version));
    return c.json(entity.value as object);
  });

  app.put("/:type/:key", async (c) => {
    const { type, key } = c.req.param();
    const text = await bodyText(c.req.raw, BODY_BYTES_MAX);
    if (text === undefined) {
      return problem(
        413,
        `Cannot write ${type}/${key}: the body is too large, the limit is ${BODY_BYTES_MAX} bytes`,
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return problem(400, `Cannot write ${type}/${key}: the body is not JSON`);
    }
    const entities = view.entities(type);
    return await written(
      c,
      `write ${type}/${key}`,
      () => entities.set(key, value),
      (options) => entities.set(key, value, options),
    );
  });

  app.delete("/:type/:key", async (c) => {
    const { type, key } = c.req.param();
    const entities = view.entities(type);
    return await written(
      c,
      `delete ${type}/${key}`,
      () => entities.delete(key),
      (options) => entities.delete(key, options),
    );
  });
  return app;
}

/** Writes as the query asks for and answers with the version, and with the others' answers if it waits for them. */
async function written(
  c: Context<WriterGuardEnv>,
  attempt: string,
  write: () => Version,
  writeAwaited: (options: AwaitOptions) => Promise<WriteOutcome>,
): Promise<Response> {
  const level = c.req.query("await");
  const timeout = c.req.query("timeoutMs");
  const timeoutMs = Number(timeout ?? 5_000);
  if (level !== undefined && !isLevel(level)) {
    return problem(400, `Cannot ${attempt}: await must be one of ${LEVELS.join(", ")}`);
  }
  if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX)) {
    return problem(400, `Cannot ${attempt}: timeoutMs must be a number of 1 to ${TIMEOUT_MS_MAX}`);
  }
  try {
    if (level === undefined) return c.json({ version: versionText(write()) });
    const { reached, version, answers, because } = await writeAwaited({ await: level, timeoutMs });
    const body = { version: versionText(version), reached, because, answers };
    return c.json(body, reached ? 200 : 202);
  } catch (error) {
    const status = ClusterError.is(error) ? STATUS_OF[error.code] : undefined;
    if (status === undefined) throw error;
    return problem(status, (error as Error).message);
  }
}

/** What a failed write means to the caller. */
const STATUS_OF: Partial<Record<ClusterErrorCode, number>> = {
  "too-large": 413,
  "bad-data": 400,
  "closed": 503,
};

function isLevel(text: string): text is AwaitLevel {
  return (LEVELS as readonly string[]).includes(text);
}
