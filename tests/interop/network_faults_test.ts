/**
 * Three nodes on hosts of their own, and what goes wrong between hosts: the doctor must name it, and the cluster must heal
 * without a restart.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { DoctorReport } from "../../mod.ts";
import { eventually } from "../eventually.ts";
import { buildGo, goSkipReason } from "./go_build.ts";
import { type Host, Namespaces, namespacesSkipReason } from "./fault_hosts.ts";

interface Row {
  readonly node_id: string;
  readonly state: string;
  readonly healthy: boolean;
  readonly reason?: string;
}

const skip = namespacesSkipReason();
const GOSSIP = 10101;
const RPC = 10102;

const members = async (host: Host): Promise<Row[]> =>
  await host.page<Row[]>("/cluster/members") ?? [];

/** What the doctor on `host` finds wrong, `check from > to: what: cure`. */
async function wrong(host: Host): Promise<string[]> {
  const report = await host.page<DoctorReport>("/cluster/doctor");
  return report === undefined ? ["no report"] : badLines(report);
}

function badLines({ lines }: DoctorReport): string[] {
  return lines.filter(({ verdict }) => verdict === "bad")
    .map(({ check, from, to, said, cure }) => `${check} ${from} > ${to}: ${said}: ${cure}`);
}

/** Waits until the doctor's findings hold one that fits, and answers it. */
async function finds(host: Host, pattern: RegExp): Promise<string> {
  let last: string[] = [];
  try {
    return await eventually(`the doctor finds ${pattern}`, async () => {
      last = await wrong(host);
      return last.find((line) => pattern.test(line));
    }, 30_000);
  } catch (error) {
    throw new Error(`${String(error)}; it found ${JSON.stringify(last)}`);
  }
}

describe("three nodes on hosts of their own", { skip }, () => {
  let folder: string;
  let network: Namespaces;
  let a: Host, b: Host, c: Host;

  const allWell = async (): Promise<void> => {
    await eventually("all see each other healthy", async () => {
      for (const host of [a, b, c]) {
        const rows = await members(host);
        if (rows.filter(({ state, healthy }) => state === "alive" && healthy).length !== 3) return;
      }
      return true;
    }, 40_000);
  };

  const mend = async (): Promise<void> => {
    for (const host of [a, b, c]) host.undo();
    await allWell();
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "althing-faults-"));
    network = Namespaces.make(3);
    [a, b, c] = network.hosts as [Host, Host, Host];
    const peers = network.hosts.map(({ ip }) => `${ip}:${GOSSIP}`);
    await Promise.all(network.hosts.map(async (host, i) => {
      const path = join(folder, `${i}.json`);
      const config = {
        enabled: true,
        node_id: "abc"[i],
        peers,
        gossip: { profile: "local", config: { timeout_seconds: 2 } },
        grpc: { dial_timeout_seconds: 2 },
        status: { bind_addr: "127.0.0.1" },
      };
      await writeFile(path, JSON.stringify({ cluster_config: config }));
      await host.start(path);
    }));
    await allWell();
  });

  after(async () => {
    await network?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("advertise the address of the interface that leads to their peers", () => {
    for (const host of [a, b, c]) {
      assert.match(
        host.output,
        new RegExp(`advertising ${host.ip}:${GOSSIP}: interface eth0 leads to the peer`),
      );
    }
  });

  it("give the doctor nothing to complain about, as page and as command", async () => {
    await eventually("the doctor is content", async () => (await wrong(a)).length === 0, 30_000);
    assert.deepEqual(badLines(await a.ask<DoctorReport>("doctor")), []);
  });

  it("show a peer whose RPC port alone is blocked as unhealthy, and the doctor names the port", async () => {
    b.rule("INPUT", "-p", "tcp", "--dport", `${RPC}`, "-j", "REJECT", "--reject-with", "tcp-reset");
    await eventually("a shows why b is unhealthy", async () => {
      const row = (await members(a)).find(({ node_id }) => node_id === "b");
      return row?.state === "alive" && !row.healthy && row.reason?.startsWith("rpc: ");
    }, 30_000);
    b.undo();
    b.rule("INPUT", "-p", "tcp", "--dport", `${RPC}`, "-j", "DROP");
    const found = await finds(a, /^rpc .*> b /);
    assert.match(found, /while gossip works: allow TCP port 10102$/);
    assert.equal(
      (await wrong(a)).filter((line) => /> b .*gossip/.test(line.split(":")[0]!)).length,
      0,
    );
    await mend();
  });

  it("let the doctor tell UDP that is blocked while TCP passes", async () => {
    b.rule("INPUT", "-p", "udp", "--dport", `${GOSSIP}`, "-j", "DROP");
    const found = await finds(a, /^gossip udp .*> b /);
    assert.match(found, /0 of 20 probes answered, while TCP passes: allow UDP port 10101/);
    await mend();
  });

  it("let the doctor tell that one way alone is blocked", async () => {
    b.rule("INPUT", "-s", a.ip, "-j", "DROP");
    const found = await finds(a, /^gossip tcp .*10\.77\.0\.2/);
    assert.match(found, /from here to it: its packets reach us, so only that way is blocked$/);
    await mend();
  });

  it("live with a loss of 20 % without a false death, and the doctor names it", async () => {
    for (const host of [a, b, c]) {
      host.rule(
        "INPUT",
        "-p",
        "udp",
        "-m",
        "statistic",
        "--mode",
        "random",
        "--probability",
        "0.2",
        "-j",
        "DROP",
      );
    }
    const found = await finds(a, /^gossip udp .*packets are lost/);
    assert.match(found, /\d+ of 20 probes answered: packets are lost/);
    for (const host of [a, b, c]) {
      const states = (await members(host)).map(({ state }) => state);
      assert.ok(states.every((state) => state === "alive" || state === "suspect"), states.join());
    }
    await mend();
  });

  it("let the doctor tell a slow line, over which they stay one cluster", {
    skip: goSkipReason(),
  }, async () => {
    const line = { main: "tests/interop/delay_line", sources: ["tests/interop/delay_line"] };
    const { path } = await buildGo(line);
    await network.delay(path, 100);
    const found = await finds(a, /^round trip .*> c /);
    assert.match(found, /> c .*: 2\d\d(\.\d)? ms: set gossip\.profile to "wan" on every node/);
    await allWell();
  });

  it("are one cluster again within 15 s of the link's return, though both sides had forgotten each other", async () => {
    a.rule("INPUT", "-i", "eth0", "-j", "DROP");
    a.rule("OUTPUT", "-o", "eth0", "-j", "DROP");
    await eventually(
      "both sides have forgotten each other",
      async () =>
        (await members(a)).length === 1 && (await members(b)).length === 2 &&
        (await members(c)).length === 2,
      90_000,
    );
    const found = await finds(a, /10\.77\.0\.2.*nothing of it reaches us$/);
    assert.match(found, /^gossip tcp .*allow TCP and UDP port 10101 in both directions/);
    a.undo();
    const healed = performance.now();
    await eventually("all see each other", async () => {
      for (const host of [a, b, c]) {
        if ((await members(host)).filter(({ state }) => state === "alive").length !== 3) return;
      }
      return true;
    }, 15_000);
    assert.ok(performance.now() - healed < 15_000);
    await allWell();
  });
});
