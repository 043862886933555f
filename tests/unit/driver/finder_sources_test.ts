import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Candidate, LogRecord } from "../../../mod.ts";
import { Rng } from "../../../src/core/rng.ts";
import { Finder } from "../../../src/driver/finder.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";
import { type MemoryDiscovery, memoryDiscovery } from "../../../src/testing/memory_discovery.ts";
import { wakefulRuntime } from "../../wakeful_runtime.ts";

const platform = await wakefulRuntime();

class Bench implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly places: readonly MemoryDiscovery[];
  readonly found: string[] = [];
  readonly fresh: string[] = [];
  readonly changes: string[] = [];
  readonly log: LogRecord[] = [];
  readonly names: Map<string, string[]> = new Map();
  readonly finder: Finder;

  constructor(
    {
      count = 1,
      allowed = [],
      defaultPort,
      peers = [],
    }: { count?: number; allowed?: string[]; defaultPort?: number; peers?: string[] } = {},
  ) {
    this.places = Array.from({ length: count }, () => memoryDiscovery());
    this.finder = new Finder({
      clock: this.clock,
      dns: { addresses: (host) => Promise.resolve(this.names.get(host) ?? []) },
      everyMs: 1_000,
      onFound: (addresses, fresh) => {
        this.found.push(addresses.join(" "));
        this.fresh.push(fresh.join(" "));
      },
      onUnresolved: () => {},
      discovery: {
        sources: this.places.map((provider) => ({ provider, defaultPort, allowed })),
        rng: new Rng(1),
        say: (level, message, fields = {}) => this.log.push({ level, message, fields }),
        isSelf: (ip, port) => ip === "10.0.0.1" && port === 7,
        onChange: (change, source) => this.changes.push(`${source} ${change}`),
        context: {
          runtime: { ...platform, clock: this.clock },
          self: {
            nodeId: "a",
            bootId: "1",
            region: "eu",
            ip: "10.0.0.1",
            port: 7,
            rpcPort: 8,
            capabilities: [],
            version: "1",
          },
          gossipKeys: () => [],
        },
      },
    }, peers.map((host) => ({ host, port: 7 })));
  }

  async list(peers: readonly (string | Candidate)[], index = 0): Promise<void> {
    this.places[index]?.list(
      peers.map((host) => typeof host === "string" ? { host, port: 7 } : host),
    );
    await this.clock.advance(100);
  }

  async start(): Promise<void> {
    await this.finder.start();
    await this.clock.advance(100);
  }

  said(text: string): LogRecord[] {
    return this.log.filter(({ message }) => message === text);
  }

  report(source = "memory") {
    return this.finder.reports(new Set(["10.0.0.2:7"])).find((one) => one.source === source);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.finder[Symbol.asyncDispose]();
  }
}

