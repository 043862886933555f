/**
 * What happens in the demo, in order, and the table that shows it.
 *
 * @module
 */

import type { Gateway, GatewayView } from "./gateway.ts";
import type { Row, Screen, Tone } from "./screen.ts";

const POLL_MS = 20;

/** Tells the story of three gateways. */
export class Story {
  readonly #gateways: readonly Gateway[];
  readonly #screen: Screen;
  #views: readonly (GatewayView | undefined)[] = [];
  #stopped = false;

  /** Nothing runs yet. */
  constructor(gateways: readonly Gateway[], screen: Screen) {
    this.#gateways = gateways;
    this.#screen = screen;
  }

  /** Ends every wait, for a demo that is interrupted. */
  stop(): void {
    this.#stopped = true;
  }

  /** Starts the nodes and goes through all chapters; rejects naming what did not happen in time. */
  async tell(): Promise<void> {
    await this.#form();
    await this.#share();
    await this.#lose();
    await this.#goOn();
    await this.#takeBack();
    this.#screen.print(this.#table());
  }

  async #form(): Promise<void> {
    const [first, , third] = this.#gateways;
    this.#screen.chapter("1. Two processes find each other by gossip");
    const started = performance.now();
    this.#start(first!);
    this.#start(third!);
    await this.#until(
      "the two see each other",
      40_000,
      () => [0, 2].every((i) => alive(this.#views[i]).length === 2),
    );
    this.#screen.say(`they see each other after ${since(started)}`, "good");
    this.#screen.say(`leader: ${this.#views[0]?.leader}, by rule, without a vote`);
  }

