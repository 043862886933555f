import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { statusApp, type StatusAppOptions } from "../../../adapters/hono/mod.ts";
import { type ClusterNode, createNode } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

interface Answer {
  readonly status: number;
  readonly type: string;
  // What pages answer is looked at field by field.
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

type Ask = (
  method: string,
  path: string,
  body?: unknown,
  call?: { readonly headers?: Record<string, string>; readonly remote?: string },
) => Promise<Answer>;

/** The pages of a node that talks to nobody. */
async function pages(options: StatusAppOptions = {}): Promise<{ node: ClusterNode; ask: Ask }> {
  const node = await createNode(await runtimeUnderTest(), {
    cluster_config: { enabled: false, node_id: "solo" },
  });
  await eventually("the node is ready", () => node.readiness().ready);
  const app = statusApp(node, options);
  const ask: Ask = async (method, path, body, { headers = {}, remote = "127.0.0.1:5" } = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const request = new Request(`http://127.0.0.1:8080/cluster/limits${path}`, {
      method,
      headers: { host: "127.0.0.1:8080", ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
    const response = await app.fetch(request, { remote });
    const type = response.headers.get("content-type") ?? "";
    return { status: response.status, type, body: await response.json() };
  };
  return { node, ask };
}

const CAP = {
  limit: 10,
  window: "1h",
  strength: "approximate",
  whenIsolated: "limit",
  unit: "tokens",
};

describe("pages of limits", () => {
  it("define, show, list and delete limits", async () => {
    const { ask } = await pages();
    const put = await ask("PUT", "/team%2Fa", CAP);
    assert.equal(put.status, 200);
    assert.match(put.body.version, /^\d+\.\d+\.solo\./);
    const got = await ask("GET", "/team%2Fa");
    assert.equal(got.body.id, "team/a");
    assert.equal(got.body.version, put.body.version);
    const { created, ...definition } = got.body.definition;
    assert.match(created, /^\d+\.\d+\.[0-9a-f]+$/);
    assert.deepEqual(definition, CAP);
    const { resetAt, window, ...reading } = got.body.reading;
    assert.ok(resetAt > Date.now() && window.startsWith("1h/+"));
    assert.deepEqual(reading, {
      remaining: 10,
      stalenessMs: 0,
      of: 10,
      unit: "tokens",
      strength: "approximate",
      used: 0,
      unseenMax: 0,
      isolated: false,
      shadow: false,
    });
    const again = await ask("PUT", "/team%2Fa", { ...CAP, limit: 20 });
    assert.notEqual(again.body.version, put.body.version);
    assert.equal((await ask("GET", "/team%2Fa")).body.definition.created, created);
    assert.deepEqual((await ask("GET", "")).body.items.map(({ id }: { id: string }) => id), [
      "team/a",
    ]);
    assert.equal((await ask("DELETE", "/team%2Fa")).status, 200);
    assert.equal((await ask("GET", "/team%2Fa")).status, 404);
  });

  it("take of several limits, reserve, settle and refund", async () => {
    const { ask, node } = await pages();
    await ask("PUT", "/a", CAP);
    await ask("PUT", "/b", { ...CAP, limit: 100, rolling: true });
    const items = [{ limit: "a", amount: 6 }, { limit: "b", amount: 6 }];
    const taken = await ask("POST", "/consume", { items, reserve: true });
    assert.equal(taken.body.admitted, true);
    assert.deepEqual(
      taken.body.items.map((item: { limit: string; remaining: number; stalenessMs: number }) => [
        item.limit,
        item.remaining,
        item.stalenessMs,
      ]),
      [["a", 4, 0], ["b", 94, 0]],
    );
    const { reservation } = taken.body;
    const refused = await ask("POST", "/consume", { items });
    assert.equal(refused.status, 200);
    assert.equal(refused.body.admitted, false);
    assert.equal(refused.body.limit, "a");
    assert.equal(refused.body.reason, "limit");
    assert.ok(refused.body.retryAfterMs > 0 && refused.body.retryAfterMs <= 3_600_000);
    assert.equal(refused.body.reservation, undefined);
    assert.equal(node.limits.read("b")?.used, 6);
    const settled = await ask("POST", "/settle", {
      reservation,
      items: [{ limit: "a", amount: 1 }],
    });
    assert.deepEqual(settled.body, { result: "settled" });
    assert.deepEqual((await ask("POST", "/settle", { reservation })).body, { result: "unknown" });
    const second = await ask("POST", "/consume", { items, reserve: true, reserveMs: 1_000 });
    const back = await ask("POST", "/refund", { reservation: second.body.reservation });
    assert.deepEqual(back.body, { result: "settled" });
    assert.equal(node.limits.read("a")?.used, 1);
    assert.equal(node.limits.read("b")?.used, 6);
  });

  for (
    const [method, path, body, said] of [
      ["PUT", "/consume", CAP, /are taken, choose another/],
      ["PUT", "/settle", CAP, /are taken/],
      ["PUT", "/refund", CAP, /are taken/],
      ["PUT", "/governance%2Fx", CAP, /are taken/],
      ["PUT", "/a", { ...CAP, window: "1s" }, /window is "1s", allowed is/],
      ["PUT", "/a", { ...CAP, whenIsolated: undefined }, /whenIsolated is missing/],
      ["PUT", "/a", { ...CAP, cap: 1 }, /it has the field "cap", allowed are limit, window/],
      ["PUT", "/a", [], /the body is no JSON object/],
      ["PUT", "/a", "{", /the body is not JSON/],
      ["POST", "/consume", {}, /items must be a list/],
      ["POST", "/consume", { items: [] }, /there must be 1 to 256 items/],
      ["POST", "/consume", { items: [{ limit: "a" }] }, /items\[0\] must be/],
      ["POST", "/consume", { items: [null] }, /items\[0\] must be/],
      ["POST", "/consume", { items: [{ limit: "a", amount: -1 }] }, /Cannot take -1/],
      [
        "POST",
        "/consume",
        { items: [{ limit: "a", amount: 1 }], reserve: 1 },
        /reserve must be true/,
      ],
      ["POST", "/settle", {}, /reservation must be the text/],
      ["POST", "/refund", { reservation: 7 }, /reservation must be the text/],
    ] as const
  ) {
    it(`answer ${method} ${path} with ${JSON.stringify(body)} by what is allowed`, async () => {
      const { ask, node } = await pages();
      const answer = await ask(method, path, body);
      assert.equal(answer.status, 400);
      assert.equal(answer.type, "application/problem+json");
      assert.match(answer.body.detail, said);
      assert.deepEqual(node.limits.list(), []);
    });
  }

  it("are for admins, and for callers on this machine when there is no token", async () => {
    const open = await pages();
    const far = { remote: "10.0.0.9:1" };
    for (
      const [method, path] of [
        ["GET", "/a"],
        ["PUT", "/a"],
        ["DELETE", "/a"],
        ["POST", "/consume"],
        ["POST", "/settle"],
        ["POST", "/refund"],
      ] as const
    ) {
      const body = method === "PUT" || method === "POST" ? {} : undefined;
      assert.equal((await open.ask(method, path, body, far)).status, 403, `${method} ${path}`);
    }
    const guarded = await pages({ adminToken: "admin" });
    assert.equal((await guarded.ask("PUT", "/a", CAP)).status, 401);
    const headers = { authorization: "Bearer admin" };
    assert.equal((await guarded.ask("PUT", "/a", CAP, { ...far, headers })).status, 200);
  });

  it("answer 503 once the node is closed, and 413 to bodies above their bound", async () => {
    const { ask, node } = await pages();
    await ask("PUT", "/a", CAP);
    assert.equal((await ask("POST", "/consume", " ".repeat(262_145))).status, 413);
    await node.close();
    const items = [{ limit: "a", amount: 1 }];
    assert.equal((await ask("POST", "/consume", { items })).status, 503);
    assert.equal((await ask("PUT", "/a", CAP)).status, 503);
  });
});
