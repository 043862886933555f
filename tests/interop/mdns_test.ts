/**
 * mDNS against Debian's Avahi on hosts of a network of their own: what each sees of the other, on one port and across a
 * bridge.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Candidate } from "../../mod.ts";
import {
  findRuntime,
  findRuntimes,
  type FoundRuntime,
  RUNTIME_NAMES,
} from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { Avahi, type AvahiService, avahiSkipReason } from "./avahi.ts";
import { discoveryCases } from "../../src/testing/compliance/mod.ts";
import { SuiteProcess } from "./mdns_process.ts";
import { mdnsSuite } from "./mdns_suite.ts";
import { type MdnsNodePlan, MdnsProcess } from "./mdns_process.ts";
import { NetworkHosts } from "./network_hosts.ts";

const skip = avahiSkipReason();
const HOSTS = [
  { name: "one", addresses: ["10.77.0.1/24", "fd77::1/64"] },
  // Without an IPv6 address of its own: Avahi tells the one that holds on this link only.
  { name: "two", addresses: ["10.77.0.2/24"] },
] as const;

interface World {
  readonly network: NetworkHosts;
  /** The daemons of both hosts. */
  readonly one: Avahi;
  readonly two: Avahi;
  readonly here: FoundRuntime;
  readonly other: FoundRuntime;
}

async function build(): Promise<World> {
  const network = NetworkHosts.create(HOSTS);
  try {
    const [one, two] = await Promise.all([
      Avahi.start(network, "one"),
      Avahi.start(network, "two"),
    ]);
    const name = (await runtimeUnderTest()).name as FoundRuntime["name"];
    const here = findRuntime(name)!;
    const others = [...RUNTIME_NAMES, ...RUNTIME_NAMES];
    const other = findRuntimes(others.slice(others.indexOf(name) + 1)).found[0]!;
    return { network, one, two, here, other };
  } catch (error) {
    await network[Symbol.asyncDispose]();
    throw error;
  }
}

const world = skip === false ? await build() : undefined;
after(async () => {
  await world?.one[Symbol.asyncDispose]();
  await world?.two[Symbol.asyncDispose]();
  await world?.network[Symbol.asyncDispose]();
});

let services = 0;

/** A type of service of its own for each test: caches last longer than tests. */
function freshService(): string {
  return `_t${++services}-${Date.now() % 100_000}._tcp`;
}

function test(claim: string, work: (world: World) => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, () => work(world!));
}

function plan(given: Partial<MdnsNodePlan>): MdnsNodePlan {
  const host = given.host ?? "one";
  const ip = host === "one" ? "10.77.0.1" : "10.77.0.2";
  return {
    runtime: world!.here,
    service: "_t._tcp",
    nodeId: "gw-1",
    port: 10_101,
    ip,
    ...given,
    host,
  };
}

/** What Avahi sees of a type, once that suits. */
function avahiSees(
  avahi: Avahi,
  service: string,
  claim: string,
  suits: (seen: readonly AvahiService[]) => boolean,
): Promise<readonly AvahiService[]> {
  return eventually(claim, async () => {
    const seen = await avahi.browse(service);
    return suits(seen) ? seen : undefined;
  }, 30_000);
}

const names = (found: readonly Candidate[]): string[] => found.map(({ nodeId }) => nodeId ?? "?");