  async #share(): Promise<void> {
    const loader = this.#gateways[1]!;
    const { name } = loader.plan;
    this.#screen.chapter(
      `2. A third joins, ${name}, with a governance file; the others receive it`,
    );
    this.#start(loader);
    let looked = performance.now();
    let loaded = 0;
    const seen = new Set<number>();
    await this.#until("all three hold the same entries and are ready", 40_000, () => {
      const wanted = total(this.#views[1]);
      if (wanted > 0 && loaded === 0) {
        loaded = looked;
        this.#screen.say(`${name} has loaded its file: ${summary(this.#views[1])}`);
      }
      this.#views.forEach((view, i) => {
        if (i === 1 || wanted === 0 || total(view) !== wanted || seen.has(i)) return;
        seen.add(i);
        this.#screen.say(
          `${this.#gateways[i]!.plan.name} holds all ${wanted} entries, at most ${
            since(loaded)
          } later`,
        );
      });
      looked = performance.now();
      return seen.size === this.#gateways.length - 1 &&
        this.#views.every((view) =>
          view?.ready === true && alive(view).length === this.#gateways.length && healthy(view)
        );
    });
    this.#screen.say("all three are ready, and see each other healthy on both planes", "good");
  }

  #start(gateway: Gateway): void {
    gateway.start();
    const { name, version } = gateway.plan.runtime;
    this.#screen.say(
      `${gateway.plan.name} starts on ${name} ${version}, process ${gateway.pid}`,
    );
  }

  async #lose(): Promise<void> {
    const [leader, ...others] = this.#gateways;
    this.#screen.chapter(`3. The leader, ${leader!.plan.name}, is killed with SIGKILL`);
    const started = performance.now();
    await leader!.end("SIGKILL");
    this.#screen.say(`${leader!.plan.name} is gone without a word`, "bad");
    for (const state of ["suspect", "dead"] as const) {
      const witnesses = new Set<string>();
      await this.#until(`${leader!.plan.name} is ${state}`, 40_000, () => {
        others.forEach((gateway, i) => {
          const seen = this.#views[i + 1]?.members.find(({ node_id }) =>
            node_id === leader!.plan.name
          )?.state;
          if (
            (seen === state || seen === "dead" || seen === undefined) &&
            this.#views[i + 1] !== undefined
          ) {
            witnesses.add(gateway.plan.name);
          }
        });
        return witnesses.size === others.length;
      });
      this.#screen.say(
        `${[...witnesses].join(" and ")} see it ${
          state === "suspect" ? "suspected" : "dead"
        } after ${since(started)}`,
        state === "suspect" ? "warn" : "bad",
      );
    }
    const next = others[0]!.plan.name;
    await this.#until(
      "the leadership moves",
      10_000,
      () => others.every((_, i) => this.#views[i + 1]?.leader === next),
    );
    this.#screen.say(`leader: ${next}, on both, after ${since(started)}`, "good");
  }

  async #goOn(): Promise<void> {
    const [, reader, writer] = this.#gateways;
    this.#screen.chapter("4. The rest goes on: a key is revoked meanwhile");
    const { key, value } = await this.#someVirtualKey(writer!);
    await writer!.put("virtual_key", key, { ...value, is_active: false });
    const started = performance.now();
    await this.#until(
      "the revocation arrives",
      10_000,
      async () => (await reader!.entity("virtual_key", key))?.["is_active"] === false,
    );
    this.#screen.say(
      `virtual key ${key} revoked on ${writer!.plan.name}, seen on ${reader!.plan.name} within ${
        since(started)
      }`,
      "good",
    );
    this.#revoked = key;
  }

  #revoked = "";

  async #takeBack(): Promise<void> {
    const [leader] = this.#gateways;
    this.#screen.chapter(`5. ${leader!.plan.name} is started again`);
    leader!.start();
    const started = performance.now();
    this.#screen.say(`${leader!.plan.name} starts with empty memory, process ${leader!.pid}`);
    await this.#until(
      `${leader!.plan.name} has caught up`,
      40_000,
      async () =>
        this.#views.every((view) =>
          view?.ready === true && healthy(view) && total(view) === total(this.#views[1])
        ) &&
        (await leader!.entity("virtual_key", this.#revoked))?.["is_active"] === false,
    );
    this.#screen.say(
      `${leader!.plan.name} holds all ${
        total(this.#views[0])
      } entries, the revocation included, after ${since(started)}`,
      "good",
    );
    await this.#until(
      "the leadership moves back",
      10_000,
      () => this.#views.every((view) => view?.leader === leader!.plan.name),
    );
    this.#screen.say(`leader: ${leader!.plan.name} again, everywhere`, "good");
  }

  async #someVirtualKey(at: Gateway): Promise<{ key: string; value: Record<string, unknown> }> {
    const response = await fetch(`${at.url}/cluster/entities/virtual_key`, {
      signal: AbortSignal.timeout(5_000),
    });
    const { items } = await response.json() as {
      items: { key: string; value: Record<string, unknown> }[];
    };
    const first = items[0];
    if (first === undefined) throw new Error(`Cannot go on: ${at.plan.name} holds no virtual key`);
    return first;
  }

  async #until(
    claim: string,
    withinMs: number,
    check: () => boolean | Promise<boolean>,
  ): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.#stopped) {
      this.#views = await Promise.all(this.#gateways.map((gateway) => gateway.view()));
      this.#screen.show(this.#table());
      if (await check()) return;
      if (performance.now() > deadline) {
        throw new Error(`Waited ${withinMs / 1000} s in vain until ${claim}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`Interrupted while waiting until ${claim}`);
  }

  #table(): Row[] {
    const head = [
      "node",
      "runtime",
      "process",
      "ready",
      "sees",
      "leader",
      "keys",
      "budgets and limits",
      "all entries",
    ];
    return [
      { cells: head, tone: "quiet" },
      ...this.#gateways.map((gateway, i): Row => {
        const view = this.#views[i];
        const { name, version } = gateway.plan.runtime;
        const start = [gateway.plan.name, `${name} ${version}`, String(gateway.pid ?? "-")];
        if (view === undefined) {
          const dead = gateway.pid === undefined;
          return {
            cells: [...start, dead ? "dead" : "starting", "-", "-", "-", "-", "-"],
            tone: dead ? "bad" : "quiet",
          };
        }
        const tone: Tone = view.ready && healthy(view) ? "good" : "warn";
        const sees = `${alive(view).length} alive${
          view.members.some(({ state }) => state === "suspect") ? ", 1 suspect" : ""
        }`;
        return {
          cells: [
            ...start,
            view.ready ? "yes" : "no",
            sees,
            view.leader === gateway.plan.name ? `* ${view.leader}` : view.leader ?? "-",
            String(view.entities["virtual_key"] ?? 0),
            String(view.entities["governance"] ?? 0),
            String(total(view)),
          ],
          tone,
        };
      }),
    ];
  }
}

function alive(view: GatewayView | undefined): readonly unknown[] {
  return (view?.members ?? []).filter(({ state }) => state === "alive");
}

function healthy(view: GatewayView): boolean {
  return view.members.filter(({ state }) => state !== "left").every((member) => member.healthy);
}

function total(view: GatewayView | undefined): number {
  return Object.values(view?.entities ?? {}).reduce((sum, count) => sum + count, 0);
}

function summary(view: GatewayView | undefined): string {
  return Object.entries(view?.entities ?? {}).map(([type, count]) => `${count} ${type}`).join(", ");
}

function since(started: number): string {
  const ms = performance.now() - started;
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
