import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { ensureBuild } from "../../tools/build.ts";
import { ROOT } from "../../tools/project.ts";
import { commandFor, findRuntime } from "../../tools/runtimes.ts";
import { eventually } from "../eventually.ts";

const ENTITIES = 1_000_000;
const PATIENCE_MS = 600_000;
/** What a sender may need for a newcomer: batches in flight and a walk through the store, not a copy of it. */
const SENDER_MIB_MAX = 300;

interface Line {
  readonly said: string;
  readonly gossip?: string;
  readonly holds?: string;
  readonly mib?: number;
  readonly peakMib?: number;
  readonly ms?: number;
  readonly size?: number;
  readonly rounds?: number;
  readonly isProgressSeen?: boolean;
}

/** A node of its own process. Disposal kills it. */
class MillionNode implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #ended: Promise<void>;
  #complaint = "";
  #hasEnded = false;

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.#child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (line.startsWith('{"said"')) this.#lines.push(JSON.parse(line) as Line);
    });
    this.#child.stderr?.on("data", (chunk) => {
      this.#complaint = (this.#complaint + String(chunk)).slice(-4_000);
    });
    this.#ended = new Promise((resolve) =>
      this.#child.once("exit", () => {
        this.#hasEnded = true;
        resolve();
      })
    );
  }

  async line(said: string): Promise<Line> {
    return await eventually(`it says "${said}"`, () => {
      const line = this.#lines.find((each) => each.said === said);
      if (line === undefined && this.#hasEnded) throw new Error(`It ended: ${this.#complaint}`);
      return line;
    }, PATIENCE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded && this.#child.pid !== undefined) process.kill(this.#child.pid, "SIGKILL");
    await this.#ended;
  }
}

describe("a newcomer to a million entities", () => {
  const node = findRuntime("node");
  const skip = node === undefined ? "there is no Node" : false;

  it(
    "has them all while writes go on, at the price of bounded memory on both sides",
    { skip },
    async () => {
      await ensureBuild();
      const start = (...args: string[]) =>
        new MillionNode(commandFor(node!, "tests/soak/million_node.ts", args));
      await using sender = start("sender", `${ENTITIES}`);
      const filled = await sender.line("filled");
      await using newcomer = start("newcomer", `${ENTITIES}`, filled.gossip ?? "");
      const ready = await newcomer.line("ready");
      const wrote = await sender.line("wrote");
      const received = await newcomer.line("received");
      const sent = await sender.line("sent");
      console.log(
        `snapshot of ${ready.size} entities in ${ready.ms} ms beside ${wrote.rounds} rounds of writes; ` +
          `sender ${filled.mib} MiB before, ${wrote.peakMib} at most; newcomer ${received.peakMib} at most`,
      );
      assert.equal(ready.isProgressSeen, true);
      assert.ok((wrote.rounds ?? 0) > 10, "writes went on");
      assert.equal(received.holds, sent.holds);
      assert.match(received.holds ?? "", new RegExp(`^${ENTITIES + 1} `));
      assert.ok(
        wrote.peakMib! - filled.mib! < SENDER_MIB_MAX,
        `the sender grew from ${filled.mib} to ${wrote.peakMib} MiB`,
      );
      assert.ok(
        received.peakMib! < filled.mib! * 1.5 + SENDER_MIB_MAX,
        `the newcomer took ${received.peakMib} MiB for what takes the sender ${filled.mib}`,
      );
    },
  );
});
