/**
 * One connection, and with it the lock on the node's rows. Lost once, it is of no use any more.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import type { Options, Sql } from "postgres";
import { ClusterError } from "../../mod.ts";
import type { ResolvedPostgres } from "./options.ts";

/** What connecting may take, handshake and TLS included. */
const CONNECT_MS = 5_000;

/** What a statement may take; one that hangs longer has lost its server. */
const QUERY_MS = 30_000;

/** What saying goodbye may take. */
const END_SECONDS = 1;

/** How long the lock is waited for: the server may not have noticed yet that the last holder died. */
const LOCK_WAIT_MS = 3_000;

/**
 * The server shall notice within half a minute that this machine is gone, and free the lock. And it shall read pages by
 * the index: before a table is analyzed it guesses wrong, and sorts all that is left for every page.
 */
const SETTINGS = [
  ["tcp_keepalives_idle", "10"],
  ["tcp_keepalives_interval", "5"],
  ["tcp_keepalives_count", "3"],
  ["enable_seqscan", "off"],
  ["enable_bitmapscan", "off"],
  ["enable_sort", "off"],
].reduce((sql, [name, value], i) => {
  return `${sql}${i === 0 ? "SELECT" : ","} set_config('${name}', '${value}', false)`;
}, "");

/** A row of an answer. */
export type AnswerRow = Readonly<Record<string, unknown>>;

/** Rejected with by every call of a session that has lost its server; `message` says why. */
export class LostSession extends Error {
  override readonly name: string = "LostSession";
}

/** A connected session. */
export class Session {
  readonly #sql: Sql;
  readonly #loss: Loss;

  private constructor(sql: Sql, loss: Loss) {
    this.#sql = sql;
    this.#loss = loss;
  }

  /** Connects, without the lock. Rejects with `LostSession` where a later attempt may succeed, else with `ClusterError`. */
  static async connect(options: ResolvedPostgres): Promise<Session> {
    const postgres = await loadPostgres();
    const socket = await openSocket(options);
    const { user, password, database, ssl } = options;
    const loss = new Loss(socket);
    let used = false;
    const settings: Options<Record<never, never>> & { readonly socket: () => Socket } = {
      user,
      password,
      database,
      ssl,
      // The package would go on connecting by itself, and lose the lock without a word.
      socket: () => {
        if (used) throw loss.because("the server closed the connection");
        used = true;
        return socket;
      },
      onclose: () => void loss.because("the connection was closed"),
      max: 1,
      max_lifetime: null,
      idle_timeout: 0,
      connect_timeout: CONNECT_MS / 1_000,
      keep_alive: 10,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: "althing" },
    };
    const session = new Session(postgres(settings), loss);
    try {
      await session.query(SETTINGS, []);
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Whether the server is lost. */
  get isLost(): boolean {
    return this.#loss.error !== undefined;
  }

  /** Takes the lock of `nodeId` for as long as this session lives; answers false when another session keeps it. */
  async lock(nodeId: string): Promise<boolean> {
    await this.script(`SET lock_timeout = ${LOCK_WAIT_MS}`);
    try {
      await this.query(
        "SELECT pg_advisory_lock(hashtextextended('althing node ' || current_schema() || ' ' || $1::text, 0))",
        [nodeId],
      );
    } catch (error) {
      if (sqlStateOf(error) === "55P03") return false;
      throw error;
    }
    await this.script("SET lock_timeout = 0");
    return true;
  }

  /** Runs one statement, in a transaction of its own. */
  query(statement: string, values: readonly (string | number)[]): Promise<readonly AnswerRow[]> {
    return this.#guard(async () => {
      return await this.#sql.unsafe<AnswerRow[]>(statement, [...values], { prepare: true });
    });
  }

  /** Runs several statements without values, in one transaction. */
  async script(statements: string): Promise<void> {
    await this.#guard(() => this.#sql.unsafe(statements).simple());
  }

  /** Closes the connection; resolves when the server has freed the lock, or after a second. Harmless twice. */
  async end(): Promise<void> {
    // The package cleans up after a loss by itself, and stumbles over its dead socket when told to.
    if (this.#loss.error !== undefined) return;
    this.#loss.error = new LostSession("it was closed");
    await this.#sql.end({ timeout: END_SECONDS }).catch(() => {});
    this.#loss.destroy();
  }

  /** Tells errors of a statement from the loss of the server. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#loss.error !== undefined) throw this.#loss.error;
    const timer = setTimeout(() => this.#loss.because(`no answer in ${QUERY_MS} ms`), QUERY_MS);
    try {
      return await this.#loss.orElse(work());
    } catch (error) {
      if (this.#loss.error !== undefined) throw this.#loss.error;
      if (!meansLoss(error)) throw error;
      throw this.#loss.because(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether the server is lost, and why. */
class Loss {
  readonly #socket: Socket;
  #reject: (error: LostSession) => void = () => {};
  /** Set once it is. */
  error: LostSession | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once("close", () => this.because("the connection was closed"));
  }

  /** It is lost; only the first reason counts. */
  because(reason: string): LostSession {
    if (this.error === undefined) {
      this.error = new LostSession(reason);
      this.#reject(this.error);
      this.destroy();
    }
    return this.error;
  }

  /** Lets go of the connection without a word to the server. */
  destroy(): void {
    if (!this.#socket.destroyed) this.#socket.destroy();
  }

  /** What `work` comes to, or the loss, whichever is first; one at a time. */
  orElse<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
    });
  }
}

/** The SQLSTATE of an error that the server told. */
export function sqlStateOf(error: unknown): string | undefined {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  return name === "PostgresError" && typeof code === "string" ? code : undefined;
}

/**
 * Errors after which another connection may fare better: the server is starting, stopping, full of connections, or a
 * standby; and everything that is not an answer of the server.
 */
function meansLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || /^(57P0[1-5]|08|53300|25006)/.test(state);
}

async function openSocket({ host, port }: ResolvedPostgres): Promise<Socket> {
  const to = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  const socket = connect(to);
  // What errors say comes with what the package rejects; without a listener they would be thrown.
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new LostSession(reason));
    };
    const timer = setTimeout(() => fail(`no connection within ${CONNECT_MS} ms`), CONNECT_MS);
    socket.once("error", (error) => fail(error.message));
    socket.once("close", () => fail("the connection was closed"));
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  // For the package's messages.
  return Object.assign(socket, { host, port });
}

async function loadPostgres(): Promise<typeof import("postgres")> {
  try {
    return (await import("postgres")).default;
  } catch (cause) {
    throw new ClusterError(
      "unsupported",
      'Cannot open a PostgreSQL storage: the package "postgres" is not installed, add it (npm install postgres)',
      { cause },
    );
  }
}
