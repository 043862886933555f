/**
 * Discovery by DNS against real servers that these tests start: dnsmasq under the suite of all providers, BIND for zones,
 * times to live and answers that need TCP.
 */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  dnsDiscovery,
  type DnsDiscoveryOptions,
} from "../../adapters/discovery_dns/dns_discovery.ts";
import type { Candidate, DiscoverySession, Runtime } from "../../mod.ts";
import { discoveryCases, type DiscoveryWorld } from "../../src/testing/compliance/mod.ts";
import { judge } from "../compliance/judge.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { Bind, Dnsmasq, dnsSkipReason } from "./dns_servers.ts";

const skip = dnsSkipReason();
const runtime = await runtimeUnderTest();
const quick = { timeoutMs: 5_000, againMinMs: 1_000 };

const PEERS = [
  { host: "10.0.0.2", port: 7946 },
  { host: "10.0.0.3" },
  { host: "fd00::4" },
] as const;

/** What dnsmasq is told to know: peers with a port by SRV, the others by address. */
function dnsmasqLines(peers: readonly Candidate[]): string[] {
  return [
    "local=/test/",
    ...peers.flatMap(({ host, port }, i) =>
      port === undefined
        ? [`host-record=gw.test,${host}`]
        : [`host-record=n${i}.test,${host}`, `srv-host=_gossip._tcp.gw.test,n${i}.test,${port}`]
    ),
  ];
}

