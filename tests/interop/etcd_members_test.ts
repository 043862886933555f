/**
 * Discovery by etcd while its members die, hang, lose one another and come back; and while it forgets.
 */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { EtcdFollower } from "./etcd_follower.ts";
import { EtcdProxy } from "./etcd_proxy.ts";
import { type EtcdMember, EtcdServer, etcdSkipReason } from "./etcd_server.ts";

const skip = etcdSkipReason();
const runtime = await runtimeUnderTest();
const trio = skip === false ? await EtcdServer.start({ members: 3 }) : undefined;
const solo = skip === false ? await EtcdServer.start() : undefined;
after(() => Promise.all([trio?.[Symbol.asyncDispose](), solo?.[Symbol.asyncDispose]()]));

let services = 0;

/** A service of its own for each test. */
function service(): { readonly serviceName: string; readonly prefix: string } {
  const serviceName = `gw-${++services}`;
  return { serviceName, prefix: `/services/${serviceName}/` };
}

/** With a time limit, for tests that wait for servers. */
function test(claim: string, work: () => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, work);
}

/** The member that leads. */
async function leaderOf({ members }: EtcdServer): Promise<EtcdMember> {
  return await eventually("one member leads", async () => {
    for (const member of members) {
      const { header, leader } = await member.call("/maintenance/status", {});
      if (leader !== undefined && leader === header?.member_id) return member;
    }
    return undefined;
  });
}

/** Has etcd forget all but the present. */
async function compact(member: EtcdMember, prefix: string): Promise<void> {
  const { header } = await member.call("/kv/range", { key: btoa(prefix) });
  await member.call("/kv/compaction", { revision: header!.revision, physical: true });
}

describe("etcd of three members", () => {
  test("keeps nodes registered when its leader is killed, and lists newcomers", async () => {
    const { serviceName } = service();
    const leader = await leaderOf(trio!);
    // The nodes use the leader first.
    const endpoints = [leader, ...trio!.members.filter((one) => one !== leader)]
      .map(({ endpoint }) => endpoint);
    const options = { serviceName, endpoints, leaseMs: 2_000 };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await using b = await EtcdFollower.start(runtime, "b", options);
    await Promise.all([a.announce(), b.announce()]);
    await Promise.all([a.finds(["a", "b"]), b.finds(["a", "b"])]);
    await leader.end("SIGKILL");
    try {
      await using c = await EtcdFollower.start(runtime, "c", options);
      await c.announce();
      await Promise.all([a, b, c].map((node) => node.finds(["a", "b", "c"])));
      // Longer than a lease: who is listed then has renewed it at another member.
      const { answers } = c;
      await new Promise((resolve) => setTimeout(resolve, 2 * options.leaseMs));
      assert.deepEqual([...c.found].sort(), ["a", "b", "c"]);
      assert.equal(c.answers, answers, "nobody came or went");
      assert.deepEqual([...a.forgotten, ...b.forgotten], []);
      assert.ok(a.lines.some((line) => line.startsWith("etcd client error ")), a.lines.join());
    } finally {
      await leader.start();
    }
  });

  test("is asked at another member when one hangs", async () => {
    const { serviceName } = service();
    const options = { serviceName, endpoints: trio!.endpoints, leaseMs: 2_000 };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await a.announce();
    await a.finds(["a"]);
    const [first, second] = trio!.members;
    first!.freeze(true);
    try {
      const elsewhere = { ...options, endpoints: [second!.endpoint] };
      await using b = await EtcdFollower.start(runtime, "b", elsewhere);
      await b.announce();
      await Promise.all([a, b].map((node) => node.finds(["a", "b"])));
    } finally {
      first!.freeze(false);
    }
  });

  test("whose member is cut off from the others is not believed to have no news", async () => {
    const { serviceName, prefix } = service();
    const [first, ...others] = trio!.members;
    await using a = await EtcdFollower.start(runtime, "a", {
      serviceName,
      endpoints: [first!.endpoint],
    });
    await eventually("it has asked", () => a.answers > 0);
    for (const member of others) member.freeze(true);
    try {
      // It only watches: without the mark that asks for a leader, nothing would tell.
      await eventually("it notices", () => a.rejections.length > 0, 10_000);
    } finally {
      for (const member of others) member.freeze(false);
    }
    await leaderOf(trio!);
    await eventually("the members agree again", () => {
      return first!.put(`${prefix}b`, "10.0.0.2:7").then(() => true, () => false);
    }, 20_000);
    await a.finds(["b"]);
  });
});

