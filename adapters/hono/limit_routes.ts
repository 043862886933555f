import { type Context, Hono } from "hono";
import {
  ClusterError,
  type ClusterErrorCode,
  type ClusterNode,
  type DefinedLimit,
  type LimitItem,
  type LimitSpec,
  type LimitStanding,
} from "../../mod.ts";
import { bodyText } from "./body_text.ts";
import { problem } from "./problem.ts";
import { etag, versionText } from "./version_text.ts";
import { writerGuard, type WriterGuardEnv } from "./writer_guard.ts";

/** What the pages of limits need of a node. */
export type LimitView = Pick<ClusterNode, "limits">;

/** Largest body: 256 items with long ids. */
const BODY_BYTES_MAX = 256 * 1024;

/** Fields of a definition that a body may have. */
const FIELDS: ReadonlySet<string> = new Set([
  "limit",
  "window",
  "strength",
  "unit",
  "rolling",
  "calendar",
  "zone",
  "whenIsolated",
  "shadow",
  "nearRatio",
  "largestCall",
]);

/**
 * `GET|PUT|DELETE /{id}`, `GET /` and `POST /consume`, `/settle`, `/refund`: for admins only. A body that can't be used
 * is answered by 400 with one sentence, a definition that can't be kept likewise.
 */
export function limitRoutes(view: LimitView, adminToken: string | undefined): Hono<WriterGuardEnv> {
  const app = new Hono<WriterGuardEnv>();
  app.use("*", writerGuard(adminToken));

  app.post("/consume", (c) =>
    answered(c, "consume", async (body) => {
      const { reserve, reserveMs, timeoutMs } = body;
      const outcome = await view.limits.consume(itemsOf(body, "consume"), {
        ...(reserve === undefined ? {} : { reserve: flagOf(reserve, "reserve") }),
        ...(reserveMs === undefined ? {} : { reserveMs: numberOf(reserveMs, "reserveMs") }),
        ...(timeoutMs === undefined ? {} : { timeoutMs: numberOf(timeoutMs, "timeoutMs") }),
      });
      return { ...outcome, items: outcome.items.map(standingBody) };
    }));

  app.post("/settle", (c) =>
    answered(c, "settle", async (body) => {
      const items = body["items"] === undefined ? [] : itemsOf(body, "settle");
      return { result: await view.limits.settle(reservationOf(body, "settle"), items) };
    }));

  app.post("/refund", (c) =>
    answered(c, "refund", async (body) => {
      return { result: await view.limits.refund(reservationOf(body, "refund")) };
    }));

  app.get("/", (c) => c.json({ items: view.limits.list().map(definedBody) }));

  app.get("/:id", (c) => {
    const id = c.req.param("id");
    const defined = view.limits.get(id);
    const reading = view.limits.read(id);
    if (defined === undefined && reading === undefined) {
      return problem(404, `There is no limit with the id ${JSON.stringify(id)}`);
    }
    if (defined !== undefined) c.header("etag", etag(defined.version));
    const { limit: _, ...rest } = reading ?? { limit: id };
    return c.json({
      ...(defined === undefined ? { id } : definedBody(defined)),
      reading: reading === undefined
        ? null
        : { ...rest, stalenessMs: finiteOrNull(reading.stalenessMs) },
    });
  });

  app.put("/:id", (c) => {
    const id = c.req.param("id");
    return answered(c, `define limit ${JSON.stringify(id)}`, (body) => {
      const unknown = Object.keys(body).find((name) => !FIELDS.has(name));
      if (unknown !== undefined) {
        throw new RangeError(
          `Cannot define limit ${JSON.stringify(id)}: it has the field ${
            JSON.stringify(unknown)
          }, allowed are ${[...FIELDS].join(", ")}`,
        );
      }
      return { version: versionText(view.limits.define(id, body as unknown as LimitSpec)) };
    });
  });

  app.delete("/:id", (c) => {
    try {
      return c.json({ version: versionText(view.limits.delete(c.req.param("id"))) });
    } catch (error) {
      return refusal(error);
    }
  });
  return app;
}

type Body = Readonly<Record<string, unknown>>;

/** Reads a JSON object, acts on it, and answers; what the caller did wrong becomes a problem. */
async function answered(
  c: Context<WriterGuardEnv>,
  attempt: string,
  act: (body: Body) => unknown,
): Promise<Response> {
  const text = await bodyText(c.req.raw, BODY_BYTES_MAX);
  if (text === undefined) {
    return problem(
      413,
      `Cannot ${attempt}: the body is too large, the limit is ${BODY_BYTES_MAX} bytes`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return problem(400, `Cannot ${attempt}: the body is not JSON`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return problem(400, `Cannot ${attempt}: the body is no JSON object`);
  }
  try {
    return c.json(await act(body as Body) as object);
  } catch (error) {
    return refusal(error);
  }
}

/** What a failure means to the caller; what is no fault of his is thrown on. */
function refusal(error: unknown): Response {
  if (error instanceof RangeError) return problem(400, error.message);
  const status = ClusterError.is(error) ? STATUS_OF[error.code] : undefined;
  if (status === undefined) throw error;
  return problem(status, (error as Error).message);
}

const STATUS_OF: Partial<Record<ClusterErrorCode, number>> = {
  "too-large": 413,
  "bad-data": 400,
  "bad-config": 400,
  "closed": 503,
};

function itemsOf(body: Body, attempt: string): LimitItem[] {
  const { items } = body;
  if (!Array.isArray(items)) {
    throw new RangeError(`Cannot ${attempt}: items must be a list of {"limit", "amount"}`);
  }
  return items.map((item: unknown, index) => {
    const { limit, amount } = (item ?? {}) as Body;
    if (typeof limit === "string" && typeof amount === "number") return { limit, amount };
    throw new RangeError(
      `Cannot ${attempt}: items[${index}] must be {"limit", "amount"}, a text and a number`,
    );
  });
}

function reservationOf({ reservation }: Body, attempt: string): string {
  if (typeof reservation === "string") return reservation;
  throw new RangeError(`Cannot ${attempt}: reservation must be the text that consume answered`);
}

function flagOf(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new RangeError(`Cannot consume: ${name} must be true or false`);
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === "number") return value;
  throw new RangeError(`Cannot consume: ${name} must be a number`);
}

function definedBody({ id, definition, version }: DefinedLimit): Record<string, unknown> {
  return { id, version: versionText(version), definition };
}

/** JSON has no infinity. */
function standingBody({ stalenessMs, ...rest }: LimitStanding): Record<string, unknown> {
  return { ...rest, stalenessMs: finiteOrNull(stalenessMs) };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
