/** @module */

import { formatAddress } from "../../core/address.ts";
import { ClusterError } from "../../core/errors.ts";
import type { Address, Millis } from "../../core/machine.ts";
import type {
  ByteStream,
  StreamListener,
  StreamListenOptions,
  Streams,
} from "../../ports/streams.ts";
import { connectStreams, type MemoryStream } from "./memory_stream.ts";
import type { Acceptor, Place, Route } from "./place.ts";

/** Accepted connections that may be open at once when nothing else is asked for. */
const STREAMS_MAX = 1_024;

/** How often a dial that gets no answer tries again. */
const REDIAL_MS: Millis = 200;

/** TCP of one host. */
export function memoryStreams(place: Place): Streams {
  return {
    listen: (options) => new Promise((resolve) => resolve(listen(place, options))),
    dial: (to, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        new Dial(place, to, resolve, reject).start(timeoutMs, signal);
      }),
  };
}

function listen(place: Place, options: StreamListenOptions): StreamListener {
  const { ip, port, onStream, onRefused, streamsMax = STREAMS_MAX } = options;
  const own = place.ownIp(ip, port);
  const accepted = new Set<MemoryStream>();
  let isOpen = true;
  const acceptor: Acceptor = {
    refusal() {
      for (const stream of accepted) if (stream.isClosed) accepted.delete(stream);
      return accepted.size < streamsMax
        ? undefined
        : `${streamsMax} connections are open, the most that are allowed`;
    },
    refused: (from, reason) => onRefused?.(from, reason),
    accept(stream) {
      accepted.add(stream);
      stream.onClosed(() => accepted.delete(stream));
      onStream(stream);
    },
  };
  const bound = place.tcp.bind(own, port, acceptor);
  return {
    local: formatAddress(own, bound),
    [Symbol.asyncDispose](): Promise<void> {
      if (isOpen) place.tcp.release(bound, acceptor);
      isOpen = false;
      for (const stream of accepted) stream.destroy();
      return Promise.resolve();
    },
  };
}

/** One attempt to connect: the request travels there and the answer back; while the way is cut, it is tried again. */
class Dial {
  readonly #place: Place;
  readonly #to: Address;
  readonly #resolve: (stream: ByteStream) => void;
  readonly #reject: (error: ClusterError) => void;
  #isSettled = false;
  #release: () => void = () => {};

  constructor(
    place: Place,
    to: Address,
    resolve: (stream: ByteStream) => void,
    reject: (error: ClusterError) => void,
  ) {
    this.#place = place;
    this.#to = to;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(timeoutMs: Millis, signal: AbortSignal | undefined): void {
    const abort = (): void => this.#fail("aborted", "the caller gave up", signal?.reason);
    if (signal?.aborted === true) return abort();
    const way = this.#place.route("::", this.#to);
    if (way === undefined) {
      return this.#fail("unreachable", 'it is not "ip:port" of a family that this host has');
    }
    const { source, route } = way;
    if (route === undefined) return this.#fail("unreachable", "no host has the address");
    const { clock } = this.#place.wires;
    const disarm = clock.alarm(
      clock.now() + timeoutMs,
      () => this.#fail("timeout", `no answer within ${timeoutMs} ms`),
    );
    signal?.addEventListener("abort", abort);
    this.#release = () => {
      disarm();
      signal?.removeEventListener("abort", abort);
    };
    const from = formatAddress(source, this.#place.tcp.freePort());
    this.#place.wires.hop(this.#place, route.place, () => this.#knock(from, route));
  }

  #knock(from: Address, route: Route): void {
    if (this.#isSettled) return;
    const { wires } = this.#place;
    if (wires.isStalled(this.#place, route.place)) {
      wires.clock.alarm(wires.clock.now() + REDIAL_MS, () => this.#knock(from, route));
      return;
    }
    const acceptor = route.place.tcp.find(route.ip, route.port);
    if (acceptor === undefined) {
      wires.counters.refused++;
      return this.#answer(route, () => this.#fail("unreachable", "the connection was refused"));
    }
    const [near, far] = connectStreams(
      wires,
      { place: this.#place, address: from },
      { place: route.place, address: this.#to },
    );
    const refusal = acceptor.refusal();
    if (refusal === undefined) acceptor.accept(far);
    else {
      wires.counters.refused++;
      far.destroy();
      acceptor.refused(from, refusal);
    }
    this.#answer(route, () => this.#isSettled ? near.destroy() : this.#succeed(near));
  }

  #answer(route: Route, run: () => void): void {
    this.#place.wires.hop(route.place, this.#place, run);
  }

  #succeed(stream: ByteStream): void {
    this.#isSettled = true;
    this.#release();
    this.#resolve(stream);
  }

  #fail(code: "unreachable" | "timeout" | "aborted", reason: string, cause?: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#release();
    this.#reject(new ClusterError(code, `Cannot connect to ${this.#to}: ${reason}`, { cause }));
  }
}
