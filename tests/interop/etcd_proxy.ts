/**
 * Stands between a client and a member of etcd, counts, and cuts.
 *
 * @module
 */

import { connect, createServer, type Server, type Socket } from "node:net";

/** HTTP/2: the client's preface, the header of a frame, and the type that opens a call. */
const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
const TYPE_HEADERS = 1;

/** How the proxy treats connections. */
export type ProxyMode = "pass" | "refuse" | "swallow";

/** A port on loopback that leads to another one; disposal closes both sides. */
export class EtcdProxy implements AsyncDisposable {
  /** Calls that clients have made through it. */
  calls = 0;
  /** Connections that clients have made. */
  connections = 0;
  /** `refuse`: connections end at once; `swallow`: they stay and nothing comes through. */
  mode: ProxyMode = "pass";
  readonly #server: Server;
  readonly #toPort: number;
  readonly #clients = new Set<Socket>();

  private constructor(toPort: number) {
    this.#toPort = toPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Resolves when it takes connections. */
  static async start(toPort: number): Promise<EtcdProxy> {
    const proxy = new EtcdProxy(toPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as { readonly port: number }).port}`;
  }

  /** How many connections of clients are open. */
  get open(): number {
    return this.#clients.size;
  }

  /** Ends all connections. */
  cut(): void {
    for (const client of this.#clients) client.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.connections++;
    this.#clients.add(client);
    client.on("error", () => {});
    client.once("close", () => this.#clients.delete(client));
    if (this.mode === "refuse") return void client.destroy();
    if (this.mode === "swallow") return void client.resume();
    const upstream = connect(this.#toPort, "127.0.0.1");
    upstream.on("error", () => {});
    upstream.once("close", () => client.destroy());
    client.once("close", () => upstream.destroy());
    upstream.pipe(client);
    const count = callCounter(() => this.calls++);
    client.on("data", (chunk: Uint8Array) => {
      count(chunk);
      upstream.write(chunk);
    });
  }
}

/** Walks the frames of a client. */
function callCounter(onCall: () => void): (chunk: Uint8Array) => void {
  let skip = PREFACE_BYTES;
  let header: number[] = [];
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const skipped = Math.min(skip, chunk.length - at);
      skip -= skipped;
      at += skipped;
      if (skip > 0 || at === chunk.length) return;
      header.push(chunk[at++]!);
      if (header.length < FRAME_HEADER_BYTES) continue;
      const [high, middle, low, type] = header as [number, number, number, number];
      skip = (high << 16) | (middle << 8) | low;
      header = [];
      if (type === TYPE_HEADERS) onCall();
    }
  };
}
