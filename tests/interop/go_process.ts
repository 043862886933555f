/**
 * One Go program with memberlist nodes in it, driven by lines of JSON.
 *
 * @module
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { buildGo, type GoBinary, type GoModule } from "./go_build.ts";
import { eventOf, type GoEvent, type RawAnswer, type RawEvent } from "./go_records.ts";

/** Which memberlist: the latest release, or v0.2.2 with go-msgpack v0.5.5. */
export type GoPeerRelease = "latest" | "v0.2.2";

const SHARED = "tests/interop/go_memberlist/peer";
const MODULES: Readonly<Record<GoPeerRelease, GoModule>> = {
  "latest": {
    main: "tests/interop/go_memberlist",
    sources: ["tests/interop/go_memberlist", SHARED],
  },
  "v0.2.2": {
    main: "tests/interop/go_memberlist_v022",
    sources: ["tests/interop/go_memberlist_v022", SHARED],
  },
};

/** Builds a release's program, or takes it from the cache. */
export function buildGoPeer(release: GoPeerRelease): Promise<GoBinary> {
  return buildGo(MODULES[release]);
}

/** One command; `cmd` says which, the rest are its arguments. */
export type GoCommand = Readonly<Record<string, unknown>> & { readonly cmd: string };

const ANSWER_WITHIN_MS = 30_000;

/** A running Go program. Disposal kills it: its nodes fall silent as in a crash. */
export class GoProcess implements AsyncDisposable {
  /** `go version` and the linked memberlist and msgpack releases. */
  readonly versions: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #listeners = new Map<string, (event: GoEvent) => void>();
  readonly #pending = new Map<
    number,
    { resolve(answer: RawAnswer): void; reject(error: Error): void }
  >();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #gone = false;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    versions: string,
    exited: Promise<void>,
  ) {
    this.#child = child;
    this.versions = versions;
    this.#exited = exited;
  }

  /** Starts the program, building it first when the cache lacks it. */
  static async start(release: GoPeerRelease = "latest"): Promise<GoProcess> {
    const { path } = await buildGoPeer(release);
    const child = spawn(path, [], { stdio: ["pipe", "pipe", "inherit"] });
    let running: GoProcess | undefined;
    const early: string[] = [];
    return await new Promise((resolve, reject) => {
      const exited = new Promise<void>((done) => {
        child.once("exit", (code, signal) => {
          reject(new Error(`Start ${path}: it ended with ${code ?? signal}`));
          if (running !== undefined) running.#ended();
          done();
        });
      });
      child.once("error", reject);
      // Writing to a killed process is no failure of a test.
      child.stdin.on("error", () => {});
      readLines(child.stdout, (line) => {
        if (running !== undefined) return running.#line(line);
        early.push(line);
        const ready = JSON.parse(line) as RawEvent;
        if (ready.event !== "ready") return;
        running = new GoProcess(child, ready.message ?? "", exited);
        resolve(running);
      });
    });
  }

  /** The process id. */
  get pid(): number {
    return this.#child.pid!;
  }

  /** Tells `listener` everything the node of that name says from now on. */
  listen(node: string, listener: (event: GoEvent) => void): void {
    this.#listeners.set(node, listener);
  }

  /** Stops the process where it stands (SIGSTOP): silent, yet its sockets stay open. */
  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  /** Lets a paused process go on. */
  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** SIGKILL; resolves when the process is gone. Harmless twice. */
  async kill(): Promise<void> {
    if (!this.#gone) this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** Kills. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Sends one command and waits for its answer; rejects with Go's error text. */
  async request(command: GoCommand): Promise<RawAnswer> {
    if (this.#gone) throw new Error(`Ask a Go node to ${command.cmd}: its process has ended`);
    const id = ++this.#lastId;
    const answered = new Promise<RawAnswer>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    const timer = setTimeout(() => {
      this.#settle(id)?.reject(
        new Error(`Ask a Go node to ${command.cmd}: no answer in ${ANSWER_WITHIN_MS} ms`),
      );
    }, ANSWER_WITHIN_MS);
    this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    try {
      const answer = await answered;
      if (!answer.ok) throw new Error(`Ask a Go node to ${command.cmd}: ${answer.error}`);
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #settle(
    id: number,
  ): { resolve(answer: RawAnswer): void; reject(error: Error): void } | undefined {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    return waiting;
  }

  #line(line: string): void {
    const record = JSON.parse(line) as RawAnswer | RawEvent;
    if ("id" in record) this.#settle(record.id)?.resolve(record);
    else this.#listeners.get(record.node ?? "")?.(eventOf(record));
  }

  #ended(): void {
    this.#gone = true;
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(new Error("Ask a Go node: its process ended before the answer"));
    }
  }
}

function readLines(stream: Readable, each: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") each(line);
  });
}
