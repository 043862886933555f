/**
 * Kubernetes discovery against a server that answers rubbish, too much, or nothing: bounded, logged, never fatal.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type ClusterErrorCode } from "../../../mod.ts";
import { eventually } from "../../eventually.ts";
import { Account, type AccountPlan, type PodSession } from "./pod_session.ts";
import { podAt, type Script, ScriptedApi, sendJson, sendStatus } from "./scripted_api.ts";

/** Runs `work` with a session at a scripted server. */
async function against(
  work: (api: ScriptedApi, session: PodSession, account: Account) => Promise<void>,
  plan: AccountPlan & { readonly certificate?: string; readonly timeoutMs?: number } = {},
): Promise<void> {
  await using api = await ScriptedApi.start(plan.certificate);
  using account = await Account.make(api.port, plan);
  await using session = await account.open({ timeoutMs: plan.timeoutMs ?? 10_000 });
  await work(api, session, account);
}

async function rejects(
  call: Promise<unknown>,
  code: ClusterErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(ClusterError.is(error), String(error));
    assert.match(error.message, message);
    assert.match(error.message, /^Cannot (list|watch) pods of the Kubernetes namespace "default"/);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** The session lists again, and is told `again` without another failure. */
async function recovers(api: ScriptedApi, session: PodSession): Promise<void> {
  api.pods = [podAt("again", "10.1.0.9")];
  // With short time limits a busy machine may make it fail again.
  await eventually(
    "it finds a pod",
    () => session.hosts().then((hosts) => hosts === "10.1.0.9", () => false),
  );
  assert.ok(session.said("error listing pods").length > 0);
}

const flood: Script = (_question, answer) => {
  answer.writeHead(200);
  const chunk = "x".repeat(256 * 1024);
  const more = (): void => {
    while (!answer.destroyed && answer.write(chunk));
    if (!answer.destroyed) answer.once("drain", more);
  };
  more();
};

describe("a list", () => {
  const answers: readonly (readonly [string, Script, ClusterErrorCode, RegExp])[] = [
    [
      "that is no JSON",
      (_q, answer) => answer.end("<html>"),
      "bad-data",
      /no JSON, check the addr/,
    ],
    [
      "of something else",
      (_q, answer) => sendJson(answer, 200, [1]),
      "bad-data",
      /no list of pods/,
    ],
    [
      "of things that are no pods",
      (_q, answer) => sendJson(answer, 200, { metadata: { resourceVersion: "1" }, items: [{}] }),
      "bad-data",
      /no pod, check the address/,
    ],
    [
      "that breaks off",
      (_q, answer) => {
        answer.writeHead(200, { "content-length": "1000" });
        answer.write("{", () => answer.destroy());
      },
      "unreachable",
      /./,
    ],
    [
      "that never ends",
      (_q, answer) => {
        answer.writeHead(200);
        answer.write("{");
      },
      "timeout",
      /no answer within 1000 ms/,
    ],
    ["that never begins", () => {}, "timeout", /no answer within 1000 ms/],
    ["that leads elsewhere", (_q, answer) => sendJson(answer, 302, {}), "bad-data", /302/],
    [
      "that fails",
      (_q, answer) => sendStatus(answer, 500, "etcd is\u001b[31m away"),
      "unreachable",
      /answers 500 \(etcd is \[31m away\), look at its log/,
    ],
    [
      "that is throttled, in words that are no JSON",
      (_q, answer) => {
        answer.writeHead(429);
        answer.end("slow down");
      },
      "unreachable",
      /answers 429, look/,
    ],
    [
      "by a selector that is none",
      (_q, answer) => sendStatus(answer, 400, "unable to parse requirement"),
      "refused",
      /answers 400 \(unable to parse requirement\), check the label selector/,
    ],
    [
      "without credentials that are good",
      (_q, answer) => sendStatus(answer, 401, "Unauthorized"),
      "refused",
      /the pod's service account is not accepted, renew it \(Unauthorized\)/,
    ],
  ];
  for (const [what, script, code, message] of answers) {
    it(`${what} is a failure that passes`, async () => {
      await against(async (api, session) => {
        const { onList } = api;
        api.onList = script;
        await rejects(session.next(), code, message);
        const [record] = session.said("error listing pods");
        assert.match(String(record?.fields?.["reason"]), message);
        api.onList = onList;
        await recovers(api, session);
      }, code === "timeout" ? { timeoutMs: 1_000 } : {});
    });
  }

  it("of a server with another authority's certificate is refused", async () => {
    await against(async (_api, session) => {
      await rejects(session.next(), "refused", /certificate is not accepted \(.+\), check the CA/);
    }, { certificate: "foreign" });
  });

  it("of a server with a certificate for another address is refused", async () => {
    await against(async (_api, session) => {
      await rejects(session.next(), "refused", /certificate is not accepted \(.+\), check the CA/);
    }, { certificate: "elsewhere" });
  });

  it("in pages is put together", async () => {
    await against(async (api, session) => {
      api.onList = ({ query }, answer) => {
        const from = Number(query.get("continue") ?? "0");
        const more = from < 2 ? { continue: String(from + 1) } : {};
        const items = [podAt(`gw-${from}`, `10.1.1.${from}`)];
        sendJson(answer, 200, { metadata: { resourceVersion: "1", ...more }, items });
      };
      assert.equal(await session.hosts(), "10.1.1.0 10.1.1.1 10.1.1.2");
      assert.equal(api.questions[0]?.query.get("limit"), "500");
    });
  });

  it("in pages without end does end", async () => {
    await against(async (api, session) => {
      api.onList = (_question, answer) => {
        const metadata = { resourceVersion: "1", continue: "on and on" };
        sendJson(answer, 200, { metadata, items: [podAt("gw", "10.1.1.1")] });
      };
      assert.equal(await session.hosts(), "10.1.1.1");
      assert.ok(api.questions.length <= 25, `${api.questions.length} questions`);
    });
  });
});

describe("a watch", () => {
  const texts: readonly (readonly [string, string, ClusterErrorCode, RegExp])[] = [
    ["of rubbish", "\u0000\u0001rubbish\n", "bad-data", /no JSON/],
    ["of other JSON", "[]\n", "bad-data", /the watch tells what is no event/],
    ["of pods that are none", '{"type":"ADDED","object":{"metadata":1}}\n', "bad-data", /no pod/],
    ["of kinds that are not known", '{"type":"NEWS","object":{}}\n', "bad-data", /no event/],
    [
      "that tells an error",
      '{"type":"ERROR","object":{"code":500,"message":"etcdserver: no leader"}}\n',
      "unreachable",
      /ended by an error 500/,
    ],
  ];
  for (const [what, text, code, message] of texts) {
    it(`${what} is a failure that passes`, async () => {
      await against(async (api, session) => {
        assert.equal(await session.hosts(), "");
        await eventually("a watch is open", () => api.watches.length === 1);
        api.watches[0]?.write(text);
        await rejects(session.next(), code, message);
        await recovers(api, session);
      });
    });
  }

  it("of one line without end is cut off", async () => {
    await against(async (api, session) => {
      const { onWatch } = api;
      api.onWatch = flood;
      const next = async (): Promise<unknown> => {
        for (;;) await session.next();
      };
      await rejects(next(), "bad-data", /an event is longer than 8388608 characters/);
      await eventually("the flood is cut off", () => api.open === 0);
      api.onWatch = onWatch;
      await recovers(api, session);
    });
  });

  it("that ends at once again and again is not asked for in a tight loop", async () => {
    await against(async (api, session) => {
      api.onWatch = (_question, answer) => answer.end();
      assert.equal(await session.hosts(), "");
      await rejects(session.next(), "unreachable", /the watch ended at once/);
      assert.equal(await session.hosts(), "");
      await rejects(session.next(), "unreachable", /the watch ended at once/);
      assert.equal(api.questions.length, 4);
      assert.equal(session.said("error listing pods").length, 1);
    });
  });

  it("whose every version is gone is not asked for in a tight loop", async () => {
    await against(async (api, session) => {
      api.onWatch = (_question, answer) => sendStatus(answer, 410, "too old");
      const next = async (): Promise<unknown> => {
        for (;;) await session.next();
      };
      await rejects(next(), "bad-data", /every version that it tells is gone at once/);
      assert.ok(api.questions.length <= 6, `${api.questions.length} questions`);
    });
  });

  it("that never begins is a failure that passes", async () => {
    await against(async (api, session) => {
      const { onWatch } = api;
      api.onWatch = () => {};
      assert.equal(await session.hosts(), "");
      await rejects(session.next(), "timeout", /no answer within 3000 ms/);
      api.onWatch = onWatch;
      await recovers(api, session);
    }, { timeoutMs: 3_000 });
  });

  it("that is refused names the verb and the resource", async () => {
    await against(async (api, session) => {
      api.onWatch = (_question, answer) => sendStatus(answer, 403, 'User "sa" cannot watch');
      assert.equal(await session.hosts(), "");
      await rejects(
        session.next(),
        "refused",
        /user "sa" may not "watch" the resource "pods", bind/,
      );
    });
  });

  it("may tell of more pods than are remembered", async () => {
    await against(async (api, session) => {
      assert.equal(await session.hosts(), "");
      await eventually("a watch is open", () => api.watches.length === 1);
      for (let i = 0; i < 10_010; i++) {
        api.tell("ADDED", podAt(`gw-${i}`, `10.2.${i >> 8}.${i & 255}`));
      }
      await eventually("all are told", async () => (await session.next()).length === 10_000);
      await eventually(
        "the rest is logged",
        () => session.said("ignoring pods beyond the most that are remembered").length === 1,
      );
    });
  });
});
