/**
 * Servers written by others, of Debian's packages, beside which a case is measured.
 *
 * @module
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { eventually } from "../tests/eventually.ts";

/** What can be started, and how: nothing is kept, nothing but loopback is listened at. */
const COMMANDS = {
  "redis-server": (port: number) => [
    ...["--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--appendonly", "no"],
    ...["--loglevel", "warning"],
  ],
  "nats-server": (port: number) => ["--addr", "127.0.0.1", "--port", `${port}`],
} as const satisfies Record<string, (port: number) => readonly string[]>;

/** A running server. Disposal ends it. */
export class LoopbackServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Starts the program on a free port; `undefined` on a machine that lacks it. */
  static async start(program: keyof typeof COMMANDS): Promise<LoopbackServer | undefined> {
    try {
      execFileSync(program, ["--version"], { stdio: "ignore" });
    } catch {
      console.error(`no ${program} to compare with: install Debian's package of that name`);
      return undefined;
    }
    const port = await freePort();
    const child = spawn(program, COMMANDS[program](port), { stdio: "ignore" });
    const server = new LoopbackServer(port, child);
    await eventually(`${program} listens`, () => accepts(port), 10_000);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    await ended;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
