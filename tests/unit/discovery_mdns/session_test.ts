/**
 * A session on virtual time, with links that the test holds in its hands.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LinkOptions, OpenLink } from "../../../adapters/discovery_mdns/link.ts";
import { MdnsSession } from "../../../adapters/discovery_mdns/mdns_session.ts";
import { type MdnsPacket, packet } from "../../../adapters/discovery_mdns/packet.ts";
import { ClusterError, type InterfaceAddress } from "../../../mod.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";
import { peerRecords } from "./hub.ts";

const platform = await runtimeUnderTest();
const ETH0: InterfaceAddress = { name: "eth0", ip: "10.0.0.1", prefix: 24, internal: false };
const never = new AbortController().signal;

/** A machine with interfaces that the test may change, and a session on it. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock();
  interfaces: InterfaceAddress[] = [ETH0];
  readonly links: LinkOptions[] = [];
  readonly sent: MdnsPacket[] = [];
  readonly said: string[] = [];
  closed = 0;
  refusal: Error | undefined;
  readonly session: MdnsSession;

  constructor(ip = "10.0.0.1") {
    const { clock } = this;
    const openLink: OpenLink = (options) => {
      if (this.refusal !== undefined) return Promise.reject(this.refusal);
      this.links.push(options);
      return Promise.resolve({
        send: (out: MdnsPacket) => {
          this.sent.push(out);
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => {
          this.closed++;
          return Promise.resolve();
        },
      });
    };
    this.session = new MdnsSession({
      service: "_gw._tcp",
      openLink,
      context: {
        runtime: {
          ...platform,
          clock,
          interfaces: { list: () => this.interfaces, hostName: () => "here" },
        },
        self: {
          nodeId: "gw-1",
          bootId: "boot-1",
          region: "eu",
          ip,
          port: 10_101,
          rpcPort: 10_102,
          capabilities: [],
          version: "1.2.3",
        },
        gossipKeys: () => [],
        say: (level, message, fields) => {
          if (level !== "debug") this.said.push(`${message} ${JSON.stringify(fields ?? {})}`);
        },
        forgotten: () => {},
      },
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.session[Symbol.asyncDispose]();
  }

  /** A peer answers on the last link. */
  hear(name: string, ip: string): void {
    const answers = peerRecords(name, ip);
    this.links.at(-1)!.onPacket(packet({ kind: "response", answers }), { ip, port: 5_353 });
  }
}

