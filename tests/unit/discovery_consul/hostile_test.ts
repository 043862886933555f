/**
 * The Consul discovery against servers that answer rubbish, without end, or not at all: what comes of it is an error,
 * soon, and never more than that.
 */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { type ConsulDiscoveryOptions } from "../../../adapters/discovery_consul/consul_discovery.ts";
import { ClusterError, type ClusterErrorCode } from "../../../mod.ts";
import { Visitor } from "./visitor.ts";

type Answer = (response: ServerResponse, question: IncomingMessage) => void;

/** A server of ours; disposal ends it with all connections. */
class Hostile implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answer) {
    this.#server = createServer((question, response) => {
      this.asked.push(question.url ?? "");
      response.on("error", () => {});
      answer(response, question);
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async open(answer: Answer, ip = "127.0.0.1"): Promise<Hostile> {
    const hostile = new Hostile(answer);
    await new Promise<void>((resolve, reject) => {
      hostile.#server.once("error", reject);
      hostile.#server.listen(0, ip, resolve);
    });
    return hostile;
  }

  options(changes: Partial<ConsulDiscoveryOptions> = {}): ConsulDiscoveryOptions {
    const { address, port } = this.#server.address() as {
      readonly address: string;
      readonly port: number;
    };
    return {
      serviceName: "gateway",
      address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
      token: "a-secret-token",
      ...changes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function json(response: ServerResponse, body: string, index?: string): void {
  response.writeHead(200, {
    "content-type": "application/json",
    ...(index === undefined ? {} : { "x-consul-index": index }),
  }).end(body);
}

function instance(host: unknown, port: unknown, meta: unknown = {}): unknown {
  return { Service: { ID: "a", Address: host, Port: port, Meta: meta }, Node: {} };
}

function test(claim: string, work: () => Promise<void>): void {
  it(claim, { timeout: 60_000 }, work);
}

describe("a server that is no Consul", () => {
  const rubbish: readonly (readonly [string, Answer, ClusterErrorCode, RegExp])[] = [
    [
      "a page",
      (response) => {
        response.writeHead(200, { "content-type": "text/html" }).end("<h1>It works</h1>");
      },
      "bad-data",
      /not Consul's, check the address/,
    ],
    ["nothing", (response) => response.writeHead(200).end(), "bad-data", /not Consul's/],
    ["an object", (response) => json(response, "{}"), "bad-data", /not Consul's/],
    ["half of a text", (response) => json(response, '[{"Service":'), "bad-data", /not Consul's/],
    [
      "bytes",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" })
          .end(Uint8Array.from({ length: 5_000 }, (_, i) => (i * 97) & 255));
      },
      "bad-data",
      /not Consul's/,
    ],
    [
      "a way to elsewhere",
      (response) => {
        response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      },
      "refused",
      /it answered 302/,
    ],
    [
      "an error",
      (response) => {
        response.writeHead(500).end("No cluster leader");
      },
      "unreachable",
      /it answered 500 \(No cluster leader\), check the agent's log/,
    ],
    [
      "our own token",
      (response, question) => {
        response.writeHead(500).end(`\x1b[2J\n${String(question.headers["x-consul-token"])}`);
      },
      "unreachable",
      /it answered 500 \(\[2J \.\.\.\),/,
    ],
    ["too much to do", (response) => response.writeHead(429).end(), "unreachable", /429/],
    [
      "half of an answer",
      (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
        response.write("[{");
        setTimeout(() => response.destroy(), 20);
      },
      "unreachable",
      /failed with ECONNRESET/,
    ],
    [
      "half of a chunked answer",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.write("[{");
        setTimeout(() => response.destroy(), 20);
      },
      "unreachable",
      /failed with ECONNRESET/,
    ],
    [
      "a closed connection",
      (response) => response.destroy(),
      "unreachable",
      /check that the agent/,
    ],
    ["silence", () => {}, "timeout", /did not answer in time/],
    [
      "a head and silence",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.write("[");
      },
      "timeout",
      /did not answer in time/,
    ],
  ];
  for (const [what, answer, code, words] of rubbish) {
    test(`and answers ${what} makes calls reject, and no more`, async () => {
      await using hostile = await Hostile.open(answer);
      const timeoutMs = code === "timeout" ? 500 : 20_000;
      await using visitor = await Visitor.open(hostile.options({ timeoutMs }));
      for (let time = 1; time <= 2; time++) {
        const startedAt = performance.now();
        await assert.rejects(visitor.next(), (error: unknown) => {
          assert.ok(ClusterError.is(error, code), String(error));
          assert.match(error.message, words);
          assert.ok(!`${error.stack} ${error.cause}`.includes("a-secret-token"));
          return true;
        });
        assert.ok(performance.now() - startedAt < 10_000, "the call took too long");
      }
      await assert.rejects(visitor.announce(), (error) => {
        return ClusterError.is(error) &&
          /failed to register service with Consul/.test(error.message);
      }).catch((error: unknown) => {
        // What is only rubbish in an answer is as good as none to a registration.
        if (!/Missing expected rejection/.test(String(error)) || code !== "bad-data") throw error;
      });
    });
  }

  test("and answers without end is cut off after 16 MiB", async () => {
    let sent = 0;
    await using hostile = await Hostile.open((response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const chunk = new Uint8Array(64 * 1024).fill(32);
      const send = (): void => {
        do sent += chunk.length; while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", send);
      send();
    });
    await using visitor = await Visitor.open(hostile.options({ timeoutMs: 30_000 }));
    await assert.rejects(visitor.next(), (error) => {
      return ClusterError.is(error, "bad-data") && /longer than 16 MiB/.test(error.message);
    });
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
  });

  test("and lists what makes no candidate has it left out and told once", async () => {
    const entries: unknown[] = [
      null,
      7,
      "text",
      [],
      {},
      { Service: null },
      instance("", 1),
      instance(7, 1),
      instance("a".repeat(300), 1),
      instance("<script>", 1),
      { Service: { Address: "", Port: 5 }, Node: { Address: "10.0.0.1" } },
      instance("10.0.0.2", 99_999),
      instance("10.0.0.3", "7", { rpc_port: "none", node_id: {}, region: 5 }),
      instance("10.0.0.4", 7, { rpc_port: "8", node_id: "x".repeat(600), region: "eu" }),
      instance("10.0.0.5", 7.5, { rpc_port: "1e99" }),
      JSON.parse('{"Service":{"__proto__":{"Address":"10.0.0.6"},"Port":7},"Node":{}}'),
    ];
    let index = 0;
    await using hostile = await Hostile.open((response) => {
      json(response, JSON.stringify(entries), String(++index));
    });
    await using visitor = await Visitor.open(hostile.options());
    for (let time = 1; time <= 3; time++) {
      const { candidates } = await visitor.next();
      assert.deepEqual(candidates, [
        { host: "10.0.0.1", port: 5 },
        { host: "10.0.0.2" },
        { host: "10.0.0.3" },
        { host: "10.0.0.4", port: 7, region: "eu", rpcPort: 8 },
        { host: "10.0.0.5" },
      ]);
    }
    assert.deepEqual(visitor.said, [
      'warn Consul lists instances without a usable address {"unusable":11}',
    ]);
  });

  test("and lists more than anybody has is read in part", async () => {
    const entries = Array.from({ length: 20_000 }, () => instance("10.0.0.1", 7));
    await using hostile = await Hostile.open((response) => json(response, JSON.stringify(entries)));
    await using visitor = await Visitor.open(hostile.options({ timeoutMs: 20_000 }));
    const { candidates } = await visitor.next();
    assert.equal(candidates.length, 10_000);
  });

  test("and has no index to wait with is left alone for a while", async () => {
    for (const index of [undefined, "0", "-5", "many", "1".repeat(30)]) {
      await using hostile = await Hostile.open((response) => json(response, "[]", index));
      await using visitor = await Visitor.open(hostile.options());
      const { againMs } = await visitor.next();
      assert.ok(againMs !== undefined && againMs >= 5_000, `${index}: ${againMs}`);
    }
  });

  test("and whose index goes back is asked from the beginning", async () => {
    const indexes = ["7", "9", "18446744073709551615", "3", "4"];
    await using hostile = await Hostile.open((response) => json(response, "[]", indexes.shift()));
    await using visitor = await Visitor.open(hostile.options());
    for (let time = 1; time <= 5; time++) await visitor.next();
    assert.deepEqual(
      hostile.asked.map((url) => /index=(\d+)/.exec(url)?.[1]),
      [undefined, "7", "9", "18446744073709551615", undefined],
    );
  });

  test("and answers every question at once is asked about once a second", async () => {
    for (const step of [0, 1]) {
      let index = 5;
      await using hostile = await Hostile.open((response) => {
        json(response, "[]", String(index += step));
      });
      await using visitor = await Visitor.open(hostile.options());
      const until = performance.now() + 3_000;
      while (performance.now() < until) await visitor.next();
      assert.ok(hostile.asked.length <= 10, `${hostile.asked.length} questions in 3 s`);
      assert.ok(hostile.asked.length >= 5, `${hostile.asked.length} questions in 3 s`);
    }
  });

  test("and has an IPv6 address is reached there", async () => {
    await using hostile = await Hostile.open((response) => json(response, "[]", "5"), "::1");
    await using visitor = await Visitor.open(hostile.options());
    assert.deepEqual(await visitor.next(), { candidates: [] });
  });
});

describe("options of the Consul discovery", () => {
  const wrong: readonly (readonly [Partial<ConsulDiscoveryOptions>, RegExp])[] = [
    [{ address: "localhost" }, /"localhost" won't do, write it as host:port/],
    [{ address: "ftp://localhost:8500" }, /write it as host:port/],
    [{ address: "http://localhost:8500", caFile: "ca.pem" }, /write https:\/\/ or leave/],
    [{ serviceName: "" }, /give the service a name/],
    [{ waitMs: 10 }, /waitMs 10 won't do, give 1,000 to 600,000/],
    [{ checkIntervalMs: Number.NaN }, /checkIntervalMs NaN won't do/],
  ];
  for (const [changes, words] of wrong) {
    it(`that can't work are refused: ${JSON.stringify(changes)}`, async () => {
      await assert.rejects(
        Visitor.open({ serviceName: "gateway", ...changes }),
        (error) => ClusterError.is(error, "bad-config") && words.test(error.message),
      );
    });
  }

  it("that name a file that is not there, or is no certificate, are refused when opened", async () => {
    for (const caFile of ["/nowhere/ca.pem", "deno.json"]) {
      await assert.rejects(
        Visitor.open({ serviceName: "gateway", caFile }),
        (error) => ClusterError.is(error, "bad-config") && error.message.includes(caFile),
      );
    }
  });
});
