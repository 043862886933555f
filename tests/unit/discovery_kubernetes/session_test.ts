/**
 * Which pods are candidates, and how a session keeps its list: one list, one watch, resumed where it ended.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Candidate } from "../../../mod.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";
import { eventually } from "../../eventually.ts";
import { Account, PodSession } from "./pod_session.ts";
import { podAt, ScriptedApi, sendStatus } from "./scripted_api.ts";

/** Runs `work` with a session whose watch is open after its first answer. */
async function watching(
  pods: readonly unknown[],
  work: (api: ScriptedApi, session: PodSession, first: readonly Candidate[]) => Promise<void>,
): Promise<void> {
  await using api = await ScriptedApi.start();
  using account = await Account.make(api.port);
  api.pods = pods;
  await using session = await account.open();
  const first = await session.next();
  await eventually("a watch is open", () => api.watches.length === 1);
  await work(api, session, first);
}

/** The candidates of a first list. */
async function found(...pods: readonly unknown[]): Promise<readonly Candidate[]> {
  let found: readonly Candidate[] = [];
  await watching(pods, (_api, _session, first) => {
    found = first;
    return Promise.resolve();
  });
  return found;
}

describe("a pod", () => {
  it("that runs is told with its named port", async () => {
    assert.deepEqual(await found(podAt("a", "10.1.0.2")), [{ host: "10.1.0.2", port: 7946 }]);
  });

  it("is told with the port of a sidecar, the RPC port, or none", async () => {
    const spec = (key: string, name: string, containerPort: unknown): object => ({
      ...podAt(name, "10.1.0.2"),
      spec: { [key]: [{}, { ports: [{ name, containerPort }] }] },
    });
    assert.deepEqual(await found(spec("initContainers", "gossip", 7)), [{
      host: "10.1.0.2",
      port: 7,
    }]);
    assert.deepEqual(await found(spec("containers", "grpc", 8)), [{
      host: "10.1.0.2",
      rpcPort: 8,
    }]);
    for (const bad of [0, 65536, 1.5, "7"]) {
      assert.deepEqual(await found(spec("containers", "gossip", bad)), [{ host: "10.1.0.2" }]);
    }
  });

  it("that is not ready is told after those that are", async () => {
    const unready = { conditions: [{ type: "Ready", status: "False" }] };
    const pods = [
      podAt("a", "10.1.0.2", unready),
      podAt("c", "10.1.0.4"),
      podAt("b", "10.1.0.3"),
      podAt("d", "10.1.0.5", { conditions: null }),
    ];
    const hosts = (await found(...pods)).map(({ host }) => host);
    assert.deepEqual(hosts, ["10.1.0.3", "10.1.0.4", "10.1.0.2", "10.1.0.5"]);
  });

  it("that is terminating, does not run or has no address is not told", async () => {
    const terminating = podAt("a", "10.1.0.2");
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const pods = [
      { ...terminating, metadata: { ...terminating["metadata"] as object, deletionTimestamp } },
      podAt("b", "10.1.0.3", { phase: "Pending" }),
      podAt("c", "10.1.0.4", { phase: "Succeeded" }),
      podAt("d", "", { podIPs: [] }),
    ];
    assert.deepEqual(await found(...pods), []);
  });

  it("of two families is told by the address of ours", async () => {
    const podIPs = [{ ip: "fd00::2" }, { ip: "10.1.0.2" }];
    assert.deepEqual(await found(podAt("a", "fd00::2", { podIPs })), [
      { host: "10.1.0.2", port: 7946 },
    ]);
    assert.deepEqual(await found(podAt("a", "fd00::2", { podIPs: [] })), [
      { host: "fd00::2", port: 7946 },
    ]);
  });

  it("that is our own is not told, also by its mapped address", async () => {
    const own = { ...podAt("gw-1", "10.1.0.1"), spec: {} };
    assert.deepEqual(await found(own), []);
    const mapped = { ...podAt("gw-1", "::ffff:10.1.0.1"), spec: {} };
    assert.deepEqual(await found(mapped), []);
  });

  it("that shares our address on the host's network is told by its port", async () => {
    assert.deepEqual(await found(podAt("gw-2", "10.1.0.1")), [{ host: "10.1.0.1", port: 7946 }]);
  });

  it("whose address is none is skipped with a line in the log", async () => {
    await watching([podAt("a", "10.1.0.02"), podAt("b", "10.1.0.3")], (_api, session, first) => {
      assert.deepEqual(first.map(({ host }) => host), ["10.1.0.3"]);
      const [record] = session.said("skipping invalid host address");
      assert.deepEqual(record?.fields, { pod: "a", address: '"10.1.0.02"' });
      return Promise.resolve();
    });
  });
});

