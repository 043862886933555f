import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type StatusApp,
  statusApp,
  type StatusAppOptions,
  type StatusView,
} from "../../../adapters/hono/mod.ts";
import { ClusterError, type ClusterNode, createNode, type Entities } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

const LOCAL = "127.0.0.1:50000";

interface Call {
  readonly method?: string;
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly headers?: Record<string, string>;
  readonly remote?: string | undefined;
}

/** Asks an app as its host would. */
async function ask(app: StatusApp, path: string, call: Call = {}): Promise<Response> {
  const { method = "GET", body, headers = {}, remote = "remote" in call ? undefined : LOCAL } =
    call;
  const init = {
    method,
    headers: { host: "127.0.0.1:8080", ...headers },
    ...(body === undefined ? {} : { body, duplex: "half" }),
  };
  return await app.fetch(new Request(`http://127.0.0.1:8080${path}`, init), { remote });
}

/** What the pages read of a node, to be changed by tests. */
function viewOf(node: ClusterNode): StatusView {
  return {
    members: () => node.members(),
    leaders: () => node.leaders(),
    readiness: () => node.readiness(),
    status: () => node.status(),
    entities: (type) => node.entities(type),
    limits: node.limits,
  };
}

async function pages(options: StatusAppOptions = {}, nodeId = "solo"): Promise<{
  node: ClusterNode;
  call: (path: string, call?: Call) => Promise<Response>;
}> {
  const node = await createNode(await runtimeUnderTest(), {
    cluster_config: { enabled: false, node_id: nodeId },
  });
  await eventually("the node is ready", () => node.readiness().ready);
  const app = statusApp(node, options);
  return {
    node,
    call: (path, call) => ask(app, path, call),
  };
}

