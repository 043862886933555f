/** @module */

import { ClusterError } from "../../core/errors.ts";
import type { LinkStream, RpcSecurity } from "../../ports/rpc.ts";
import type { Rule } from "./case.ts";
import type { RpcSetup } from "./rpc.ts";
import { batch, hostLinks, OPEN, openLink, readFrames, sequencesOf } from "./rpc_pair.ts";

const KEYS = [1, 2, 3].map((n) => new Uint8Array(32).fill(n));
const [KEY_A, KEY_B, KEY_C] = KEYS as [Uint8Array, Uint8Array, Uint8Array];
const TOKEN = "correct-horse-battery-staple";
const WRONG_TOKEN = "correct-horse-battery-stable";

/** Who may open links, without TLS. */
export function rpcSecurityRules(setup: RpcSetup): Record<string, Rule | string> {
  const withKeys = (...keys: Uint8Array[]): RpcSecurity => ({ linkKeys: () => keys });
  const withToken = (token: string): RpcSecurity => ({ token, linkKeys: () => [] });

  const dial = async (
    server: RpcSecurity,
    caller: RpcSecurity,
  ): Promise<{ error?: unknown; refused: string[]; accepted: number }> => {
    await using host = await hostLinks(setup, server);
    const { refused, accepted } = host;
    let link: LinkStream;
    try {
      link = await setup.rpc.dial(host.server.local, { security: caller, timeoutMs: 5_000 });
    } catch (error) {
      return { error, refused, accepted: accepted.length };
    }
    await link.send(batch(1));
    const read = sequencesOf(await readFrames(accepted[0]!, 1));
    link.close();
    if (read[0] !== 1) throw new Error("the frame did not arrive");
    return { refused, accepted: accepted.length };
  };
  const passes = (server: RpcSecurity, caller: RpcSecurity): Rule => async (bench) => {
    const { error, refused } = await dial(server, caller);
    bench.expect(error === undefined, `the dial failed: ${String(error)}`);
    bench.same(refused, [], "refusals");
  };
  const fails =
    (server: RpcSecurity, caller: RpcSecurity, isTold: boolean = true): Rule => async (bench) => {
      const { error, refused, accepted } = await dial(server, caller);
      bench.expect(ClusterError.is(error, "refused"), `the dial was not refused: ${String(error)}`);
      bench.same(accepted, 0, "links accepted");
      if (isTold) bench.expect(refused.length > 0, "onRefused was not told");
      const words = `${String(error)} ${String((error as Error).cause)} ${refused.join(" ")}`;
      for (const secret of [TOKEN, WRONG_TOKEN]) {
        bench.expect(!words.includes(secret), "a token is in the error or in the reason");
      }
    };

  return {
    "refuses a caller without credentials where a token is set": fails(withToken(TOKEN), OPEN),
    "refuses a caller without credentials where keys are set": fails(withKeys(KEY_A), OPEN),
    "accepts the token": passes(withToken(TOKEN), withToken(TOKEN)),
    // The dialler is the one that refuses: it says its token to nobody who does not prove to hold it.
    "refuses another token of the same length": fails(
      withToken(TOKEN),
      withToken(WRONG_TOKEN),
      false,
    ),
    "refuses the beginning of the token": fails(
      withToken(TOKEN),
      withToken(TOKEN.slice(0, -1)),
      false,
    ),
    "refuses, as a dialler with a token, an acceptor that has none": fails(
      OPEN,
      withToken(TOKEN),
      false,
    ),
    "accepts a link key": passes(withKeys(KEY_A), withKeys(KEY_A)),
    "accepts any key of the acceptor's ring": passes(withKeys(KEY_A, KEY_B), withKeys(KEY_B)),
    "lets a dialler use a key that is not its primary": passes(
      withKeys(KEY_B),
      withKeys(KEY_A, KEY_B),
    ),
    "accepts rings that share a key in any order": passes(
      withKeys(KEY_A, KEY_B),
      withKeys(KEY_C, KEY_B),
    ),
    "refuses rings that share no key": fails(withKeys(KEY_A, KEY_B), withKeys(KEY_C), false),
    "refuses, as a dialler with keys, an acceptor that holds none": fails(
      OPEN,
      withKeys(KEY_A),
      false,
    ),
    "accepts a token though keys are set too": passes(
      { token: TOKEN, linkKeys: () => [KEY_A] },
      withToken(TOKEN),
    ),
    "accepts a key though a token is set too": passes(
      { token: TOKEN, linkKeys: () => [KEY_A] },
      withKeys(KEY_A),
    ),
    "refuses a wrong token though keys are set too": fails(
      { token: TOKEN, linkKeys: () => [KEY_A] },
      withToken(WRONG_TOKEN),
      false,
    ),
    "refuses an empty token as a mistake": async (bench) => {
      const failure = await hostLinks(setup, withToken("")).then(() => undefined, (e) => e);
      bench.expect(failure instanceof RangeError, `no RangeError: ${String(failure)}`);
    },
    "refuses a proof that was made for another address": async (bench) => {
      const security = withKeys(KEY_A);
      await using host = await hostLinks(setup, security, { audience: () => ["192.0.2.1:1"] });
      const dialling = setup.rpc.dial(host.server.local, { security, timeoutMs: 5_000 });
      await bench.rejects(dialling, "refused", "dialling somebody else");
    },
    "accepts a proof for one of the addresses it goes by": async (bench) => {
      const security = withKeys(KEY_A);
      let local = "";
      await using host = await hostLinks(setup, security, {
        audience: () => ["192.0.2.1:1", local],
      });
      local = host.server.local;
      const link = await setup.rpc.dial(local, { security, timeoutMs: 5_000 });
      bench.same(host.accepted.length, 1, "links accepted");
      link.close();
    },
    "drops nothing while keys rotate under traffic": async (bench) => {
      const ring = { near: [KEY_A], far: [KEY_A] };
      const near: RpcSecurity = { linkKeys: () => ring.near };
      const far: RpcSecurity = { linkKeys: () => ring.far };
      await using host = await hostLinks(setup, far);
      const dial = (): Promise<LinkStream> =>
        setup.rpc.dial(host.server.local, { security: near, timeoutMs: 5_000 });
      const lasting = await dial();
      let sent = 0;
      // The order of a rotation: install everywhere, use everywhere, remove everywhere; each node in its own time.
      const steps: readonly [Uint8Array[], Uint8Array[]][] = [
        [[KEY_A], [KEY_A, KEY_B]],
        [[KEY_A, KEY_B], [KEY_A, KEY_B]],
        [[KEY_B, KEY_A], [KEY_A, KEY_B]],
        [[KEY_B, KEY_A], [KEY_B, KEY_A]],
        [[KEY_B], [KEY_B, KEY_A]],
        [[KEY_B], [KEY_B]],
      ];
      for (const [i, [nearKeys, farKeys]] of steps.entries()) {
        // While links open, so that the rotation meets handshakes at every stage.
        const opening = [dial(), dial(), dial()];
        await bench.pass(i);
        ring.near = nearKeys;
        ring.far = farKeys;
        for (const link of await Promise.all(opening)) {
          await link.send(batch(1));
          link.close();
        }
        await lasting.send(batch(++sent));
      }
      const read = await readFrames(host.accepted[0]!, steps.length);
      bench.same(sequencesOf(read), steps.map((_, i) => i + 1), "what arrived on the open link");
      bench.same(host.accepted.length, 1 + 3 * steps.length, "links accepted");
      lasting.close();
    },
    "keeps an open link when the last shared key goes": async (bench) => {
      let keys = [KEY_A];
      await using link = await openLink(setup, { linkKeys: () => keys });
      keys = [KEY_B];
      await link.dialler.send(batch(1));
      bench.same(sequencesOf(await readFrames(link.acceptor, 1)), [1], "what arrived");
    },
  };
}
