/**
 * The Consul discovery against a real agent that these tests start, with ACLs closed by default, and against servers
 * that mean it no good.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  consulDiscovery,
  type ConsulDiscoveryOptions,
} from "../../adapters/discovery_consul/consul_discovery.ts";
import { type Candidate, ClusterError, type ClusterErrorCode } from "../../mod.ts";
import { discoveryCases, type DiscoveryWorld } from "../../src/testing/compliance/mod.ts";
import { ROOT } from "../../tools/project.ts";
import { judge } from "../compliance/judge.ts";
import { eventually } from "../eventually.ts";
import { runtimeUnderTest } from "../runtime_under_test.ts";
import { ConsulGate } from "./consul_gate.ts";
import {
  buildConsul,
  ConsulServer,
  consulSkipReason,
  DATACENTER,
  MANAGEMENT_TOKEN,
} from "./consul_server.ts";
import { TwoPorts, Visitor } from "../unit/discovery_consul/visitor.ts";

const skip = consulSkipReason();
const runtime = await runtimeUnderTest();
if (skip === false) await buildConsul();
const server = skip === false ? await ConsulServer.start() : undefined;
after(() => server?.[Symbol.asyncDispose]());

let names = 0;

/** A service of its own, asked for with all rights. */
function options(changes: Partial<ConsulDiscoveryOptions> = {}): ConsulDiscoveryOptions {
  return {
    serviceName: `gateway-${++names}`,
    address: `127.0.0.1:${server!.httpPort}`,
    token: MANAGEMENT_TOKEN,
    checkIntervalMs: 200,
    ...changes,
  };
}

/** With a time limit, for tests that wait for servers. */
function test(claim: string, work: () => Promise<void>): void {
  it(claim, { skip, timeout: 60_000 }, work);
}

const pem = (name: string): string => join(ROOT, "tests/fixtures/tls", `${name}.pem`);