describe("status pages", () => {
  it("answer health always, and ready until the node drains", async () => {
    const { node, call } = await pages();
    assert.equal((await call("/health")).status, 200);
    assert.equal((await call("/ready")).status, 200);
    await node.leave();
    assert.equal((await call("/health")).status, 200);
    const ready = await call("/ready");
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { ready: false, reason: "the node is leaving" });
  });

  it("show cluster, members and leaders in the shapes operators know", async () => {
    await using node = (await pages()).node;
    const { call } = await pages();
    assert.deepEqual(await (await call("/cluster/status")).json(), {
      local_node: node.status().memberName,
      members: 1,
      healthy_members: 1,
      cluster_health: "HEALTHY",
    });
    assert.deepEqual(await (await call("/cluster/leaders")).json(), {
      cluster: "solo",
      regions: { unknown: "solo" },
    });
    const [member] = await (await call("/cluster/members")).json() as Record<string, unknown>[];
    assert.equal(member?.["node_id"], "solo");
    assert.equal(member?.["state"], "alive");
    assert.equal(member?.["healthy"], true);
    assert.equal((await (await call("/cluster/node")).json() as { nodeId: string }).nodeId, "solo");
  });

  it("ask for the read token on cluster pages, never on probes", async () => {
    const { call } = await pages({ readToken: "reader", adminToken: "admin" });
    assert.equal((await call("/health")).status, 200);
    assert.equal((await call("/cluster/status")).status, 401);
    for (const token of ["reader", "admin"]) {
      const headers = { authorization: `Bearer ${token}` };
      assert.equal((await call("/cluster/status", { headers })).status, 200);
    }
    assert.equal(
      (await call("/cluster/status", { headers: { authorization: "Bearer reade" } })).status,
      401,
    );
  });

  it("examine the cluster for admins and callers on this machine alone", async () => {
    const { node, call } = await pages();
    await using _node = node;
    const alone = await call("/cluster/doctor");
    assert.equal(alone.status, 503);
    assert.match(await alone.text(), /talks to nobody/);
    assert.equal((await call("/cluster/doctor", { remote: "10.0.0.9:5000" })).status, 403);
    const guarded = await pages({ adminToken: "one-long-admin-token" });
    await using _guarded = guarded.node;
    assert.equal((await guarded.call("/cluster/doctor")).status, 401);
    const lines = { self: "10.0.0.1:1", ok: true, lines: [] };
    const app = statusApp({ ...viewOf(node), doctor: () => Promise.resolve(lines) });
    assert.deepEqual(await (await ask(app, "/cluster/doctor")).json(), lines);
  });

  it("write, read, list and delete entities for callers on this machine", async () => {
    const { call } = await pages();
    for (const key of ["b", "a", "c/d"]) {
      const path = `/cluster/entities/team/${encodeURIComponent(key)}`;
      assert.equal(
        (await call(path, { method: "PUT", body: JSON.stringify({ key }) })).status,
        200,
      );
    }
    const one = await call("/cluster/entities/team/c%2Fd");
    assert.deepEqual(await one.json(), { key: "c/d" });
    assert.match(one.headers.get("etag") ?? "", /^"\d+\.\d+\.solo\.[0-9a-f]+"$/);
    const page = await (await call("/cluster/entities/team?limit=2")).json() as {
      items: { key: string }[];
      next: string;
    };
    assert.deepEqual(page.items.map(({ key }) => key), ["a", "b"]);
    const rest = await (await call(`/cluster/entities/team?after=${page.next}`))
      .json() as typeof page;
    assert.deepEqual(rest.items.map(({ key }) => key), ["c/d"]);
    assert.equal((await call("/cluster/entities/team/a", { method: "DELETE" })).status, 200);
    assert.equal((await call("/cluster/entities/team/a")).status, 404);
    assert.equal(
      (await call("/cluster/entities/team/a", { method: "PUT", body: "{" })).status,
      400,
    );
  });

  it("answer a write that waits with every node's answer, and 202 when too few have it", async () => {
    const { node, call } = await pages();
    const put = async (query: string) => {
      const path = `/cluster/entities/team/t?${query}`;
      return await call(path, { method: "PUT", body: "1" });
    };
    const done = await put("await=all&timeoutMs=1000");
    assert.equal(done.status, 200);
    const { version, ...rest } = await done.json() as { version: string };
    assert.match(version, /^\d+\.\d+\.solo\./);
    assert.deepEqual(rest, {
      reached: true,
      answers: [{ node: "solo", region: "unknown", answer: "applied" }],
    });
    for (const query of ["await=most", "await=all&timeoutMs=0", "await=all&timeoutMs=x"]) {
      assert.equal((await put(query)).status, 400, query);
    }
    const gone = await call("/cluster/entities/team/t?await=majority", { method: "DELETE" });
    assert.equal(gone.status, 200);
    assert.equal(node.entities("team").get("t"), undefined);
    const long = "x".repeat(2_000);
    assert.equal(
      (await call(`/cluster/entities/team/${long}?await=all`, { method: "PUT", body: "1" })).status,
      413,
    );
  });

  it("stream the changes of a type to whoever watches, beginning at once", async () => {
    const { node, call } = await pages();
    node.entities("team").set("old", 1);
    const response = await call("/cluster/entities/team?watch=1&initial=1");
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.ok(reader !== undefined);
    assert.equal((await reader.read()).value, ": watching\n\n");
    const next = async (): Promise<unknown> => {
      const text = (await reader.read()).value ?? "";
      const match = /^event: change\ndata: (.*)\n\n$/.exec(text);
      const { version, ...change } = JSON.parse(match?.[1] ?? "{}");
      assert.match(version, /^\d+\.\d+\.solo\./);
      return change;
    };
    assert.deepEqual(await next(), { key: "old", value: 1 });
    node.entities("customer").set("other", 1);
    node.entities("team").set("old", 2);
    assert.deepEqual(await next(), { key: "old", value: 2, old: 1 });
    node.entities("team").delete("old");
    assert.deepEqual(await next(), { key: "old", old: 2 });
    await reader.cancel();
    assert.equal(
      (await call("/cluster/entities/team?watch=1", { remote: "10.0.0.9:1" })).status,
      403,
    );
  });

  it("show versions of nodes with any name as an ETag", async () => {
    const { node, call } = await pages({}, 'düsseldorf-東京-"1"');
    node.entities("team").set("t", 1);
    const response = await call("/cluster/entities/team/t");
    assert.equal(response.status, 200);
    assert.match(
      response.headers.get("etag") ?? "",
      /^"\d+\.\d+\.d%C3%BCsseldorf-%E6%9D%B1%E4%BA%AC-%221%22\.[0-9a-f]+"$/,
    );
  });

  for (
    const [method, path] of [
      ["GET", "_seed"],
      ["GET", "_seed?watch=1"],
      ["GET", "_seed/applied"],
      ["PUT", "_seed/applied"],
      ["PUT", "_seed/applied?await=all"],
      ["DELETE", "_seed/applied"],
      ["GET", "%5Fseed/applied"],
    ] as const
  ) {
    it(`keep to themselves what the cluster stores for itself: ${method} ${path}`, async () => {
      const { node, call } = await pages();
      node.entities("_seed").set("applied", 1);
      const response = await call(`/cluster/entities/${path}`, {
        method,
        ...(method === "PUT" ? { body: "2" } : {}),
      });
      assert.equal(response.status, 403);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      assert.equal(node.entities("_seed").get("applied"), 1);
    });
  }

  for (
    const [code, status] of [["too-large", 413], ["bad-data", 400], ["closed", 503]] as const
  ) {
    it(`answer a write that fails with ${code} by ${status}`, async () => {
      await using node = (await pages()).node;
      const fail = (): never => {
        throw new ClusterError(code, `Cannot write "team/t": ${code}`);
      };
      const entities = { ...node.entities("team"), set: fail, delete: fail };
      const app = statusApp({
        ...viewOf(node),
        entities: <T>() => entities as unknown as Entities<T>,
      });
      for (const method of ["PUT", "DELETE"]) {
        const response = await ask(app, "/cluster/entities/team/t", {
          method,
          ...(method === "PUT" ? { body: "1" } : {}),
        });
        assert.equal(response.status, status);
        assert.deepEqual(await response.json(), {
          status,
          detail: `Cannot write "team/t": ${code}`,
        });
      }
    });
  }

  it("take bodies of 17 MiB at most, and read no further", async () => {
    const { node, call } = await pages();
    const limit = 17 * 1024 * 1024;
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    let pulled = 0;
    const long = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += chunk.length;
        controller.enqueue(chunk);
        if (pulled > 2 * limit) controller.close();
      },
    });
    const streamed = await call("/cluster/entities/team/t", { method: "PUT", body: long });
    assert.equal(streamed.status, 413);
    assert.match((await streamed.json() as { detail: string }).detail, /17825792 bytes/);
    assert.ok(pulled <= limit + 3 * chunk.length, `${pulled} bytes were read`);
    const announced = await call("/cluster/entities/team/t", {
      method: "PUT",
      body: "1",
      headers: { "content-length": String(limit + 1) },
    });
    assert.equal(announced.status, 413);
    assert.equal(node.entities("team").size, 0);
    const padded = `${" ".repeat(limit - 1)}1`;
    const whole = await call("/cluster/entities/team/t", { method: "PUT", body: padded });
    assert.equal(whole.status, 200);
  });

  for (
    const [who, call] of [
      ["another machine", { remote: "10.0.0.9:50000" }],
      ["a host that tells no peer address", { remote: undefined }],
      ["a page in a browser that rebinds a name", { headers: { host: "evil.example" } }],
      ["a proxy", { headers: { "x-forwarded-for": "10.0.0.9" } }],
    ] as const
  ) {
    it(`refuse entity values to ${who}`, async () => {
      const app = statusApp((await pages()).node);
      const request = new Request("http://127.0.0.1:8080/cluster/entities/team", {
        headers: { host: "127.0.0.1:8080", ...("headers" in call ? call.headers : {}) },
      });
      const response = await app.fetch(request, { remote: "remote" in call ? call.remote : LOCAL });
      assert.equal(response.status, 403);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
    });
  }

  it("let the admin token in from anywhere, and nobody else", async () => {
    const { call } = await pages({ adminToken: "admin" });
    const headers = { authorization: "Bearer admin" };
    assert.equal(
      (await call("/cluster/entities/team", { remote: "10.0.0.9:1", headers })).status,
      200,
    );
    assert.equal((await call("/cluster/entities/team")).status, 401);
  });

  it("say what is missing where there is no page", async () => {
    const response = await (await pages()).call("/nothing");
    assert.equal(response.status, 404);
    assert.match(await response.text(), /No such page: \/nothing/);
  });
});
