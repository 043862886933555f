/**
 * The failures a caller is expected to catch.
 *
 * @module
 */

/** Why an operation failed; stable across releases, safe to switch on. */
export type ClusterErrorCode =
  /** The node or the socket is closed; nothing was done. */
  | "closed"
  /** The deadline passed; what was sent may still take effect. */
  | "timeout"
  /** The caller's `AbortSignal` fired. */
  | "aborted"
  /** A value or a frame is above its stated limit; nothing was sent. */
  | "too-large"
  /** Not one of the addresses could be joined. */
  | "join-failed"
  /** The port is taken or may not be bound. */
  | "bind-failed"
  /** The peer could not be reached; nothing arrived. */
  | "unreachable"
  /** The peer refused: credentials, label, key, version. */
  | "refused"
  /** The configuration cannot work; the message names the path. */
  | "bad-config"
  /** This runtime lacks something; the message names it and the cure. */
  | "unsupported"
  /** What is held is not what the caller saw; nothing was changed. */
  | "conflict"
  /** There is no such member. */
  | "unknown-member"
  /** Stored or received data does not decode. */
  | "bad-data";

/** The failure callers are expected to catch; misuse throws `TypeError` or `RangeError`. */
export class ClusterError extends Error {
  /** Always `"ClusterError"`. */
  override readonly name: string = "ClusterError";
  /** Machine-readable reason. */
  readonly code: ClusterErrorCode;

  /** `message` says what was attempted, then a colon, then the current state and what to do; no full stop. */
  constructor(code: ClusterErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** Recognises by shape, so that two installed copies of the library agree. */
  static is(value: unknown, code?: ClusterErrorCode): value is ClusterError {
    return value instanceof Error && value.name === "ClusterError" && "code" in value &&
      (code === undefined || value.code === code);
  }
}