if (server !== undefined) {
  const peers: readonly [Candidate, Candidate, ...Candidate[]] = [
    { host: "10.0.0.2", port: 7, nodeId: "two", region: "eu", rpcPort: 8 },
    { host: "ten.example", nodeId: "ten" },
    { host: "fd00::3", port: 9 },
  ];
  const world = async (): Promise<DiscoveryWorld> => {
    const gate = await ConsulGate.open(server.httpPort);
    const ports = await TwoPorts.open();
    const chosen = options({ address: `127.0.0.1:${gate.port}`, timeoutMs: 1_000 });
    const { serviceName } = chosen;
    const forget = async (ids: readonly string[]): Promise<void> => {
      for (const id of ids) {
        await server.call("PUT", `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
      }
    };
    const idOf = (at: number): string => `listed-${serviceName}-${at}`;
    const known = async (own: boolean): Promise<readonly string[]> => {
      const entries = await server.entries(serviceName);
      return entries.map(({ Service: { ID } }) => ID)
        .filter((id) => id.startsWith("listed-") !== own);
    };
    return {
      provider: consulDiscovery(chosen),
      runtime,
      peers,
      self: ports.place,
      list: async (wanted) => {
        const ids = peers.flatMap((peer, at) => wanted.includes(peer) ? [] : [idOf(at)]);
        const there = await known(false);
        await forget(ids.filter((id) => there.includes(id)));
        for (const [at, peer] of peers.entries()) {
          if (!wanted.includes(peer)) continue;
          const { host, port, nodeId, region, rpcPort } = peer;
          await server.call("PUT", "/v1/agent/service/register", {
            ID: idOf(at),
            Name: serviceName,
            Address: host,
            ...(port === undefined ? {} : { Port: port }),
            Meta: {
              ...(nodeId === undefined ? {} : { node_id: nodeId }),
              ...(region === undefined ? {} : { region }),
              ...(rpcPort === undefined ? {} : { rpc_port: String(rpcPort) }),
            },
          });
        }
      },
      turn: (state) => Promise.resolve(gate.turn(state)),
      registered: async () => {
        const entries = await server.entries(serviceName);
        return entries.filter(({ Checks }) => Checks.every(({ Status }) => Status === "passing"))
          .map(({ Service: { Address, Port, Meta } }) => ({
            host: Address,
            port: Port,
            ...(Meta["node_id"] === undefined ? {} : { nodeId: Meta["node_id"] }),
            ...(Meta["region"] === undefined ? {} : { region: Meta["region"] }),
            ...(Meta["rpc_port"] === undefined ? {} : { rpcPort: Number(Meta["rpc_port"]) }),
          }));
      },
      forget: async () => await forget(await known(true)),
      asked: () => gate.passed.length,
      open: () => gate.connections,
      [Symbol.asyncDispose]: async () => {
        await gate[Symbol.asyncDispose]();
        await forget([...await known(true), ...await known(false)]);
        await ports[Symbol.asyncDispose]();
      },
    };
  };
  judge(
    "Consul discovery",
    discoveryCases({ world, has: ["announce", "withdraw", "turn", "forget", "registered"] }),
  );
}

describe("a Consul agent", () => {
  test("is told where the node is, what it is, and how to check both of its ports", async () => {
    const chosen = options();
    await using ports = await TwoPorts.open();
    await using visitor = await Visitor.open(chosen, ports.place);
    await visitor.announce();
    const id = `${chosen.serviceName}-gw-1`;
    const { port, rpcPort } = ports.place;
    const service = await server!.call("GET", `/v1/agent/service/${id}`) as {
      readonly [key: string]: unknown;
    };
    assert.equal(service["Address"], "127.0.0.1");
    assert.equal(service["Port"], port);
    assert.deepEqual(service["Meta"], {
      node_id: "gw-1",
      boot_id: "boot-1",
      region: "eu",
      rpc_port: String(rpcPort),
      version: "1.2.3",
      capabilities: "ack:v1,other:v2",
    });
    const checks = await server!.call("GET", "/v1/agent/checks") as Readonly<
      Record<string, Readonly<Record<string, unknown>>>
    >;
    assert.deepEqual(
      Object.values(checks).filter((check) => check["ServiceID"] === id)
        .map(({ Name, Type, Interval, Timeout }) => ({ Name, Type, Interval, Timeout })),
      [`gossip port 127.0.0.1:${port}`, `rpc port 127.0.0.1:${rpcPort}`].map((Name) => ({
        Name,
        Type: "tcp",
        Interval: "200ms",
        Timeout: "200ms",
      })),
    );
    await visitor.withdraw();
  });

  test("is told goodbye, and forgets the node when it stays away", async () => {
    const chosen = options({ deregisterAfterMs: 1_000 });
    await using observer = await Visitor.open(chosen, { nodeId: "observer" });
    await using ports = await TwoPorts.open();
    await using leaver = await Visitor.open(chosen, { ...ports.place, nodeId: "leaver" });
    await leaver.announce();
    await observer.sees("leaver");
    await leaver.withdraw();
    await observer.sees("leaver", false);
    await leaver.withdraw();
    assert.deepEqual(await server!.entries(chosen.serviceName), []);

    await using dead = await Visitor.open(chosen, { ...ports.place, nodeId: "dead" });
    await dead.announce();
    await observer.sees("dead");
    await ports[Symbol.asyncDispose]();
    await observer.sees("dead", false);
    // It is alive after all, and says why nobody sees it.
    await dead.until("it is forgotten", () => dead.forgotten.length > 0);
    assert.match(dead.said.join(" "), /checks of its ports fail .*(gossip|rpc) port 127\.0\.0\.1:/);
    await eventually("the agent has deregistered it", async () => {
      return (await server!.entries(chosen.serviceName)).length === 0;
    });
    await using again = await TwoPorts.open();
    await using back = await Visitor.open(chosen, { ...again.place, nodeId: "dead" });
    await back.announce();
    await observer.sees("dead");
  });

  test("hides a node whose RPC port alone is closed", async () => {
    const chosen = options();
    await using observer = await Visitor.open(chosen, { nodeId: "observer" });
    await using ports = await TwoPorts.open();
    await using half = await Visitor.open(chosen, { ...ports.place, nodeId: "half" });
    await half.announce();
    await observer.sees("half");
    await ports.closeRpc();
    await observer.sees("half", false);
    await half.until("it says why", () => half.said.length > 0);
    assert.match(half.said[0]!, /checks of its ports fail \{"failing":"rpc port [^,]*"\}/);
    await half.withdraw();
  });

  test("needs to be given two rules and no more", async () => {
    const { serviceName, ...chosen } = options();
    const write = `service "${serviceName}" { policy = "write" }`;
    const read = `service "${serviceName}" { policy = "read" }`;
    const nodes = 'node_prefix "" { policy = "read" }';
    await using ports = await TwoPorts.open();
    const visit = async (rules: string): Promise<Visitor> => {
      const token = await server!.token(rules);
      return await Visitor.open({ ...chosen, serviceName, token }, ports.place);
    };

    await using writer = await visit(`${write} ${nodes}`);
    await writer.announce();
    await writer.sees("gw-1");

    await using reader = await visit(`${read} ${nodes}`);
    await reader.sees("gw-1");
    await refused(reader.announce(), "refused", `lacks a rule, give it ${write}`);
    await refused(reader.announce(), "refused", "failed to register service with Consul");

    for (const rules of [nodes, write]) {
      await using blind = await visit(rules);
      await refused(blind.next(), "refused", `give it ${read} and ${nodes}`);
    }
    await writer.withdraw();
  });

  test("does not know every token, and keeps those it does not know out of errors", async () => {
    const token = "99999999-0000-0000-0000-000000000000";
    await using visitor = await Visitor.open(options({ token }));
    // One after the other: a second that is refused while nobody looks ends some runners.
    for (const call of [() => visitor.next(), () => visitor.announce()]) {
      const error = await refused(call(), "refused", "it does not know the token");
      assert.ok(!`${error.stack} ${JSON.stringify(error)} ${error.cause}`.includes(token));
    }
  });

  test("says that some instances are not to be seen, and shows the others", async () => {
    const chosen = options();
    await using ports = await TwoPorts.open();
    await using all = await Visitor.open(chosen, ports.place);
    await all.announce();
    await server!.call("PUT", "/v1/catalog/register", {
      Node: "hidden",
      Address: "10.0.0.9",
      Service: { Service: chosen.serviceName, ID: "hidden", Port: 7 },
    });
    await all.until("both are there", ({ candidates }) => candidates.length === 2);
    const rules = `service "${chosen.serviceName}" { policy = "read" }
      node "agent-under-test" { policy = "read" }`;
    await using some = await Visitor.open({ ...chosen, token: await server!.token(rules) });
    const { candidates } = await some.next();
    assert.deepEqual(candidates.map(({ nodeId }) => nodeId), ["gw-1"]);
    assert.match(some.said.join(), /warn the Consul token may not see all instances/);
    await all.withdraw();
    await server!.call("PUT", "/v1/catalog/deregister", { Node: "hidden" });
  });

  test("is spoken to over TLS when its certificate is trusted", async () => {
    const address = `localhost:${server!.httpsPort}`;
    const caFile = pem("cluster_ca");
    for (const at of [address, `https://127.0.0.1:${server!.httpsPort}`]) {
      await using visitor = await Visitor.open(options({ address: at, caFile }));
      assert.deepEqual((await visitor.next()).candidates, []);
    }
    for (const untrusting of [{ caFile: pem("foreign_ca") }, {}]) {
      await using visitor = await Visitor.open(
        options({ address: `https://${address}`, ...untrusting }),
      );
      await refused(visitor.next(), "refused", "TLS failed");
    }
    await using plain = await Visitor.open(options({ address }));
    await refused(plain.next(), "refused", "it answered 400");
    await using sealed = await Visitor.open(
      options({ address: `https://127.0.0.1:${server!.httpPort}`, caFile }),
    );
    await refused(sealed.next(), "refused", "TLS failed");
  });

  test("is asked for the catalog of a datacenter", async () => {
    await using here = await Visitor.open(options({ datacenter: DATACENTER }));
    assert.deepEqual((await here.next()).candidates, []);
    await using there = await Visitor.open(options({ datacenter: "elsewhere" }));
    await refused(there.next(), "unreachable", "No path to datacenter");
  });

  test("takes node ids and regions of any letters", async () => {
    const chosen = options();
    await using ports = await TwoPorts.open();
    const self = { ...ports.place, nodeId: "a b/ü?#%2F", region: "Zürich: 1" };
    await using visitor = await Visitor.open(chosen, self);
    await visitor.announce();
    const { candidates } = await visitor.sees(self.nodeId);
    assert.deepEqual(candidates, [{
      host: "127.0.0.1",
      ...ports.place,
      nodeId: self.nodeId,
      region: self.region,
    }]);
    await visitor.withdraw();
    await visitor.sees(self.nodeId, false);
    assert.deepEqual(await server!.entries(chosen.serviceName), []);
  });

  test("tells of a newcomer at once, and is asked one question in a while", async () => {
    await using gate = await ConsulGate.open(server!.httpPort);
    const chosen = options({ address: `127.0.0.1:${gate.port}` });
    await using observer = await Visitor.open(chosen, { nodeId: "observer" });
    await using ports = await TwoPorts.open();
    await using newcomer = await Visitor.open(
      { ...chosen, address: `127.0.0.1:${server!.httpPort}` },
      { ...ports.place, nodeId: "newcomer" },
    );
    await observer.next();
    const news = observer.sees("newcomer");
    const startedAt = performance.now();
    await newcomer.announce();
    await news;
    const tookMs = performance.now() - startedAt;
    // Half a second is the aim; machines that run the tests may be slow.
    assert.ok(tookMs < 3_000, `it took ${tookMs} ms`);

    const before = gate.passed.length;
    const patience = AbortSignal.timeout(2_000);
    await assert.rejects(observer.session.next(patience), (e) => ClusterError.is(e, "aborted"));
    assert.deepEqual(gate.passed.slice(before), [
      `GET /v1/health/service/${chosen.serviceName}?passing=true&index=` +
      `${gate.passed.at(-1)?.replace(/^.*index=|&.*$/g, "")}&wait=60000ms`,
    ]);
    await newcomer.withdraw();
  });

  test("is asked again when a question breaks off, and whether it still knows us", async () => {
    await using gate = await ConsulGate.open(server!.httpPort);
    const chosen = options({ address: `127.0.0.1:${gate.port}` });
    await using ports = await TwoPorts.open();
    await using visitor = await Visitor.open(chosen, ports.place);
    await visitor.announce();
    await visitor.sees("gw-1");
    const asked = gate.passed.length;
    const pending = visitor.next();
    pending.catch(() => {});
    await eventually("it has been asked", () => gate.passed.length > asked);
    gate.cut();
    await refused(pending, "unreachable", "the connection failed with ECONNRESET");
    const before = gate.passed.length;
    await visitor.sees("gw-1");
    assert.deepEqual(gate.passed.slice(before), [
      `GET /v1/health/service/${chosen.serviceName}?passing=true`,
      "GET /v1/agent/checks",
    ]);
    assert.deepEqual(visitor.forgotten, []);
    await visitor.withdraw();
  });

  test("that was restarted and knows nothing any more is told all again", async () => {
    await using agent = await ConsulServer.start();
    const token = crypto.randomUUID();
    const chosen = options({ address: `127.0.0.1:${agent.httpPort}`, token });
    const rules = `service "${chosen.serviceName}" { policy = "write" }
      node_prefix "" { policy = "read" }`;
    await agent.token(rules, token);
    await using ports = await TwoPorts.open();
    await using visitor = await Visitor.open(chosen, ports.place);
    await visitor.announce();
    await visitor.sees("gw-1");
    const pending = visitor.next();
    pending.catch(() => {});
    await agent.stop();
    await refused(pending, "unreachable", "check that the agent runs");
    await refused(visitor.next(), "unreachable", "ECONNREFUSED");
    await agent.resume();
    await agent.token(rules, token);
    await visitor.until("it is forgotten", () => visitor.forgotten.length > 0, 30_000);
    assert.deepEqual(await agent.entries(chosen.serviceName), []);
    await visitor.announce();
    await visitor.sees("gw-1");
    assert.equal(visitor.forgotten.length, 1);
  });
});

/** Waits for a rejection with that code and these words. */
async function refused(
  call: Promise<unknown>,
  code: ClusterErrorCode,
  words: string,
): Promise<ClusterError> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  assert.ok(ClusterError.is(error, code), `${code} was expected, but it came ${String(error)}`);
  assert.ok(error.message.includes(words), error.message);
  return error;
}