describe("Avahi", () => {
  test("sees a node of ours, on the same host and across the bridge, until its goodbye", async ({ network, one, two }) => {
    const service = freshService();
    await using node = await MdnsProcess.announced(network, plan({ service }));
    await Promise.all([one, two].map(async (avahi) => {
      const seen = await avahiSees(avahi, service, "Avahi sees it by both families", (all) => {
        return new Set(all.map(({ family }) => family)).size === 2;
      });
      for (const { name, host, ip, port, texts } of seen) {
        assert.equal(name, "gw-1");
        assert.equal(host, "althing-gw-1-10101.local");
        assert.equal(ip, "10.77.0.1");
        assert.equal(port, 10_101);
        const boot = texts.find((text) => text.startsWith("boot_id=gw-1-"));
        const all = ["node_id=gw-1", "region=test", "rpc_port=10102", boot];
        assert.deepEqual(new Set(texts), new Set(all));
      }
      assert.ok((await avahi.types()).includes(service), "its type is enumerated");
      assert.equal(await avahi.resolve("althing-gw-1-10101.local"), "10.77.0.1");
    }));
    await node.does("withdraw", "withdrawn");
    await Promise.all([one, two].map((avahi) => {
      return avahiSees(avahi, service, "Avahi sees it no more", (all) => all.length === 0);
    }));
  });

  test("is seen by a node of ours, on the same host and across the bridge, until its goodbye", async ({ network, one, two }) => {
    const service = freshService();
    const texts = ["node_id=far", "region=eu", "rpc_port=7777", "boot_id=x"];
    const far = await two.publish("far", service, 7_101, ...texts);
    const near = await one.publish("near.with.dots", service, 7_102);
    try {
      await using node = new MdnsProcess(network, plan({ service }));
      const { found } = await node.finds((all) => all.length === 3);
      const sorted = (found as Candidate[]).toSorted((a, b) => a.host < b.host ? -1 : 1);
      assert.deepEqual(sorted, [
        { host: "10.77.0.1", port: 7_102 },
        { host: "10.77.0.2", port: 7_101, nodeId: "far", region: "eu", rpcPort: 7_777 },
        { host: "fd77::1", port: 7_102 },
      ]);
      await node.tells(({ log, ip, why }) => {
        return log === "skipping invalid host address" && String(ip).startsWith("fe80:") &&
          why === "it holds on one link only";
      }, "that it skips an address");
      far.kill();
      await node.finds((all) => all.length === 2 && all.every(({ port }) => port === 7_102));
    } finally {
      far.kill();
      near.kill();
    }
  });

  test("keeps a name that it has, so that our node takes another", async ({ network, one, two }) => {
    const service = freshService();
    const publisher = await two.publish("gw-1", service, 7_103, "node_id=elsewhere");
    try {
      await using node = await MdnsProcess.announced(network, plan({ service }));
      const seen = await avahiSees(one, service, "both are there", (all) => {
        return new Set(all.map(({ name }) => name)).size === 2;
      });
      const byName = Object.fromEntries(seen.map(({ name, port }) => [name, port]));
      assert.deepEqual(byName, { "gw-1": 7_103, "gw-1 (2)": 10_101 });
      assert.ok(
        node.told.some(({ log }) => String(log).startsWith("another host has this mDNS name")),
      );
    } finally {
      publisher.kill();
    }
  });
});

describe("mDNS with Avahi as the source", () => {
  let suite: SuiteProcess | undefined;
  after(() => suite?.[Symbol.asyncDispose]());
  for (const { claim, skip: why } of discoveryCases(mdnsSuite("", "", ""))) {
    // Multicast has nobody who could refuse or forget.
    if (why !== undefined) continue;
    test(claim, async ({ network, here, two }) => {
      suite ??= new SuiteProcess(network, here, two.bus, "10.77.0.1", "10.77.0.2");
      await suite.came(claim);
    });
  }
});

describe("nodes of ours", () => {
  test("find each other across the bridge on different runtimes, and by IPv6 alone", async ({ network, here, other }) => {
    const service = freshService();
    const first = plan({ service, nodeId: "gw-1" });
    const second = plan({ service, nodeId: "gw-2", host: "two", runtime: other, ip: "fd77::2" });
    await using one = await MdnsProcess.announced(network, first);
    await using two = await MdnsProcess.announced(network, second);
    assert.notEqual(here.name, other.name);
    const { found: byTwo } = await two.finds((found) => found.length === 1);
    assert.deepEqual(byTwo, [{
      host: "10.77.0.1",
      port: 10_101,
      nodeId: "gw-1",
      region: "test",
      rpcPort: 10_102,
    }]);
    const { found: byOne } = await one.finds((found) => found.length === 1);
    assert.deepEqual(byOne, [{
      host: "fd77::2",
      port: 10_101,
      nodeId: "gw-2",
      region: "test",
      rpcPort: 10_102,
    }]);
    await two.does("withdraw", "withdrawn");
    await one.finds((found) => found.length === 0, one.told.length - 1);
  });

  test("on one host find each other beside Avahi, even when their ids are the same", async ({ network }) => {
    const service = freshService();
    await using one = await MdnsProcess.announced(network, plan({ service, port: 10_101 }));
    await using two = await MdnsProcess.announced(network, plan({ service, port: 10_201 }));
    await using three = await MdnsProcess.announced(
      network,
      plan({ service, port: 10_301, nodeId: "gw-3" }),
    );
    await one.finds((found) => names(found).toSorted().join() === "gw-1,gw-3");
    await two.finds((found) => names(found).toSorted().join() === "gw-1,gw-3");
    await three.finds((found) => found.map(({ port }) => port).toSorted().join() === "10101,10201");
  });

  test("find whoever came while they were cut off, when the cable is back", async ({ network }) => {
    const service = freshService();
    const far = plan({ service, nodeId: "gw-2", host: "two" });
    await using one = await MdnsProcess.announced(network, plan({ service }));
    await using two = await MdnsProcess.announced(network, far);
    await two.finds((found) => names(found).join() === "gw-1");
    network.plug("two", false);
    try {
      await using _three = await MdnsProcess.announced(
        network,
        plan({ service, port: 10_201, nodeId: "gw-3" }),
      );
      await one.finds((found) => names(found).includes("gw-3"));
      network.plug("two", true);
      await two.finds((found) => names(found).toSorted().join() === "gw-1,gw-3");
      await one.finds((found) => names(found).toSorted().join() === "gw-2,gw-3");
    } finally {
      network.plug("two", true);
    }
  });
});