describe("a finder with discovery", () => {
  it("merges several sources and the configured peers, leaves itself out, tells only what is new", async () => {
    await using at = new Bench({ count: 2, peers: ["10.0.0.4"] });
    await at.start();
    await at.list(["10.0.0.2", "10.0.0.1", "::ffff:10.0.0.1"]);
    await at.list(["10.0.0.3", "10.0.0.2"], 1);
    assert.deepEqual(at.found, [
      "10.0.0.4:7",
      "10.0.0.2:7 10.0.0.4:7",
      "10.0.0.2:7 10.0.0.3:7 10.0.0.4:7",
    ]);
    assert.deepEqual(at.fresh, ["10.0.0.4:7", "10.0.0.2:7", "10.0.0.3:7"]);
    const reports = at.finder.reports(new Set(["10.0.0.2:7"]));
    assert.deepEqual(
      reports.map(({ source, candidates, joined }) => `${source} ${candidates} ${joined}`),
      ["peers 1 0", "memory 1 1", "memory-2 2 1"],
    );
    assert.deepEqual(reports.map(({ announced }) => announced), [undefined, true, true]);
  });

  it("says in the words operators grep for what it found and what it did not", async () => {
    await using at = new Bench();
    await at.start();
    assert.equal(at.said("no new nodes discovered")[0]?.level, "info");
    await at.list(["10.0.0.2", "10.0.0.3"]);
    assert.deepEqual(at.said("discovered 2 nodes")[0]?.fields, {
      source: "memory",
      nodes: 2,
      new: 2,
      skipped: 0,
    });
    await at.list(["10.0.0.2"]);
    assert.equal(at.said("no new nodes discovered").at(-1)?.level, "debug");
    at.places[0]?.turn("failing");
    await at.clock.advance(100);
    assert.equal(at.said("discovery failed").length, 1);
  });

  it("keeps what a source listed while it fails", async () => {
    await using at = new Bench();
    await at.start();
    await at.list(["10.0.0.2", "10.0.0.3"]);
    at.places[0]?.turn("failing");
    await at.clock.advance(60_000);
    assert.deepEqual(at.finder.addresses, ["10.0.0.2:7", "10.0.0.3:7"]);
    assert.ok((at.report()?.failures ?? 0) > 1);
    assert.match(at.report()?.lastError?.message ?? "", /memory/);
    assert.equal(at.report()?.candidates, 2);
  });

  it("takes only what the allowed address space holds, and says once what it skips", async () => {
    await using at = new Bench({ allowed: ["10.0.0.0/24"] });
    await at.start();
    await at.list(["10.0.0.2", "10.0.1.3", "0.0.0.0"]);
    await at.list(["10.0.0.2", "10.0.1.3", "0.0.0.0", "10.0.0.3"]);
    assert.deepEqual(at.finder.addresses, ["10.0.0.2:7", "10.0.0.3:7"]);
    assert.deepEqual(at.said("not in allowed address space").map(({ fields }) => fields), [
      { source: "memory", address: "10.0.1.3:7" },
    ]);
    assert.deepEqual(at.said("skipping invalid host address").map(({ fields }) => fields), [
      { source: "memory", host: "0.0.0.0", why: "it means every address" },
    ]);
    assert.equal(at.report()?.skipped, 2);
  });

  it("limits what a source full of rubbish writes into the log", async () => {
    await using at = new Bench({ allowed: ["10.0.0.0/24"] });
    await at.start();
    for (let round = 0; round < 10; round++) {
      await at.list(
        Array.from({ length: 1_000 }, (_, i) => `10.${round + 1}.${i >> 8}.${i & 255}`),
      );
    }
    assert.ok(at.log.length < 40, `${at.log.length} records`);
    assert.equal(at.report()?.skipped, 1_000);
  });

  it("resolves listed names to all their addresses, again and again, and keeps the last good ones", async () => {
    await using at = new Bench();
    at.names.set("gw.example", ["10.0.0.2", "fd00::2"]);
    await at.start();
    await at.list([{ host: "gw.example" }, { host: "none.example" }]);
    assert.deepEqual(at.finder.addresses, ["10.0.0.2:7", "[fd00::2]:7"]);
    assert.deepEqual(at.report()?.unresolved, ["none.example"]);
    assert.equal(at.said("dns lookup error").length, 1);
    at.names.set("gw.example", ["10.0.0.9", "10.0.0.1"]);
    await at.clock.advance(1_100);
    assert.deepEqual(at.finder.addresses, ["10.0.0.9:7"]);
    at.names.delete("gw.example");
    await at.clock.advance(3_000);
    assert.deepEqual(at.finder.addresses, ["10.0.0.9:7"]);
    assert.equal(at.said("dns lookup error").length, 2);
  });

  it("adds the port that a host lacks", async () => {
    await using at = new Bench({ defaultPort: 10_101 });
    await at.start();
    await at.list([{ host: "10.0.0.2" }, { host: "10.0.0.3", port: 9 }]);
    assert.deepEqual(at.finder.addresses, ["10.0.0.2:10101", "10.0.0.3:9"]);
  });

  it("tells what changes at a source", async () => {
    await using at = new Bench();
    await at.start();
    await at.list(["10.0.0.2"]);
    at.places[0]?.turn("failing");
    await at.clock.advance(2_000);
    at.places[0]?.turn("well");
    await at.clock.advance(5_000);
    await at.clock.until(at.finder.withdraw());
    assert.deepEqual(at.changes, [
      "memory announced",
      "memory found",
      "memory failed",
      "memory recovered",
      "memory withdrawn",
    ]);
  });
});
