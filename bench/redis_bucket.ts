/**
 * The usual cure for a cap over several nodes: a counter in Redis, asked for every request.
 *
 * @module
 */

import { createClient } from "@redis/client";
import { LoopbackServer } from "./loopback_server.ts";
import { quantile } from "./cluster_timing.ts";

/** Charges when it fits, in one step of the server; the window begins with the first charge. */
const SCRIPT = `
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local amount = tonumber(ARGV[1])
if used + amount > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBY', KEYS[1], amount)
if used == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/** Calls under way at once, as many as a busy gateway has; the client sends them together. */
const AT_ONCE = 64;

/** What one core's decisions by Redis take. */
export interface RedisFigures {
  readonly perSecond: number;
  readonly p99Us: number;
}

/** Decisions on so many keys for about `measureMs`; `undefined` on a machine without Redis. */
export async function redisDecisions(
  keys: number,
  measureMs = 3_000,
): Promise<RedisFigures | undefined> {
  await using server = await LoopbackServer.start("redis-server");
  if (server === undefined) return undefined;
  const bucket = await RedisBucket.open(server.port);
  try {
    const delays: number[] = [];
    let decided = 0;
    let at = 0;
    const until = performance.now() + measureMs;
    const began = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() < until) {
        const asked = performance.now();
        await bucket.take(`key-${at++ % keys}`, 1, 1_000_000_000);
        delays.push(performance.now() - asked);
        decided++;
      }
    }));
    const perSecond = decided * 1_000 / (performance.now() - began);
    return { perSecond, p99Us: quantile(delays, 0.99) * 1_000 };
  } finally {
    bucket.close();
  }
}

/** What is used of the client. */
interface Client {
  evalSha(
    sha: string,
    options: { readonly keys: string[]; readonly arguments: string[] },
  ): Promise<unknown>;
  destroy(): void;
}

/** One gateway's connection. */
export class RedisBucket {
  readonly #client: Client;
  readonly #script: string;

  private constructor(client: Client, script: string) {
    this.#client = client;
    this.#script = script;
  }

  /** Connects and brings the script. */
  static async open(port: number): Promise<RedisBucket> {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    await client.connect();
    return new RedisBucket(client, await client.scriptLoad(SCRIPT));
  }

  /** Whether the amount was taken. */
  async take(key: string, amount: number, limit: number): Promise<boolean> {
    const answer = await this.#client.evalSha(this.#script, {
      keys: [key],
      arguments: [`${amount}`, `${limit}`, "3600000"],
    });
    return answer === 1;
  }

  /** Ends the connection. */
  close(): void {
    this.#client.destroy();
  }
}