async function world(): Promise<DiscoveryWorld> {
  const server = await Dnsmasq.make();
  const [counted, open] = counting(runtime);
  let lines: readonly string[] = dnsmasqLines([]);
  await server.serve(lines);
  return {
    provider: dnsDiscovery({
      names: ["gw.test", "_gossip._tcp.gw.test"],
      server: server.address,
      ...quick,
    }),
    runtime: counted,
    peers: PEERS,
    list: async (peers) => {
      lines = dnsmasqLines(peers);
      await server.serve(lines);
    },
    turn: async (state) => {
      // With nobody to forward to, it refuses what it does not know itself.
      if (state === "failing") await server.serve([]);
      else if (state === "silent") server.freeze();
      else {
        server.thaw();
        await server.serve(lines);
      }
    },
    asked: () => server.asked,
    open,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

if (skip === false) {
  // Records are there without being announced: rules about that do not apply.
  const cases = discoveryCases({ world, has: ["turn"] }).filter(({ skip }) => skip === undefined);
  judge("discovery by DNS from dnsmasq", cases);
}

function test(claim: string, work: () => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, work);
}

describe("discovery by DNS from BIND", () => {
  const servers: Bind[] = [];
  after(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())));

  async function bind(...lines: readonly string[]): Promise<Bind> {
    const server = await Bind.make();
    servers.push(server);
    await server.serve(lines);
    return server;
  }

  test("takes port and host from SRV records and follows aliases", async () => {
    const server = await bind(
      "_gossip._tcp.gw SRV 10 5 7946 one",
      "_gossip._tcp.gw SRV 20 0 7947 two",
      "one A 10.0.0.1",
      "one AAAA fd00::1",
      "two CNAME deep",
      "deep CNAME deeper",
      "deeper A 10.0.0.2",
    );
    const { candidates } = await answer({
      names: ["_gossip._tcp.gw.test"],
      server: server.address,
    });
    assert.deepEqual(texts(candidates), ["10.0.0.1:7946", "10.0.0.2:7947", "fd00::1:7946"]);
  });

  test("gives addresses the port behind the name, and leaves it out where there is none", async () => {
    const server = await bind("gw A 10.0.0.1", "gw AAAA fd00::1");
    const at = server.address;
    const withPort = await answer({ names: ["gw.test:7000"], server: at });
    assert.deepEqual(texts(withPort.candidates), ["10.0.0.1:7000", "fd00::1:7000"]);
    const without = await answer({ names: ["GW.Test."], server: at });
    assert.deepEqual(texts(without.candidates), ["10.0.0.1", "fd00::1"]);
  });

  test("does not take every port of a listed host for the gossip port", async () => {
    const server = await bind(
      "gw A 10.0.0.1",
      "gw SRV 0 0 10102 one",
      "gw SRV 0 0 8080 one",
      "gw SRV 0 0 7946 two",
      "one A 10.0.0.1",
      "two A 10.0.0.2",
    );
    const { candidates } = await answer({ names: ["gw.test"], server: server.address });
    assert.deepEqual(texts(candidates), ["10.0.0.1", "10.0.0.2:7946"]);
  });

  test("searches several names together, and a failing one hides no other", async () => {
    const server = await bind("one A 10.0.0.1", "two A 10.0.0.2", "gone A 10.0.0.3");
    const said: string[] = [];
    const names = ["one.test", "none.test", "elsewhere.example", "two.test"];
    const { candidates } = await answer({ names, server: server.address, ...quick }, said);
    assert.deepEqual(texts(candidates), ["10.0.0.1", "10.0.0.2"]);
    assert.equal(said.length, 2, said.join("\n"));
    const [elsewhere, none] = said.sort();
    assert.match(elsewhere!, /dns lookup error .*elsewhere\.example.*REFUSED/);
    assert.match(none!, /dns lookup error .*none\.test/);
  });

  test("asks again when the shortest time to live has passed, within its bounds", async () => {
    const server = await bind("soon 7 A 10.0.0.1", "late 3000 A 10.0.0.2", "now 0 A 10.0.0.3");
    const at = server.address;
    const againMs = async (...names: readonly string[]): Promise<number> => {
      const { againMs = NaN } = await answer({ names, server: at });
      return Math.ceil(againMs / 1000);
    };
    assert.equal(await againMs("soon.test"), 7);
    assert.equal(await againMs("soon.test", "late.test"), 7);
    assert.equal(await againMs("late.test"), 60);
    assert.equal(await againMs("now.test"), 5);
    assert.equal(await againMs("none.test"), 5);
  });

  test("sees a change when the record's time has passed, and asks nothing before", async () => {
    const server = await bind("gw 1 A 10.0.0.1");
    await using session = await open({
      names: ["gw.test"],
      server: server.address,
      againMinMs: 100,
    });
    const first = await session.next(new AbortController().signal);
    const told = runtime.clock.now();
    assert.deepEqual(texts(first.candidates), ["10.0.0.1"]);
    await server.serve(["gw 1 A 10.0.0.2", "gw 1 A 10.0.0.3"]);
    const early = await session.next(new AbortController().signal);
    if (runtime.clock.now() - told < 900) assert.deepEqual(texts(early.candidates), ["10.0.0.1"]);
    await eventually("the change is seen", async () => {
      const { candidates } = await session.next(new AbortController().signal);
      return texts(candidates).join(" ") === "10.0.0.2 10.0.0.3";
    }, 5_000);
  });

  test("asks over TCP for what fits into no datagram", async () => {
    const ips = Array.from({ length: 1_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    const server = await bind(...ips.map((ip) => `gw A ${ip}`));
    const { candidates } = await answer({ names: ["gw.test"], server: server.address });
    assert.deepEqual(texts(candidates), [...ips].sort());
  });

  test("tries the search list as resolv.conf says, and remembers what worked", async () => {
    const server = await bind("gw.ns A 10.0.0.1", "host.ns A 10.0.0.7");
    const files = new Map([
      [
        "/etc/resolv.conf",
        `nameserver 127.0.0.1:${server.port}\nsearch no.test ns.test\noptions ndots:5\n`,
      ],
      ["/etc/hosts", "127.0.0.1 localhost\n10.9.9.9 pinned # by hand\n"],
    ]);
    const here = withFiles(files);
    const found = async (name: string): Promise<string[]> => {
      const { candidates } = await answer({ names: [name] }, [], here);
      return texts(candidates);
    };
    assert.deepEqual(await found("gw"), ["10.0.0.1"]);
    assert.deepEqual(await found("gw.ns.test"), ["10.0.0.1"]);
    await assert.rejects(found("gw."), /A of "gw" by DNS: .* REFUSED/);
    assert.deepEqual(await found("pinned:7"), ["10.9.9.9:7"]);
  });

  test("goes on to the next server of resolv.conf when one is dead", async () => {
    const server = await bind("gw A 10.0.0.1");
    const dead = await bind();
    await dead.stop();
    const lines = [dead, server].map(({ port }) => `nameserver 127.0.0.1:${port}\n`);
    const here = withFiles(new Map([["/etc/resolv.conf", lines.join("")]]));
    const { candidates } = await answer({ names: ["gw.test"] }, [], here);
    assert.deepEqual(texts(candidates), ["10.0.0.1"]);
  });

  test("finds peers in far less than a second", async () => {
    const server = await bind("_gossip._tcp.gw SRV 0 0 7946 one", "one A 10.0.0.1");
    const started = performance.now();
    const options = { names: ["_gossip._tcp.gw.test"], server: server.address };
    const { candidates } = await answer(options);
    const tookMs = performance.now() - started;
    assert.equal(candidates.length, 1);
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    console.log(`dns: found after ${tookMs.toFixed(1)} ms on ${runtime.name}`);
  });
});

/** The first answer of a session of its own; log lines go to `said`. */
async function answer(
  options: DnsDiscoveryOptions,
  said: string[] = [],
  on: Runtime = runtime,
): ReturnType<DiscoverySession["next"]> {
  await using session = await open(options, said, on);
  return await session.next(new AbortController().signal);
}

function open(
  options: DnsDiscoveryOptions,
  said: string[] = [],
  on: Runtime = runtime,
): Promise<DiscoverySession> {
  return dnsDiscovery(options).open({
    runtime: on,
    self: {
      nodeId: "gw-1",
      bootId: "1",
      region: "eu",
      ip: "10.0.0.99",
      port: 10101,
      rpcPort: 10102,
      capabilities: [],
      version: "1.0.0",
    },
    gossipKeys: () => [],
    say: (_level, message, fields) => said.push(`${message} ${JSON.stringify(fields)}`),
    forgotten: () => {},
  });
}

/** `host:port` of each, sorted. */
function texts(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ host, port }) => port === undefined ? host : `${host}:${port}`).sort();
}

/** The runtime with other files than the machine's. */
function withFiles(files: ReadonlyMap<string, string>): Runtime {
  const readText = (path: string): Promise<string> => {
    const text = files.get(path);
    return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
  };
  return { ...runtime, files: { readText } };
}

/** The runtime with a count of open sockets and connections. */
function counting(base: Runtime): [Runtime, () => number] {
  let open = 0;
  return [{
    ...base,
    datagrams: {
      bind: async (options) => {
        const socket = await base.datagrams.bind(options);
        open++;
        return {
          local: socket.local,
          send: (to, bytes) => socket.send(to, bytes),
          [Symbol.asyncDispose]: async () => {
            await socket[Symbol.asyncDispose]();
            open--;
          },
        };
      },
    },
  }, () => open];
}
