/** @module */

/** Files, as configuration and storage need them. */
export interface Files {
  /** The text of a UTF-8 file; rejects with `ClusterError` `bad-data` naming the path and the cause. */
  readText(path: string): Promise<string>;
}

/** Environment variables. */
export interface Env {
  /** The value, or `undefined` when it is not set. */
  get(name: string): string | undefined;
}

/** Requests to stop. */
export interface Signals {
  /** Calls `stop` for every SIGTERM or SIGINT until the returned function is called. */
  onStop(stop: (signal: "SIGTERM" | "SIGINT") => void): () => void;
}
