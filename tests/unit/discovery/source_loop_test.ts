import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  DiscoveryContext,
  DiscoveryProvider,
  DiscoverySession,
  LogRecord,
} from "../../../mod.ts";
import { ClusterError } from "../../../mod.ts";
import { Rng } from "../../../src/core/rng.ts";
import { SourceLoop } from "../../../src/discovery/source_loop.ts";
import { ManualClock } from "../../../src/testing/memory/mod.ts";
import { type MemoryDiscovery, memoryDiscovery } from "../../../src/testing/memory_discovery.ts";
import { runtimeUnderTest } from "../../runtime_under_test.ts";

const platform = await runtimeUnderTest();

interface Bench extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly place: MemoryDiscovery;
  readonly loop: SourceLoop;
  readonly answers: string[];
  readonly changes: string[];
  readonly log: LogRecord[];
}

/** A loop on virtual time; `change` may replace the calls of its session. */
function bench(change: (session: DiscoverySession) => Partial<DiscoverySession> = () => ({})) {
  const clock = new ManualClock();
  const place = memoryDiscovery();
  const provider: DiscoveryProvider = {
    name: place.name,
    open: async (context: DiscoveryContext) => {
      const session = await place.open(context);
      return {
        next: (signal) => session.next(signal),
        announce: (signal) => session.announce!(signal),
        withdraw: (signal) => session.withdraw!(signal),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
        ...change(session),
      };
    },
  };
  const [answers, changes, log]: [string[], string[], LogRecord[]] = [[], [], []];
  const loop = new SourceLoop({
    name: "memory",
    provider,
    clock,
    rng: new Rng(1),
    context: {
      runtime: { ...platform, clock },
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
    say: (level, message, fields = {}) => log.push({ level, message, fields }),
    onAnswer: (candidates) =>
      answers.push(candidates.map(({ host, nodeId }) => nodeId ?? host).join(" ")),
    onChange: (change) => changes.push(change),
  });
  return {
    clock,
    place,
    loop,
    answers,
    changes,
    log,
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  } satisfies Bench;
}

const said = ({ log }: Bench, text: string): LogRecord[] =>
  log.filter(({ message }) => message === text);

describe("the loop of a source", () => {
  it("hands on every answer, for as long as it runs", async () => {
    await using at = bench();
    at.place.list([{ host: "10.0.0.2" }]);
    await at.loop.start();
    await at.clock.advance(10);
    at.place.list([{ host: "10.0.0.2" }, { host: "10.0.0.3" }]);
    await at.clock.advance(100);
    assert.equal(at.answers.at(-1), "10.0.0.2 10.0.0.3 a");
    assert.equal(at.loop.state.lastSuccessMs !== undefined, true);
    const { length } = at.answers;
    await at.loop[Symbol.asyncDispose]();
    at.place.list([]);
    await at.clock.advance(60_000);
    assert.equal(at.answers.length, length);
    assert.equal(at.place.sessions, 0);
  });

  it("asks a failing source with growing waits, says so without filling the log, and when it is well", async () => {
    await using at = bench();
    at.place.turn("failing");
    await at.loop.start();
    await at.clock.advance(10 * 60_000);
    // 10 minutes at 7.5 to 15 s a try, for `next` and `announce`.
    assert.ok(at.place.asked > 60 && at.place.asked < 180, `${at.place.asked} questions`);
    const failed = said(at, "discovery failed");
    assert.ok(failed.length > 0 && failed.length <= 55, `${failed.length} records`);
    assert.match(String(failed[0]?.fields?.["reason"]), /memory/);
    assert.ok(failed.some(({ fields }) => Number(fields?.["suppressed"]) > 0));
    assert.ok(at.loop.state.failures > 30);
    assert.match(at.loop.state.lastError?.message ?? "", /it fails/);
    at.place.turn("well");
    await at.clock.advance(16_000);
    assert.equal(at.loop.state.failures, 0);
    assert.deepEqual(at.changes.toSorted(), ["announced", "failed", "recovered"]);
    assert.equal(said(at, "discovery works again").length, 1);
  });

  it("announces until the source takes it, and again when it was forgotten, but not in step", async () => {
    await using at = bench();
    at.place.turn("failing");
    await at.loop.start();
    await at.clock.advance(5_000);
    assert.equal(at.loop.state.announced, false);
    at.place.turn("well");
    await at.clock.advance(16_000);
    assert.equal(at.loop.state.announced, true);
    assert.equal(at.place.registered[0]?.rpcPort, 8);
    at.place.forget();
    assert.equal(at.loop.state.announced, false);
    await at.clock.advance(400);
    assert.equal(at.place.registered.length, 0, "it waits a little");
    await at.clock.advance(700);
    assert.equal(at.place.registered.length, 1);
    assert.ok(at.changes.join(" ").endsWith("announced forgotten announced"), at.changes.join(" "));
  });

  it("does not run wild with a source that forgets at once", async () => {
    let announced = 0;
    await using at = bench((session) => ({
      announce: async (signal) => {
        announced++;
        await session.announce!(signal);
        queueMicrotask(() => at.place.forget());
      },
    }));
    await at.loop.start();
    await at.clock.advance(10 * 60_000);
    assert.ok(announced > 10 && announced < 120, `${announced} announcements in 10 minutes`);
  });

  it("withdraws when the node leaves, and announces no more", async () => {
    await using at = bench();
    await at.loop.start();
    await at.clock.advance(100);
    assert.equal(at.place.registered.length, 1);
    await at.clock.until(at.loop.withdraw());
    assert.equal(at.place.registered.length, 0);
    at.place.forget();
    await at.clock.advance(60_000);
    assert.equal(at.place.registered.length, 0);
    assert.equal(at.changes.at(-1), "withdrawn");
  });

  it("waits no longer than 3 s for a withdrawal that hangs", async () => {
    await using at = bench(() => ({ withdraw: () => new Promise(() => {}) }));
    await at.loop.start();
    await at.clock.advance(100);
    const before = at.clock.now();
    await at.clock.until(at.loop.withdraw());
    assert.ok(at.clock.now() - before <= 3_100);
    assert.equal(said(at, "failed to withdraw this node from discovery").length, 1);
  });

  it("closes although a session does not", async () => {
    await using at = bench(() => ({ [Symbol.asyncDispose]: () => new Promise(() => {}) }));
    await at.loop.start();
    await at.clock.until(at.loop[Symbol.asyncDispose](), 5_000);
  });

  it("rejects its start with what opening rejects with", async () => {
    await using at = bench();
    const loop = new SourceLoop({
      name: "x",
      clock: at.clock,
      rng: new Rng(1),
      context: {} as never,
      say: () => {},
      onAnswer: () => {},
      onChange: () => {},
      provider: {
        name: "x",
        open: () => Promise.reject(new ClusterError("bad-config", "Cannot read x: it is missing")),
      },
    });
    await assert.rejects(loop.start(), (error) => ClusterError.is(error, "bad-config"));
  });

  it("survives a provider that answers rubbish or throws", async () => {
    const rubbish = [undefined, 3, {}, { candidates: "x" }, { candidates: [], againMs: NaN }];
    let calls = 0;
    await using at = bench(() => ({
      next: (() => {
        const answer = rubbish[calls++ % (rubbish.length + 1)];
        if (calls % (rubbish.length + 1) === 0) throw new Error("thrown");
        return Promise.resolve(answer);
      }) as never,
    }));
    await at.loop.start();
    await at.clock.advance(120_000);
    assert.ok(calls > rubbish.length && calls < 3_000, `${calls} calls`);
    assert.ok(at.answers.length > 0);
  });
});
