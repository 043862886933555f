/** @module */

import { parseAddress } from "../../core/address.ts";
import type { Millis } from "../../core/machine.ts";
import type { Http, HttpHandler, HttpServer } from "../../ports/http.ts";
import { type Bench, casesOf, type ComplianceCase, type ComplianceSetup } from "./case.ts";

/** What is judged. */
export interface HttpSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly http: Http;
  /** How to ask a server; default: the global `fetch`. */
  readonly fetch?: (url: string, init?: RequestInit) => Promise<Response>;
  /** Addresses that can be bound and reached; default `127.0.0.1`. */
  readonly ips?: readonly string[];
  /** How long an event stream is left idle, in ms; hosts are known that cut it after 10,000. @default {300} */
  readonly idleMs?: Millis;
}

/** The rules of {@linkcode Http}. */
export function httpCases(setup: HttpSetup): ComplianceCase[] {
  const { http, ips = ["127.0.0.1"], idleMs = 300 } = setup;
  const ask = setup.fetch ?? ((url: string, init?: RequestInit) => fetch(url, init));
  const ip = ips[0] as string;
  const serve = (handler: HttpHandler, at = ip): Promise<HttpServer> =>
    http.serve({ ip: at, port: 0, handler });
  const urlOf = (server: HttpServer, path = "/"): string => `http://${server.local}${path}`;

  return casesOf(setup, {
    "answers JSON, with status, headers, path and query": async (bench) => {
      await using server = await serve((request) => {
        const { pathname, searchParams } = new URL(request.url);
        const body = { method: request.method, pathname, q: searchParams.get("q") };
        return Response.json(body, { status: 201, headers: { "x-mark": "yes" } });
      });
      const response = await ask(urlOf(server, "/a/b?q=%C3%BC"));
      bench.same([response.status, response.headers.get("x-mark")], [201, "yes"], "head");
      bench.same(await response.json(), { method: "GET", pathname: "/a/b", q: "ü" }, "body");
    },

    "hands over the body of a POST, large ones too": async (bench) => {
      await using server = await serve(async (request) => {
        const text = await request.text();
        return new Response(`${request.headers.get("content-type")} ${text.length}`);
      });
      for (const length of [0, 5, 3_000_000]) {
        const init = {
          method: "POST",
          body: "x".repeat(length),
          headers: { "content-type": "text/x" },
        };
        const answer = await (await ask(urlOf(server), init)).text();
        bench.same(answer, `text/x ${length}`, "answer");
      }
    },

    "tells the caller's address and its own": async (bench) => {
      for (const at of ips) {
        await using server = await serve((_, { remote }) => new Response(remote ?? ""), at);
        bench.expect((parseAddress(server.local)?.port ?? 0) > 0, `bound to ${server.local}`);
        const caller = parseAddress(await (await ask(urlOf(server))).text());
        bench.same(caller?.ip, at, "the caller's IP");
        bench.expect((caller?.port ?? 0) > 0, "the caller has no port");
      }
    },

    "streams unbuffered: each event arrives before the next is written": async (bench) => {
      const events = new EventSource();
      await using server = await serve(() => events.response());
      const reader = await readerOf(bench, ask, urlOf(server));
      for (let i = 0; i < 5; i++) {
        events.write(`data: ${i}\n\n`);
        bench.same(
          await bench.within(5_000, "the event", reader.read()),
          `data: ${i}\n\n`,
          "event",
        );
      }
      events.end();
      bench.same(await bench.within(5_000, "the end", reader.read()), undefined, "after the last");
    },

    "leaves an idle event stream open": async (bench) => {
      const events = new EventSource();
      await using server = await serve(() => events.response());
      const reader = await readerOf(bench, ask, urlOf(server));
      events.write("before");
      bench.same(await reader.read(), "before", "event before");
      await bench.pass(idleMs);
      events.write("after");
      bench.same(await bench.within(5_000, "the event", reader.read()), "after", "event after");
      events.end();
    },

    "tells the handler of a stream when the caller goes away": async (bench) => {
      const events = new EventSource();
      let aborted = false;
      await using server = await serve((request) => {
        request.signal.addEventListener("abort", () => aborted = true);
        return events.response();
      });
      const caller = new AbortController();
      const reader = await readerOf(bench, ask, urlOf(server), caller.signal);
      events.write("x");
      await reader.read();
      caller.abort();
      await bench.until("the signal fired and the body was cancelled", () => {
        events.write("to nobody");
        return aborted && events.cancelled;
      });
    },

    "leaves the signal alone once the answer is complete": async (bench) => {
      let aborted = 0;
      await using server = await serve(async (request) => {
        request.signal.addEventListener("abort", () => aborted++);
        return new Response(await request.text());
      });
      for (const init of [{}, { method: "POST", body: "x".repeat(100_000) }]) {
        await (await ask(urlOf(server), init)).text();
      }
      await bench.pass(50);
      bench.same(aborted, 0, "signals that fired");
    },

    "answers 500 when the handler throws, without the error's text, and goes on": async (bench) => {
      await using server = await serve((request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/throw") throw new Error("secret detail");
        if (pathname === "/reject") return Promise.reject(new Error("secret detail"));
        return new Response("fine");
      });
      for (const path of ["/throw", "/reject"]) {
        const response = await ask(urlOf(server, path));
        bench.same(response.status, 500, "status");
        bench.expect(!(await response.text()).includes("secret"), "the error's text was sent");
      }
      bench.same(await (await ask(urlOf(server))).text(), "fine", "the next answer");
    },

    "refuses a taken port, naming it": async (bench) => {
      await using server = await serve(() => new Response("first"));
      const port = parseAddress(server.local)?.port ?? 0;
      const again = http.serve({ ip, port, handler: () => new Response("second") });
      await bench.rejects(again, "bind-failed", "the second serve", `${port}`);
      bench.same(await (await ask(urlOf(server))).text(), "first", "answer");
    },

    "stops at once: open streams end, the port is free": async (bench) => {
      const events = new EventSource();
      const server = await serve(() => events.response());
      const reader = await readerOf(bench, ask, urlOf(server));
      events.write("x");
      await reader.read();
      const stop = (): Promise<void> => Promise.resolve(server[Symbol.asyncDispose]());
      await bench.within(2_000, "the disposal", Promise.all([stop(), stop()]));
      const ending = reader.read().catch(() => undefined);
      bench.same(await bench.within(2_000, "the stream", ending), undefined, "after the stop");
      const port = parseAddress(server.local)?.port ?? 0;
      await using next = await http.serve({ ip, port, handler: () => new Response("next") });
      bench.same(await (await ask(urlOf(next))).text(), "next", "answer of the next server");
    },
  });
}

/** The first words of every stream: some hosts send the head with them, not before. */
const OPENING = ": open\n\n";

/** A response body written from outside. */
class EventSource {
  cancelled = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  response(): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        this.write(OPENING);
      },
      cancel: () => void (this.cancelled = true),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  write(text: string): void {
    if (!this.cancelled) this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    if (!this.cancelled) this.#controller?.close();
  }
}

async function readerOf(
  bench: Bench,
  ask: (url: string, init?: RequestInit) => Promise<Response>,
  url: string,
  signal?: AbortSignal,
): Promise<{ read(): Promise<string | undefined> }> {
  const asking = ask(url, signal === undefined ? {} : { signal });
  const response = await bench.within(5_000, "the head of the answer", asking);
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error("the answer has no body");
  const read = async (): Promise<string | undefined> => {
    const { done, value } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  };
  bench.same(await bench.within(5_000, "the opening", read()), OPENING, "opening");
  return { read };
}
