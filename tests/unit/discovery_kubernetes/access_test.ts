/**
 * Where the API server and the credentials come from: the pod's service account, or a kubeconfig.
 */

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  kubernetesDiscovery,
  type KubernetesDiscoveryOptions,
} from "../../../adapters/discovery_kubernetes/kubernetes_discovery.ts";
import { ROOT } from "../../../tools/project.ts";
import { Account, PodSession } from "./pod_session.ts";
import { ScriptedApi } from "./scripted_api.ts";

const fixture = (name: string): string => join(ROOT, "tests/fixtures/tls", name);

/** Port 9 answers nobody; nothing here asks. */
async function refuses(
  change: (account: Account) => Partial<KubernetesDiscoveryOptions> | void,
  message: RegExp,
): Promise<void> {
  using account = await Account.make(9);
  const options = change(account) ?? {};
  await assert.rejects(account.open(options), {
    name: "ClusterError",
    code: "bad-config",
    message,
  });
}

describe("in a pod", () => {
  it("the namespace is the pod's own, and logged when it is not default", async () => {
    await using api = await ScriptedApi.start();
    for (
      const [namespace, given, used] of [
        [undefined, undefined, "default"],
        ["prod", undefined, "prod"],
        ["prod", "other", "other"],
        ["default", undefined, "default"],
      ] as const
    ) {
      using account = await Account.make(api.port, namespace === undefined ? {} : { namespace });
      await using session = await account.open({ namespace: given });
      await session.next();
      const asked = api.questions.findLast(({ query }) => !query.has("watch"));
      assert.equal(asked?.path, `/api/v1/namespaces/${used}/pods`);
      const lines = session.said("listing pods in another namespace than default");
      assert.deepEqual(
        lines.map(({ fields }) => fields?.["namespace"]),
        used === "default" ? [] : [used],
      );
    }
  });

  it("a missing token or authority is a sentence with the cure", async () => {
    await refuses(
      ({ folder }) => rmSync(join(folder, "token")),
      /token" can't be read, let the pod have a service account and automountServiceAccountToken$/,
    );
    await refuses(({ folder }) => rmSync(join(folder, "ca.crt")), /ca\.crt" can't be read/);
  });

  it("a token that vanishes later is a failure that passes", async () => {
    await using api = await ScriptedApi.start();
    using account = await Account.make(api.port);
    await using session = await account.open();
    rmSync(join(account.folder, "token"));
    await assert.rejects(session.next(), {
      code: "refused",
      message: /^Cannot list pods of the Kubernetes namespace .*: ".*token" can't be read/,
    });
    account.rotate("back");
    await session.next();
    assert.equal(api.questions[0]?.authorization, "Bearer back");
  });

  it("names and selectors that can't be are refused", async () => {
    await refuses((account) => {
      writeFileSync(join(account.folder, "namespace"), "a/../b");
    }, /the namespace is "a\/\.\.\/b", allowed are/);
    const wrong = (options: Partial<KubernetesDiscoveryOptions>): void =>
      void kubernetesDiscovery({ labelSelector: "app=gw", ...options });
    assert.throws(() => wrong({ namespace: "Prod" }), { code: "bad-config" });
    assert.throws(() => wrong({ labelSelector: "" }), { code: "bad-config" });
  });
});

it("outside of pods a kubeconfig is asked for", async () => {
  using account = await Account.make(9);
  const runtime = { ...account.runtime, env: { get: () => undefined } };
  await assert.rejects(PodSession.open(account.provider(), runtime), {
    code: "bad-config",
    message: /KUBERNETES_SERVICE_HOST .* not set, so that this is no pod, run in one or set disc/,
  });
});

describe("a kubeconfig", () => {
  const config = (user: object, cluster: object, context: object = {}): string =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "c", user: "u", ...context } }],
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
    });

  it("says where, with which token, and in which namespace", async () => {
    await using api = await ScriptedApi.start();
    using account = await Account.make(9);
    const kubeconfig = join(account.folder, "config");
    const cluster = {
      server: `https://127.0.0.1:${api.port}/behind/`,
      "certificate-authority": "ca.crt",
    };
    writeFileSync(kubeconfig, config({ token: "of-the-file" }, cluster, { namespace: "team" }));
    await using session = await account.open({ kubeconfig });
    await session.next();
    const [asked] = api.questions;
    assert.equal(asked?.path, "/behind/api/v1/namespaces/team/pods");
    assert.equal(asked?.authorization, "Bearer of-the-file");
    assert.equal(session.said("listing pods in another namespace than default").length, 1);
  });

  it("may name a file with the token, which may end in a line feed", async () => {
    await using api = await ScriptedApi.start();
    using account = await Account.make(9);
    const kubeconfig = join(account.folder, "config");
    const server = `https://127.0.0.1:${api.port}`;
    const cluster = { server, "certificate-authority": "ca.crt" };
    writeFileSync(kubeconfig, config({ "token-file": join(account.folder, "token") }, cluster));
    await using session = await account.open({ kubeconfig });
    await session.next();
    assert.equal(api.questions[0]?.authorization, "Bearer first-token");
  });

  it("may hold the certificates themselves", async () => {
    await using api = await ScriptedApi.start();
    using account = await Account.make(9);
    const kubeconfig = join(account.folder, "config");
    const data = (name: string): string => readFileSync(fixture(name)).toString("base64");
    const cluster = {
      server: `https://localhost:${api.port}`,
      "certificate-authority-data": data("cluster_ca.pem"),
    };
    const user = {
      "client-certificate-data": data("node.pem"),
      "client-key-data": data("node.key.pem"),
    };
    writeFileSync(kubeconfig, config(user, cluster));
    await using session = await account.open({ kubeconfig });
    assert.deepEqual(await session.next(), []);
    assert.equal(api.questions[0]?.path, "/api/v1/namespaces/default/pods");
  });

  it("that can't be used is refused with its path and the cure", async () => {
    const given = (text: string | undefined) => ({ folder }: Account): { kubeconfig: string } => {
      const kubeconfig = join(folder, "config");
      if (text !== undefined) writeFileSync(kubeconfig, text);
      return { kubeconfig };
    };
    await refuses(
      given(undefined),
      /with the kubeconfig ".*config": it can't be read \(.+\), check/,
    );
    await refuses(given("{{{"), /can't be read/);
    await refuses(given("[]"), /can't be read|leads to no cluster/);
    await refuses(given("{}"), /can't be read|leads to no cluster/);
    await refuses(
      given(config({}, { server: "https://a" }, { cluster: "b" })),
      /"here" leads to no cluster, set/,
    );
    await refuses(given(config({}, { server: "http://a" })), /server is "http:\/\/a", use one/);
  });
});
