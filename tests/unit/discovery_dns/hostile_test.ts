/** What hostile and broken DNS servers send: bounded, counted, logged, and the next good answer counts. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer } from "dns-packet";
import { type Candidate, ClusterError } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import {
  addresses,
  type Asked,
  framed,
  type Listening,
  listening,
  reply,
  type Rudeness,
  RudeServer,
} from "./rude_server.ts";

const GOOD = ["10.0.0.1"];
const TC = 0x0200;

/** Hosts of the first answer. */
async function hosts({ session }: Listening): Promise<string[]> {
  const { candidates } = await session.next(new AbortController().signal);
  return candidates.map(({ host }: Candidate) => host).sort();
}

/** The counts last logged. */
function dropped({ said }: Listening): Record<string, unknown> {
  return said.filter(({ message }) => message === "dns answers dropped").at(-1)?.fields ?? {};
}

/** Before the good answer comes what `rude` says; the good one must count. */
function survives(claim: string, counted: string, rude: (asked: Asked) => Uint8Array[]): void {
  it(claim, { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((
      asked,
    ) => [...rude(asked), addresses(asked, GOOD)]);
    await using listener = await listening(server);
    assert.deepEqual(await hosts(listener), GOOD);
    assert.ok(Number(dropped(listener)[counted]) > 0, JSON.stringify(listener.said));
  });
}

