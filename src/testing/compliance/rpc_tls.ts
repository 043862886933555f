/** @module */

import { ClusterError } from "../../core/errors.ts";
import type { RpcSecurity, RpcTls } from "../../ports/rpc.ts";
import type { Rule } from "./case.ts";
import type { RpcSetup } from "./rpc.ts";
import { batch, hostLinks, OPEN, openLink, readFrames, sequencesOf } from "./rpc_pair.ts";

const KEY = new Uint8Array(32).fill(9);
const TOKEN = "a-token-over-tls";

/** TLS and mutual TLS. */
export function rpcTlsRules(setup: RpcSetup): Record<string, Rule | string> {
  const over = (
    tls: RpcTls | undefined,
    clientAuth: boolean,
    more: Partial<RpcSecurity> = {},
  ): RpcSecurity => ({
    ...OPEN,
    ...(tls === undefined ? {} : { tls: { ...tls, clientAuth } }),
    ...more,
  });
  const { node, elsewhere, foreign } = setup.tls ?? {};
  const ruled = (rule: Rule): Rule | string =>
    setup.tls === undefined ? "needs certificates" : rule;

  const carries = (server: RpcSecurity, caller: RpcSecurity): Rule | string =>
    ruled(async (bench) => {
      await using host = await hostLinks(setup, server);
      const link = await setup.rpc.dial(host.server.local, { security: caller, timeoutMs: 5_000 });
      await link.send(batch(5));
      bench.same(sequencesOf(await readFrames(host.accepted[0]!, 1)), [5], "what arrived");
      link.close();
    });
  const refuses = (server: RpcSecurity, caller: RpcSecurity): Rule | string =>
    ruled(async (bench) => {
      await using host = await hostLinks(setup, server);
      const dialling = setup.rpc.dial(host.server.local, { security: caller, timeoutMs: 5_000 });
      const error = await dialling.then((link) => (link.close(), undefined), (reason) => reason);
      bench.expect(ClusterError.is(error, "refused"), `the dial was not refused: ${String(error)}`);
      bench.same(host.accepted.length, 0, "links accepted");
      // The server goes on.
      const link = await setup.rpc.dial(host.server.local, { security: server, timeoutMs: 5_000 });
      link.close();
    });

  return {
    "carries links over TLS": carries(over(node, false), over(node, false)),
    "carries links over mutual TLS": carries(over(node, true), over(node, true)),
    "carries 4 MiB over mutual TLS": ruled(async (bench) => {
      await using link = await openLink(setup, over(node, true));
      const entry = new Uint8Array(4 * 1024 * 1024).fill(3);
      const reading = readFrames(link.acceptor, 1);
      await link.dialler.send(batch(1, entry));
      const [frame] = await bench.within(10_000, "the batch", reading);
      bench.same(frame?.frame.case === "batch" && frame.frame.value.entries[0], entry, "the entry");
    }),
    "refuses a client certificate of another CA": refuses(over(node, true), over(foreign, true)),
    "refuses a caller without TLS": refuses(over(node, false), OPEN),
    "refuses, as a dialler, a server without TLS": ruled(async (bench) => {
      await using host = await hostLinks(setup, OPEN);
      const security = over(node, false);
      const dialling = setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await bench.rejects(dialling, "refused", "dialling with TLS");
    }),
    "refuses, as a dialler, a server certificate of another CA": ruled(async (bench) => {
      await using host = await hostLinks(setup, over(foreign, false));
      const security = over(node, false);
      const dialling = setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await bench.rejects(dialling, "refused", "dialling an impostor");
    }),
    "refuses, as a dialler, a server certificate for another address": ruled(async (bench) => {
      await using host = await hostLinks(setup, over(elsewhere, false));
      const security = over(node, false);
      const dialling = setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await bench.rejects(dialling, "refused", "dialling an impostor");
    }),
    "demands the token over TLS": refuses(
      over(node, false, { token: TOKEN }),
      over(node, false),
    ),
    "accepts the token over TLS": carries(
      over(node, false, { token: TOKEN }),
      over(node, false, { token: TOKEN }),
    ),
    "demands a link key over TLS": refuses(
      over(node, false, { linkKeys: () => [KEY] }),
      over(node, false),
    ),
    "accepts a link key over TLS": carries(
      over(node, false, { linkKeys: () => [KEY] }),
      over(node, false, { linkKeys: () => [KEY] }),
    ),
    "takes a client certificate for all that is needed": carries(
      over(node, true, { token: TOKEN, linkKeys: () => [KEY] }),
      over(node, true),
    ),
    "rejects with bad-config certificates that cannot be used": ruled(async (bench) => {
      const broken = { ...node!, cert: "no certificate", key: "-----BEGIN no-key-in-errors" };
      const serving = hostLinks(setup, over(broken, false));
      await bench.rejects(serving, "bad-config", "serving with broken certificates");
      const message = await serving.then(() => "", (error) => String(error));
      bench.expect(!message.includes("no-key-in-errors"), "the key is in the error");
    }),
  };
}