describe("etcd that is stopped and started", () => {
  test("again and again, with many calls made on the connection, ends no process", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    const options = { serviceName, endpoints: [member!.endpoint] };
    await using a = await EtcdFollower.start(runtime, "a", options);
    for (let round = 1; round <= 4; round++) {
      for (let i = 0; i < 120; i++) await a.announce();
      await a.finds(round === 1 ? ["a"] : ["a", `n${round - 1}`]);
      await member!.end(round % 2 === 0 ? "SIGKILL" : "SIGTERM");
      await member!.start();
      await member!.delete(`${prefix}n`);
      await member!.put(`${prefix}n${round}`, "10.0.0.2:7");
      await a.finds(["a", `n${round}`]);
    }
  });

  test("after the lease has run out has the node again, and says so", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    const options = { serviceName, endpoints: [member!.endpoint], leaseMs: 1_000 };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await a.announce();
    await a.finds(["a"]);
    await member!.end("SIGKILL");
    await eventually("the node takes itself for forgotten", () => a.forgotten.length > 0);
    await member!.start();
    await eventually("it is registered", async () => {
      const pairs = await member!.range(prefix);
      return pairs.length === 1 && a.rejections.length > 0;
    });
    // For longer than the lease that it had before.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal((await member!.range(prefix)).length, 1);
    assert.ok(a.lines.some((line) => line.startsWith("failed to register with etcd ")));
  });

  test("with nothing left of its data has all nodes again", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    const options = { serviceName, endpoints: [member!.endpoint], leaseMs: 1_000 };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await a.announce();
    await member!.end("SIGKILL");
    member!.forgetData();
    await member!.start();
    await eventually("it is registered", async () => (await member!.range(prefix)).length === 1);
    await a.finds(["a"]);
  });
});

describe("etcd that forgets", () => {
  test("a key, deleted by somebody, has the node again at once", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    await using a = await EtcdFollower.start(runtime, "a", {
      serviceName,
      endpoints: [member!.endpoint],
    });
    await a.announce();
    await a.finds(["a"]);
    await member!.delete(prefix);
    await eventually("it is registered", async () => {
      return a.forgotten.length === 1 && (await member!.range(prefix)).length === 1;
    });
    await a.withdraw();
    await a.finds([]);
    assert.equal(a.forgotten.length, 1, a.forgotten.join());
  });

  test("its past, by compaction, is listed anew without a word", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    await using proxy = await EtcdProxy.start(member!.port);
    const options = { serviceName, endpoints: [proxy.endpoint] };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await eventually("it watches", () => proxy.calls === 2);
    // Under a watch that has seen everything.
    await member!.put(`${prefix}b`, "10.0.0.2:7");
    await a.finds(["b"]);
    await compact(member!, prefix);
    await member!.put(`${prefix}c`, "10.0.0.3:7");
    await a.finds(["b", "c"]);
    assert.equal(proxy.calls, 2, "no call more was made");
    assert.deepEqual(a.rejections, []);
  });

  test("its past between the list and the watch is listed anew", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    const options = { serviceName, endpoints: [member!.endpoint] };
    await using a = await EtcdFollower.idle(runtime, "a", options);
    await a.askOnce();
    await member!.put(`${prefix}b`, "10.0.0.2:7");
    await member!.put(`${prefix}c`, "10.0.0.3:7");
    await compact(member!, prefix);
    await a.askOnce();
    assert.deepEqual([...a.found].sort(), ["b", "c"]);
    assert.deepEqual(a.rejections, []);
  });
});

describe("the load on etcd", () => {
  test("is one watch and the renewals, and newcomers cost no call", async () => {
    const { serviceName, prefix } = service();
    const [member] = solo!.members;
    await using proxy = await EtcdProxy.start(member!.port);
    const options = { serviceName, endpoints: [proxy.endpoint], leaseMs: 3_000 };
    await using a = await EtcdFollower.start(runtime, "a", options);
    await a.announce();
    await a.finds(["a"]);
    // A list, a watch, a lease and an entry.
    await eventually("it watches", () => proxy.calls === 4);
    for (let i = 0; i < 10; i++) await member!.put(`${prefix}n${i}`, `10.0.0.${i}:7`);
    await eventually("all are found", () => a.found.length === 11);
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    const renewals = proxy.calls - 4;
    assert.ok(renewals >= 2 && renewals <= 6, `${renewals} calls in about five seconds`);
    assert.equal(proxy.connections, 1);
  });
});