async function rejects(call: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(ClusterError.is(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

describe("a session of mDNS", () => {
  it("answers with whom it finds, then with what changes", async () => {
    const bench = new Bench();
    const first = bench.session.next(never);
    await bench.clock.advance(50);
    bench.hear("two", "10.0.0.2");
    await bench.clock.advance(200);
    const two = { host: "10.0.0.2", port: 7_101, nodeId: "two" };
    assert.deepEqual(await first, { candidates: [two] });
    const second = bench.session.next(never);
    bench.hear("two", "10.0.0.2");
    await bench.clock.advance(5_000);
    bench.hear("three", "10.0.0.3");
    await bench.clock.advance(500);
    const three = { host: "10.0.0.3", port: 7_101, nodeId: "three" };
    assert.deepEqual(await second, { candidates: [two, three] });
    await bench.session[Symbol.asyncDispose]();
    assert.equal(bench.closed, 1);
  });

  it("answers that nobody is there after a second and a bit", async () => {
    await using session = new Bench();
    const answer = session.session.next(never);
    await session.clock.advance(1_500);
    assert.deepEqual(await answer, { candidates: [] });
  });

  it("says once which address it skips", async () => {
    await using bench = new Bench();
    const answer = bench.session.next(never);
    await bench.clock.advance(50);
    for (let i = 0; i < 20; i++) {
      bench.hear("odd", "10.0.0.255");
      await bench.clock.advance(300);
    }
    assert.deepEqual(await answer, { candidates: [] });
    const lines = bench.said.filter((line) => line.startsWith("skipping invalid host address "));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /"ip":"10\.0\.0\.255".*"why":"it ends in \.255"/);
  });

  it("announces itself within a second, says so, and takes it back with a goodbye", async () => {
    await using bench = new Bench();
    const announced = bench.session.announce(never);
    await bench.clock.advance(1_100);
    await announced;
    assert.deepEqual(bench.said, ['announced by mDNS {"name":"gw-1._gw._tcp.local"}']);
    await bench.session.announce(never);
    bench.sent.length = 0;
    await bench.session.withdraw(never);
    await bench.session.withdraw(never);
    assert.equal(bench.sent.length, 1);
    assert.ok(bench.sent[0]!.answers.every(({ ttlS }) => ttlS === 0));
  });

  it("does not announce an address that others would skip", async () => {
    for (const ip of ["127.0.0.1", "10.0.0.255", "::1"]) {
      await using bench = new Bench(ip);
      await rejects(bench.session.announce(never), "refused", /by mDNS: it .* set advertise_addr/);
    }
  });

  it("gives up announcing when every name is another's, and may try again", async () => {
    await using bench = new Bench();
    const announced = bench.session.announce(never);
    const lost = rejects(announced, "timeout", /in 15000 ms every name .* node_id of its own/);
    for (let i = 0; i < 160; i++) {
      await bench.clock.advance(100);
      for (const { questions, authorities } of bench.sent.splice(0)) {
        if (authorities.length === 0) continue;
        const answers = questions.map(({ name }) => {
          return { name, ttlS: 120, unique: true, data: { type: "A", ip: "10.0.0.9" } } as const;
        });
        bench.links[0]!.onPacket(packet({ kind: "response", answers }), {
          ip: "10.0.0.9",
          port: 5_353,
        });
      }
    }
    await lost;
    const again = bench.session.announce(never);
    await bench.clock.advance(12_000);
    await again;
  });

  it("rejects while there is no network, and goes on when there is one", async () => {
    await using bench = new Bench();
    bench.interfaces = [{ name: "lo", ip: "127.0.0.1", prefix: 8, internal: true }];
    for (const call of [bench.session.next(never), bench.session.announce(never)]) {
      await rejects(
        call,
        "unreachable",
        /by mDNS: no network interface has an address but loopback/,
      );
    }
    bench.interfaces = [ETH0];
    const first = bench.session.next(never);
    await bench.clock.advance(1_500);
    await first;
    const pending = rejects(bench.session.next(never), "unreachable", /no network interface/);
    bench.interfaces = [];
    await bench.clock.advance(6_000);
    await pending;
    assert.equal(bench.closed, 1);
    bench.interfaces = [{ ...ETH0, ip: "10.0.0.7" }];
    const whole = bench.session.next(never);
    await bench.clock.advance(50);
    bench.hear("two", "10.0.0.2");
    await bench.clock.advance(500);
    assert.equal((await whole).candidates.length, 1);
  });

  it("rejects with what keeps its links from opening, and says that once", async () => {
    await using bench = new Bench();
    bench.refusal = new ClusterError(
      "refused",
      "Cannot listen for mDNS on UDP port 5353: it is taken",
    );
    for (let i = 0; i < 5; i++) {
      await rejects(bench.session.next(never), "refused", /it is taken/);
      await bench.clock.advance(6_000);
    }
    assert.equal(bench.said.filter((line) => line.startsWith("mDNS link is in trouble")).length, 1);
  });

  it("opens links to interfaces that come, and asks and tells there anew", async () => {
    await using bench = new Bench();
    const announced = bench.session.announce(never);
    await bench.clock.advance(5_000);
    await announced;
    bench.sent.length = 0;
    bench.interfaces = [ETH0, { name: "eth1", ip: "10.9.0.1", prefix: 24, internal: false }];
    await bench.clock.advance(10_000);
    assert.deepEqual(bench.links.map(({ plan }) => plan.id), ["eth0 IPv4", "eth1 IPv4"]);
    assert.ok(bench.sent.some(({ questions }) => questions.some(({ type }) => type === "PTR")));
    assert.ok(bench.sent.some(({ answers }) => answers.length === 5));
  });

  it("rejects what is pending when its signal aborts or it is disposed of, and what comes late", async () => {
    const bench = new Bench();
    const controller = new AbortController();
    const aborted = rejects(bench.session.next(controller.signal), "aborted", /call again/);
    await bench.clock.advance(10);
    controller.abort();
    await aborted;
    const pending = [
      rejects(bench.session.next(never), "closed", /browse by mDNS/),
      rejects(bench.session.announce(never), "closed", /announce by mDNS/),
    ];
    await bench.clock.advance(10);
    await bench.session[Symbol.asyncDispose]();
    await Promise.all(pending);
    await rejects(bench.session.next(never), "closed", /open another/);
    await rejects(bench.session.withdraw(never), "closed", /withdraw by mDNS/);
    const { length } = bench.sent;
    await bench.clock.advance(10_000);
    assert.equal(bench.sent.length, length, "nothing is sent any more");
    assert.equal(bench.closed, bench.links.length);
  });
});