/** The bytes of an answer whose first record's name is written as `name`. */
function withRawName({ id }: Asked, name: readonly number[]): Uint8Array {
  const head = [id >> 8, id & 255, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
  return Uint8Array.of(...head, ...name, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 9, 9, 9);
}

describe("a DNS session survives", () => {
  survives("compression that leads to itself", "malformed", (asked) => [
    withRawName(asked, [0xc0, 12]),
    withRawName(asked, [1, 97, 0xc0, 12]),
    withRawName(asked, [0xc0, 14, 0xc0, 12]),
    withRawName(asked, [0xff, 0xff]),
    withRawName(asked, [0x80]),
  ]);
  survives("names without an end", "malformed", (asked) => [
    withRawName(asked, Array.from({ length: 64 * 10 }, (_, i) => i % 64 === 0 ? 63 : 97)),
  ]);
  survives("rubbish", "malformed", ({ id }) => [
    Uint8Array.of(id >> 8, id & 255),
    Uint8Array.of(id >> 8, id & 255, 0x80),
    Uint8Array.from({ length: 900 }, (_, i) => i === 0 ? id >> 8 : i === 1 ? id & 255 : 0x80 | i),
  ]);
  survives("nothing at all", "wrong_id", () => [new Uint8Array()]);
  survives("a head that promises 10,000 records", "malformed", (asked) => {
    const bytes = addresses(asked, []);
    bytes[6] = 10_000 >> 8;
    bytes[7] = 10_000 & 255;
    return [bytes];
  });
  survives("another id", "wrong_id", (asked) => [
    addresses({ ...asked, id: asked.id ^ 1 }, ["10.6.6.6"]),
  ]);
  survives("an answer to another question", "wrong_question", (asked) => [
    addresses({ ...asked, name: "other.test" }, ["10.6.6.6"]),
    addresses({ ...asked, type: asked.type === "A" ? "AAAA" : "A" }, ["10.6.6.6"]),
    reply(asked, { questions: [] }),
  ]);
  survives("records of names that it did not ask for", "wrong_name", (asked) => {
    const answers: Answer[] = [
      { type: "A", name: "other.test", ttl: 9, data: "10.6.6.6" },
      { type: "CNAME", name: "stray.test", ttl: 9, data: asked.name },
      { type: "A", name: asked.name, ttl: 9, data: "10.0.0.1" },
    ];
    return asked.type === "A" ? [reply(asked, { answers })] : [];
  });

  it("what comes from somebody who was not asked", { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((asked) => {
      server.sendFromElsewhere(asked.from, addresses(asked, ["10.6.6.6"]));
      return [];
    });
    await using listener = await listening(server);
    const asking = hosts(listener);
    await assert.rejects(asking, (error) => ClusterError.is(error, "timeout"));
    server.rudeness = (asked) => [addresses(asked, GOOD)];
    assert.deepEqual(await hosts(listener), GOOD);
    assert.ok(Number(dropped(listener)["wrong_source"]) > 0, JSON.stringify(listener.said));
  });

  it("aliases that go round and round, and says so", { timeout: 30_000 }, async () => {
    const round: Rudeness = (asked) => [
      reply(asked, {
        answers: [
          { type: "CNAME", name: "gw.test", ttl: 9, data: "b.test" },
          { type: "CNAME", name: "b.test", ttl: 9, data: "gw.test" },
        ],
      }),
    ];
    const endless: Rudeness = (asked) => [
      reply(asked, {
        answers: [{ type: "CNAME", name: asked.name, ttl: 9, data: `a.${asked.name}` }],
      }),
    ];
    for (const rudeness of [round, endless]) {
      await using server = await RudeServer.start(rudeness);
      await using listener = await listening(server);
      // Going round ends where it began: a name without records.
      const outcome = await hosts(listener).catch((error: unknown) => error);
      if (rudeness === endless) assert.ok(ClusterError.is(outcome, "bad-data"), String(outcome));
      else assert.deepEqual(outcome, []);
      assert.ok(server.asked.length <= 3 * 9, `${server.asked.length} questions`);
      assert.match(JSON.stringify(listener.said), /dns lookup error/);
    }
  });

  it(
    "as many records as a message holds, and takes no more than it may",
    { timeout: 30_000 },
    async () => {
      await using server = await RudeServer.start((asked) => {
        if (asked.type === "SRV") {
          // 700 services whose targets have to be asked for.
          return [
            asked.over === "udp" ? reply(asked, { flags: TC }) : framed(reply(asked, {
              answers: Array.from({ length: 700 }, (_, i) => ({
                type: "SRV",
                name: asked.name,
                ttl: 9,
                data: { port: 1 + i, target: `t${i}.test` },
              })),
            })),
          ];
        }
        if (asked.type === "AAAA") return [reply(asked)].map(asked.over === "udp" ? same : framed);
        if (asked.over === "udp") return [reply(asked, { flags: TC })];
        return [framed(compact(asked, 4_000))];
      });
      await using listener = await listening(server, ["gw.test", "two.test"]);
      const { candidates } = await listener.session.next(new AbortController().signal);
      assert.ok(candidates.length >= 1_024 && candidates.length <= 4_096, `${candidates.length}`);
      assert.ok(server.asked.length < 100, `${server.asked.length} questions`);
      assert.ok(Number(dropped(listener)["too_many"]) > 0, JSON.stringify(dropped(listener)));
    },
  );

  it(
    "TCP that breaks off, lies about lengths or says something else",
    { timeout: 60_000 },
    async () => {
      const bad: readonly Rudeness[] = [
        () => ["end"],
        () => [Uint8Array.of(0xff, 0xff, 1, 2, 3), "end"],
        () => [Uint8Array.of(0, 0)],
        () => [framed(new Uint8Array(40))],
        (asked) => [framed(addresses({ ...asked, id: asked.id ^ 1 }, ["10.6.6.6"]))],
        (asked) => [framed(addresses({ ...asked, name: "other.test" }, ["10.6.6.6"]))],
      ];
      for (const rude of bad) {
        await using server = await RudeServer.start((asked) =>
          asked.over === "tcp" ? rude(asked) : [reply(asked, { flags: TC })]
        );
        await using listener = await listening(server);
        await assert.rejects(hosts(listener), (error) => ClusterError.is(error));
        server.rudeness = (asked) =>
          asked.over === "udp" ? [reply(asked, { flags: TC })] : [framed(addresses(asked, GOOD))];
        assert.deepEqual(await hosts(listener), GOOD);
      }
    },
  );

  it("TCP that never answers, with what the datagram held", { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((asked) => {
      if (asked.over === "tcp") return [];
      const answers: Answer[] = [{ type: "A", name: asked.name, ttl: 9, data: "10.0.0.1" }];
      return [asked.type === "A" ? reply(asked, { flags: TC, answers }) : addresses(asked, [])];
    });
    await using listener = await listening(server);
    assert.deepEqual(await hosts(listener), GOOD);
  });
});

describe("a DNS session", () => {
  it("asks without EDNS when a server does not know it", { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((asked) =>
      asked.edns ? [reply(asked, { flags: 1 })] : [addresses(asked, GOOD)]
    );
    await using listener = await listening(server);
    assert.deepEqual(await hosts(listener), GOOD);
  });

  it(
    "does not wait for kinds of records that a server never answers for",
    { timeout: 30_000 },
    async () => {
      await using server = await RudeServer.start((asked) =>
        asked.type === "A" ? [addresses(asked, GOOD)] : []
      );
      await using listener = await listening(server);
      const started = performance.now();
      assert.deepEqual(await hosts(listener), GOOD);
      assert.ok(performance.now() - started < 900);
    },
  );

  it("keeps what a name led to while its lookup fails", { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((asked) => [addresses(asked, GOOD)]);
    await using listener = await listening(server, ["gw.test", "two.test"]);
    assert.deepEqual(await hosts(listener), GOOD);
    server.rudeness = (asked) => [
      asked.name === "gw.test" ? refusal(asked) : addresses(asked, ["10.0.0.2"]),
    ];
    await eventually("the other name's news are there", async () => {
      return (await hosts(listener)).includes("10.0.0.2");
    });
    assert.deepEqual(await hosts(listener), ["10.0.0.1", "10.0.0.2"]);
    assert.match(JSON.stringify(listener.said), /dns lookup error.*gw\.test.*REFUSED/);
  });

  it("says the same trouble once, and when it is over", { timeout: 30_000 }, async () => {
    await using server = await RudeServer.start((asked) => [refusal(asked)]);
    await using listener = await listening(server);
    for (let round = 1; round <= 3; round++) {
      await assert.rejects(hosts(listener), (error) => ClusterError.is(error, "refused"));
    }
    assert.deepEqual(listener.said.map(({ message }) => message), ["dns lookup error"]);
    server.rudeness = (asked) => [addresses(asked, GOOD)];
    assert.deepEqual(await hosts(listener), GOOD);
    assert.equal(listener.said.at(-1)?.message, "dns lookup works again");
  });
});

function refusal(asked: Asked): Uint8Array {
  return reply(asked, { flags: 5 });
}

function same(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** An answer of `count` addresses whose names point to the question's, as servers write them: `encode` repeats it. */
function compact(asked: Asked, count: number): Uint8Array {
  const head = reply(asked);
  head[6] = count >> 8;
  head[7] = count & 255;
  const bytes = new Uint8Array(head.length + 16 * count);
  bytes.set(head);
  for (let i = 0; i < count; i++) {
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, i >> 8, i & 255];
    bytes.set(record, head.length + 16 * i);
  }
  return bytes;
}
