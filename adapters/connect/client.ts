/**
 * Dials links.
 *
 * @module
 */

import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type Address,
  formatAddress,
  type LinkStream,
  parseAddress,
  type RpcDialOptions,
} from "../../mod.ts";
import {
  type ExchangeRequest,
  type ExchangeResponse,
  LinkService,
} from "../../proto/gen/cluster/v1/link_pb.ts";
import { ClientSession } from "../_http2/client_session.ts";
import { callError, dialError, lostError } from "./dial_errors.ts";
import { dialSocket } from "./dial_socket.ts";
import { encodeRequest } from "./frame_codec.ts";
import { linkCredentials } from "./link_prover.ts";
import { FrameStream } from "./link_stream.ts";
import type { ConnectRpcConfig } from "./options.ts";
import { Outbox } from "./outbox.ts";

/** Opens a link on a connection of its own, see the port. */
export async function dialLink(
  to: Address,
  options: RpcDialOptions,
  config: ConnectRpcConfig,
): Promise<LinkStream> {
  const attempt = new AbortController();
  const { signal, timeoutMs } = options;
  const onAbort = (): void => attempt.abort(dialError("aborted", to, "the caller gave up"));
  const onTimeout = (): void =>
    attempt.abort(dialError("timeout", to, `no answer within ${timeoutMs} ms`));
  const timer = setTimeout(onTimeout, timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  try {
    return await openLink(to, options, config, attempt);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    throw attempt.signal.aborted ? attempt.signal.reason : callError(to, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** `attempt` fails the dial with the reason it is aborted with, until the link is open. */
async function openLink(
  to: Address,
  { security }: RpcDialOptions,
  config: ConnectRpcConfig,
  attempt: AbortController,
): Promise<LinkStream> {
  const { tls } = security;
  const socket = await dialSocket(to, { tls, signal: attempt.signal });
  let stream: FrameStream<ExchangeRequest> | undefined;
  const session = new ClientSession(socket, authorityOf(to, tls !== undefined), config, {
    // A new call on a session that is going away would hang; a link that is open may finish.
    onGoaway: () => attempt.abort(dialError("unreachable", to, "it is shutting down")),
    onCallClose: () => stream?.stopSending(),
    onClose: (error) => {
      attempt.abort(lostError(to, error, session.hasSpoken));
      stream?.stopSending();
    },
  });
  const calls = new AbortController();
  const onAttemptOver = (): void => calls.abort(attempt.signal.reason);
  attempt.signal.addEventListener("abort", onAttemptOver, { once: true });
  try {
    if (attempt.signal.aborted) throw attempt.signal.reason;
    const client = createClient(LinkService, transportOver(session, config));
    const open = (): Promise<OpenExchange> => openExchange(client, to, security, calls.signal);
    const { outgoing, incoming } = await open().catch((error) => {
      // The ring may have been rotated between the challenge and the call.
      const mayRetry = security.linkKeys().length > 0 &&
        ConnectError.from(error).code === Code.Unauthenticated;
      if (!mayRetry) throw error;
      return open();
    });
    stream = new FrameStream({
      remote: to,
      outgoing,
      incoming,
      encode: (frame) => encodeRequest(frame, config.messageBytesMax),
      onClosed: () => void endSession(session, incoming, config.graceMs),
    });
    return stream;
  } catch (error) {
    calls.abort();
    session.destroy();
    throw error;
  } finally {
    attempt.signal.removeEventListener("abort", onAttemptOver);
  }
}

interface OpenExchange {
  readonly outgoing: Outbox<ExchangeRequest>;
  readonly incoming: AsyncIterator<ExchangeResponse>;
}

async function openExchange(
  client: Client<typeof LinkService>,
  to: Address,
  security: RpcDialOptions["security"],
  signal: AbortSignal,
): Promise<OpenExchange> {
  const headers = await linkCredentials(client, { security, to, signal });
  const outgoing = new Outbox<ExchangeRequest>();
  const incoming = client.exchange(outgoing, { headers, signal })[Symbol.asyncIterator]();
  // The acceptor's first message is empty: it says that we are admitted.
  const admission = await incoming.next();
  if (admission.done === true) throw dialError("refused", to, "it ended the link at once");
  return { outgoing, incoming };
}

/** Lets the other side end its half too, then destroys the connection. */
async function endSession(
  session: ClientSession,
  incoming: AsyncIterator<ExchangeResponse>,
  graceMs: number,
): Promise<void> {
  const timer = setTimeout(() => session.destroy(), graceMs);
  try {
    while ((await incoming.next()).done !== true);
  } catch {
    // Broken already, which is as good as ended.
  }
  clearTimeout(timer);
  session.destroy();
}

function transportOver(session: ClientSession, config: ConnectRpcConfig) {
  return createGrpcTransport({
    baseUrl: session.authority,
    sessionManager: session,
    acceptCompression: [],
    readMaxBytes: config.messageBytesMax,
    writeMaxBytes: config.messageBytesMax,
  });
}

/** A zone means nothing in a URL, and is left out. */
function authorityOf(to: Address, isTls: boolean): string {
  const { ip, port } = parseAddress(to) as { ip: string; port: number };
  const host = formatAddress(ip.split("%", 1)[0] as string, port);
  return new URL(`${isTls ? "https" : "http"}://${host}`).origin;
}
