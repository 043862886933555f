/** @module */

import { formatAddress, parseAddress } from "../../core/address.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DatagramOptions, Datagrams, DatagramSocket, Frame } from "../../ports/datagrams.ts";
import {
  type Bench,
  bytesOf,
  casesOf,
  type ComplianceCase,
  type ComplianceSetup,
  pattern,
  type Rule,
} from "./case.ts";

/** What is judged; the network between sockets of one address must lose nothing by itself. */
export interface DatagramsSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly datagrams: Datagrams;
  /** The clock that stamps the frames. */
  readonly clock: Clock;
  /** Addresses that can be bound and reached, each tested; default `127.0.0.1`. */
  readonly ips?: readonly string[];
  /** An IPv4 address reachable when bound to `::`; leave it out where there is no dual stack. */
  readonly dualStackIp?: string;
  /** A broadcast address that a socket bound to `0.0.0.0` hears itself. @default {"127.255.255.255"} */
  readonly broadcastIp?: string;
}

/** A socket and what it received. */
interface Station extends AsyncDisposable {
  readonly socket: DatagramSocket;
  readonly frames: Frame[];
  readonly sendErrors: string[];
}

/** The rules of {@linkcode Datagrams}. */
export function datagramsCases(setup: DatagramsSetup): ComplianceCase[] {
  const { datagrams, clock, ips = ["127.0.0.1"], dualStackIp } = setup;
  const { broadcastIp = "127.255.255.255" } = setup;
  const open = async (
    ip: string,
    port = 0,
    how: Pick<DatagramOptions, "broadcast" | "sharePort"> = {},
  ): Promise<Station> => {
    const frames: Frame[] = [];
    const sendErrors: string[] = [];
    const socket = await datagrams.bind({
      ip,
      port,
      onFrame: (frame) => frames.push(frame),
      onSendError: (to) => sendErrors.push(to),
      ...how,
    });
    return {
      socket,
      frames,
      sendErrors,
      [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
    };
  };
  const rules: Record<string, Rule> = {};
  for (const ip of ips) {
    for (const [claim, rule] of Object.entries(rulesOf(ip, open, datagrams, clock))) {
      rules[`${ip}: ${claim}`] = rule;
    }
  }
  return casesOf(setup, {
    ...rules,
    ...broadcastRules(broadcastIp, open),
    "bound to ::, speaks with IPv4 peers and shows them as IPv4": dualStackIp === undefined
      ? "no dual stack here"
      : async (bench) => {
        await using both = await open("::");
        await using peer = await open(dualStackIp);
        peer.socket.send(formatAddress(dualStackIp, portOf(both)), bytesOf("hello"));
        await bench.until("it arrived", () => both.frames.length > 0);
        bench.same(both.frames[0]?.from, peer.socket.local, "sender");
        both.socket.send(peer.socket.local, bytesOf("hello back"));
        await bench.until("the answer arrived", () => peer.frames.length > 0);
        bench.same(peer.frames[0]?.bytes, bytesOf("hello back"), "answer");
      },
  });
}

function rulesOf(
  ip: string,
  open: (ip: string, port?: number) => Promise<Station>,
  datagrams: Datagrams,
  clock: Clock,
): Record<string, Rule> {
  return {
    "tells the bound address with the real port": async (bench) => {
      await using station = await open(ip);
      bench.same(station.socket.local, formatAddress(ip, portOf(station)), "local address");
      bench.expect(portOf(station) > 0, "the port is 0");
    },

    "delivers what was sent, with the sender": async (bench) => {
      await using a = await open(ip);
      await using b = await open(ip);
      for (const [i, bytes] of [bytesOf("one"), pattern(1_400), pattern(60_000)].entries()) {
        a.socket.send(b.socket.local, bytes);
        await bench.until("it arrived", () => b.frames.length > i);
        bench.same(b.frames[i]?.bytes, bytes, "payload");
        bench.same(b.frames[i]?.from, a.socket.local, "sender");
      }
    },

    "reaches itself": async (bench) => {
      await using a = await open(ip);
      a.socket.send(a.socket.local, bytesOf("me"));
      await bench.until("it arrived", () => a.frames.length > 0);
      bench.same(a.frames[0]?.from, a.socket.local, "sender");
    },

    "hands over in arrival order, and the payload is the receiver's": async (bench) => {
      await using a = await open(ip);
      await using b = await open(ip);
      const count = 300;
      for (let sent = 0; sent < count; sent += 30) {
        for (let i = sent; i < sent + 30; i++) a.socket.send(b.socket.local, pattern(200, i));
        await bench.until("the batch arrived", () => b.frames.length >= sent + 30);
      }
      await bench.pass(20);
      for (const [i, frame] of b.frames.entries()) {
        bench.same(frame.bytes, pattern(200, i), `datagram ${i}, read after all had come`);
      }
      bench.same(b.frames.length, count, "datagrams");
    },

    "stamps frames on the runtime's clock": async (bench) => {
      await using a = await open(ip);
      await using b = await open(ip);
      const before = clock.now();
      for (let i = 0; i < 10; i++) a.socket.send(b.socket.local, bytesOf(`${i}`));
      await bench.until("all arrived", () => b.frames.length === 10);
      const stamps = b.frames.map((frame) => frame.receivedMs);
      bench.expect(stamps.every((stamp) => stamp >= before), "one is older than its sending");
      bench.expect(stamps.every((stamp) => stamp <= clock.now()), "one is in the future");
      bench.expect(stamps.every((at, i) => at >= (stamps[i - 1] ?? at)), "they run backwards");
    },

    "does not throw for peers that can't be reached, and goes on": async (bench) => {
      await using a = await open(ip);
      await using b = await open(ip);
      const gone = await open(ip);
      await gone[Symbol.asyncDispose]();
      for (let i = 0; i < 5; i++) {
        a.socket.send(gone.socket.local, bytesOf("anybody?"));
        await bench.pass(5);
      }
      a.socket.send(b.socket.local, bytesOf("still here"));
      await bench.until("the next arrived", () => b.frames.length > 0);
    },

    "tells of datagrams it could not write, and goes on": async (bench) => {
      await using a = await open(ip);
      await using b = await open(ip);
      const otherFamily = ip.includes(":") ? [] : ["[::1]:9"];
      const bad = [formatAddress(ip, 0), "no.address:9", "", ...otherFamily];
      for (const to of bad) a.socket.send(to, bytesOf("x"));
      a.socket.send(b.socket.local, new Uint8Array(70_000));
      await bench.until("all were told", () => a.sendErrors.length >= bad.length + 1);
      bench.same(a.sendErrors.toSorted(), [...bad, b.socket.local].toSorted(), "told");
      a.socket.send(b.socket.local, bytesOf("still here"));
      await bench.until("the next arrived", () => b.frames.length > 0);
      bench.same(b.frames[0]?.bytes, bytesOf("still here"), "payload");
    },

    "does nothing when asked to send after disposal": async (bench) => {
      const a = await open(ip);
      await using b = await open(ip);
      await a[Symbol.asyncDispose]();
      await a[Symbol.asyncDispose]();
      a.socket.send(b.socket.local, bytesOf("too late"));
      await bench.pass(30);
      bench.same([b.frames.length, a.sendErrors.length], [0, 0], "frames and errors");
    },

    "hands over nothing after disposal, and frees the port": async (bench) => {
      const first = await open(ip);
      const port = portOf(first);
      await using sender = await open(ip);
      for (let i = 0; i < 50; i++) sender.socket.send(first.socket.local, bytesOf("x"));
      await first[Symbol.asyncDispose]();
      const count = first.frames.length;
      await using second = await open(ip, port);
      sender.socket.send(second.socket.local, bytesOf("for the second"));
      await bench.until(
        "the second got it",
        () => second.frames.some(({ bytes }) => bytes.length === 14),
      );
      bench.same(first.frames.length, count, "frames of the first");
    },

    "hands over nothing before bind has resolved": (bench) =>
      quietUntilBound(bench, ip, open, datagrams),

    "refuses a taken port, naming it": async (bench) => {
      await using a = await open(ip);
      await bench.rejects(open(ip, portOf(a)), "bind-failed", "the bind", `${portOf(a)}`);
      a.socket.send(a.socket.local, bytesOf("unharmed"));
      await bench.until("the first still works", () => a.frames.length > 0);
    },
  };
}

function broadcastRules(
  broadcastIp: string,
  open: (
    ip: string,
    port?: number,
    how?: Pick<DatagramOptions, "broadcast" | "sharePort">,
  ) => Promise<Station>,
): Record<string, Rule> {
  const shared = { sharePort: true };
  return {
    "gives what is broadcast to every socket that shares the port": async (bench) => {
      await using a = await open("0.0.0.0", 0, shared);
      await using b = await open("0.0.0.0", portOf(a), shared);
      await using sender = await open("0.0.0.0", 0, { broadcast: true });
      const to = formatAddress(broadcastIp, portOf(a));
      sender.socket.send(to, bytesOf("all"));
      await bench.until("both have it", () => a.frames.length > 0 && b.frames.length > 0);
      for (const { frames } of [a, b]) {
        bench.same(frames.map(({ bytes }) => bytes), [bytesOf("all")], "what was broadcast");
        const { from = "" } = frames[0] ?? {};
        bench.same(parseAddress(from)?.port, portOf(sender), "the sender's port");
      }
      const { from = "" } = a.frames[0] ?? {};
      a.socket.send(from, bytesOf("answer"));
      await bench.until("the answer arrived", () => sender.frames.length > 0);
      bench.same(sender.frames[0]?.bytes, bytesOf("answer"), "answer");
      bench.same([sender.frames.length, sender.sendErrors.length], [1, 0], "frames and errors");
    },

    "shares a port only with sockets that ask for it": async (bench) => {
      await using alone = await open("0.0.0.0");
      const port = portOf(alone);
      await bench.rejects(open("0.0.0.0", port, shared), "bind-failed", "the bind", `${port}`);
      await using sharing = await open("0.0.0.0", 0, shared);
      const other = portOf(sharing);
      await bench.rejects(open("0.0.0.0", other), "bind-failed", "the bind", `${other}`);
    },

    "gives a shared port to the one who is left": async (bench) => {
      const first = await open("0.0.0.0", 0, shared);
      await using second = await open("0.0.0.0", portOf(first), shared);
      await using sender = await open("0.0.0.0", 0, { broadcast: true });
      await first[Symbol.asyncDispose]();
      sender.socket.send(formatAddress(broadcastIp, portOf(second)), bytesOf("you"));
      await bench.until("it has it", () => second.frames.length > 0);
      bench.same(first.frames.length, 0, "frames of the one who left");
    },
  };
}

async function quietUntilBound(
  bench: Bench,
  ip: string,
  open: (ip: string, port?: number) => Promise<Station>,
  datagrams: Datagrams,
): Promise<void> {
  const earlier = await open(ip);
  const port = portOf(earlier);
  await earlier[Symbol.asyncDispose]();
  await using sender = await open(ip);
  let bound = false;
  let early = 0;
  let late = 0;
  const binding = datagrams.bind({ ip, port, onFrame: () => bound ? late++ : early++ })
    .then((socket) => {
      bound = true;
      return socket;
    });
  const target = formatAddress(ip, port);
  await bench.until("frames arrive", () => {
    for (let i = 0; i < 10; i++) sender.socket.send(target, bytesOf("early"));
    return late > 0;
  });
  await (await binding)[Symbol.asyncDispose]();
  bench.same(early, 0, "frames before bind had resolved");
}

function portOf(station: Station): number {
  return parseAddress(station.socket.local)?.port ?? 0;
}