describe("a session", () => {
  it("asks for one list and one watch, and tells what the watch tells", async () => {
    await watching([], async (api, session) => {
      api.tell("ADDED", podAt("a", "10.1.0.2", { phase: "Pending" }));
      api.tell("MODIFIED", podAt("a", "10.1.0.2"));
      assert.equal(await session.hosts(), "10.1.0.2");
      api.tell("ADDED", podAt("b", "10.1.0.3"));
      assert.equal(await session.hosts(), "10.1.0.2 10.1.0.3");
      api.tell("DELETED", podAt("a", "10.1.0.2"));
      assert.equal(await session.hosts(), "10.1.0.3");
      const asked = api.questions.map(({ path, query }) => {
        return `${path} ${query.get("labelSelector")} ${query.get("watch")} ` +
          `${query.get("resourceVersion")} ${query.get("allowWatchBookmarks")}`;
      });
      const path = "/api/v1/namespaces/default/pods app=gw";
      assert.deepEqual(asked, [`${path} null null null`, `${path} true 1 true`]);
      const seconds = Number(api.questions[1]?.query.get("timeoutSeconds"));
      assert.ok(seconds >= 240 && seconds < 360, `${seconds} s`);
    });
  });

  it("tells pods that come together at once, and nothing when nothing changes for peers", async () => {
    await watching([], async (api, session) => {
      api.tell("ADDED", podAt("a", "10.1.0.2"));
      assert.equal(await session.hosts(), "10.1.0.2");
      for (let i = 3; i < 50; i++) api.tell("ADDED", podAt(`b${i}`, `10.1.0.${i}`));
      for (let i = 3; i < 50; i++) api.tell("MODIFIED", podAt(`b${i}`, `10.1.0.${i}`));
      assert.equal((await session.next()).length, 48);
      const news = session.next();
      api.tell("MODIFIED", podAt("a", "10.1.0.2", { conditions: [] }));
      api.tell("MODIFIED", podAt("a", "10.1.0.99"));
      assert.match((await news).map(({ host }) => host).join(" "), /10\.1\.0\.99/);
    });
  });

  it("resumes a watch that ended from the last event or bookmark", async () => {
    const clock = new ManualClock();
    await using api = await ScriptedApi.start();
    using account = await Account.make(api.port);
    await using session = await PodSession.open(account.provider(), { ...account.runtime, clock });
    await session.next();
    for (const [version, type] of [["7", "ADDED"], ["9", "BOOKMARK"]] as const) {
      await eventually("a watch is open", () => api.watches.length === 1);
      api.tell("ADDED", podAt(`before-${version}`, "10.1.0.2"));
      await session.next();
      const pod = podAt(`at-${version}`, "10.1.0.2");
      const metadata = { ...pod["metadata"] as object, resourceVersion: version };
      api.tell(type, type === "BOOKMARK" ? { metadata } : { ...pod, metadata });
      await clock.advance(1_000);
      const asked = api.watchesAsked;
      api.watches[0]?.end();
      await eventually("the watch is resumed", () => api.watchesAsked === asked + 1);
      assert.equal(api.questions.at(-1)?.query.get("resourceVersion"), version);
      if (type === "ADDED") await session.next();
    }
    assert.equal(api.questions.length - api.watchesAsked, 1);
  });

  it("gives up a watch that has fallen silent, and resumes it", async () => {
    const clock = new ManualClock();
    await using api = await ScriptedApi.start();
    using account = await Account.make(api.port);
    await using session = await PodSession.open(account.provider(), { ...account.runtime, clock });
    await session.next();
    await eventually("a watch is open", () => api.watches.length === 1);
    api.tell("ADDED", podAt("a", "10.1.0.2"));
    await session.next();
    await clock.advance(149_000);
    assert.equal(api.watchesAsked, 1);
    await clock.advance(2_000);
    await eventually("it is given up", () => api.watchesAsked === 2);
    await eventually("the first one is closed", () => api.watches.length === 1);
    assert.equal(api.questions.length, 3);
  });

  it("lists anew when its version is gone, told by an event or by a status", async () => {
    await watching([], async (api, session) => {
      api.pods = [podAt("a", "10.1.0.2")];
      api.version = "50";
      api.tell("ERROR", { kind: "Status", code: 410, reason: "Expired" });
      assert.equal(await session.hosts(), "10.1.0.2");
      await eventually("a watch is open", () => api.watchesAsked === 2);
      assert.equal(api.questions.at(-1)?.query.get("resourceVersion"), "50");
      assert.equal(session.said("error listing pods").length, 0);
    });
    await using api = await ScriptedApi.start();
    using account = await Account.make(api.port);
    await using session = await account.open();
    const { onWatch } = api;
    api.onWatch = (_question, answer) => {
      api.onWatch = onWatch;
      api.pods = [podAt("a", "10.1.0.2")];
      sendStatus(answer, 410, "too old resource version");
    };
    assert.equal(await session.hosts(), "");
    assert.equal(await session.hosts(), "10.1.0.2");
  });

  it("keeps its watch when a caller gives up, and tells the next call everything", async () => {
    await watching([podAt("b", "10.1.0.3")], async (api, session) => {
      const controller = new AbortController();
      const given = session.session.next(controller.signal);
      controller.abort();
      await assert.rejects(given, { code: "aborted" });
      assert.equal(await session.hosts(), "10.1.0.3");
      api.tell("ADDED", podAt("a", "10.1.0.2"));
      assert.equal(await session.hosts(), "10.1.0.2 10.1.0.3");
      assert.equal(api.questions.length, 2);
    });
  });

  it("reads its token anew for every question", async () => {
    await using api = await ScriptedApi.start();
    using account = await Account.make(api.port);
    await using session = await account.open();
    await session.next();
    account.rotate("second-token");
    await eventually("a watch is open", () => api.watches.length === 1);
    api.tell("ERROR", { code: 410 });
    await session.next();
    const tokens = api.questions.map(({ authorization }) => authorization);
    assert.equal(tokens[0], "Bearer first-token");
    assert.equal(tokens[2], "Bearer second-token");
  });
});
