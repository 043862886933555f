import assert from "node:assert/strict";
import { describe } from "node:test";
import { GoPeer } from "./go_peer.ts";
import { GoProcess } from "./go_process.ts";
import { OurNode } from "./our_node.ts";
import { key, withGo } from "./setting.ts";

/** Thirty nodes share two processes and a small machine: slower probes, and a state exchange every two seconds. */
const CALM = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  gossipIntervalMs: 100,
  pushPullIntervalMs: 2000,
  retransmitMult: 4,
  suspicionMult: 4,
} as const;

const HALF = 15;
const WITHIN_MS = 30_000;

describe("thirty nodes, half Go and half ours", () => {
  withGo(
    "converge, agree on the dead and the left, and take newcomers from both sides",
    async () => {
      const keys = [key(16)];
      await using latest = await GoProcess.start("latest");
      await using old = await GoProcess.start("v0.2.2");
      const ours: OurNode[] = [];
      try {
        const go: GoPeer[] = [];
        for (let i = 0; i < HALF; i++) {
          const owner = i % 3 === 0 ? old : latest;
          go.push(await GoPeer.startIn(owner, { ...CALM, keys, name: `go-${i}` }));
          ours.push(await OurNode.start({ membership: CALM, keys, name: `our-${i}` }));
        }
        // A chain: each joins its neighbour on the other side.
        for (let i = 0; i < HALF; i++) {
          await ours[i]!.join(go[i]!.address);
          if (i > 0) await go[i]!.join(ours[i - 1]!.address);
        }
        const all = [...go, ...ours];
        const agree = async (nodes: readonly (GoPeer | OurNode)[]) => {
          const names = nodes.map((node) => node.name);
          await Promise.all(nodes.map((node) => node.lists(names, WITHIN_MS)));
        };
        await agree(all);

        const killed = [go[4]!, go[5]!, ours[4]!, ours[5]!];
        await Promise.all([
          go[4]!.shutdown(),
          go[5]!.shutdown(),
          ours[4]!.kill(),
          ours[5]!.kill(),
        ]);
        const survivors = all.filter((node) => !killed.includes(node));
        await agree(survivors);

        await Promise.all([go[6]!.leave(), ours[6]!.leave()]);
        const staying = survivors.filter((node) => node !== go[6] && node !== ours[6]);
        await agree(staying);
        assert.equal(ours[0]!.member("go-6")?.state ?? "left", "left");
        assert.equal(ours[0]!.member("go-4")?.state ?? "dead", "dead");

        const newGo = await GoPeer.startIn(latest, { ...CALM, keys, name: "go-new" });
        const newOurs = await OurNode.start({ membership: CALM, keys, name: "our-new" });
        ours.push(newOurs);
        await Promise.all([newGo.join(ours[0]!.address), newOurs.join(go[0]!.address)]);
        await agree([...staying, newGo, newOurs]);
      } finally {
        await Promise.all(ours.map((node) => node.kill()));
      }
    },
  );
});
