/**
 * What the texts of a configuration may look like.
 *
 * @module
 */

import { ipToBytes } from "../core/address.ts";
import { parseGoDuration } from "../core/go_duration.ts";
import { isHost, parseHostPort } from "./host_port.ts";

/** A rule for one kind of text. */
export interface TextFormat {
  /** What is allowed, ready to stand after "allowed is". */
  readonly allowed: string;
  /** A regular expression for the JSON Schema; it lets pass at least all that `accepts` does. */
  readonly pattern?: string;
  /** Decides. The text is at most {@linkcode TEXT_LENGTH_MAX} long. */
  accepts(text: string): boolean;
}

/** No text of a configuration is longer. */
export const TEXT_LENGTH_MAX = 4096;

/** The longest duration a field takes: one day. */
export const DURATION_MS_MAX = 86_400_000;

const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}]/u;

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isPrintable(text: string): boolean {
  return text !== "" && !CONTROL_OR_LONE_SURROGATE.test(text);
}

/** Some text on one line. */
export const LINE: TextFormat = {
  allowed: "a text that is not empty, on one line",
  pattern: "^[^\\n\\r]+$",
  accepts: isPrintable,
};

/** The name people see; it becomes part of keys and of the gossip name. */
export const NODE_ID: TextFormat = {
  allowed: 'a name of 1 to 128 bytes without spaces and "/"',
  pattern: "^[^\\s/]+$",
  accepts: (text) => isPrintable(text) && !/[\s/]/u.test(text) && utf8Length(text) <= 128,
};

/** A region's name. */
export const REGION: TextFormat = {
  allowed: "a name of 1 to 64 bytes",
  pattern: "^[^\\n\\r]+$",
  accepts: (text) => isPrintable(text) && utf8Length(text) <= 64,
};

/** A gossip label (memberlist.md 6.3); empty means none. */
export const LABEL: TextFormat = {
  allowed: "a text of at most 255 bytes",
  accepts: (text) => !CONTROL_OR_LONE_SURROGATE.test(text) && utf8Length(text) <= 255,
};

/** A secret that travels in a header. */
export const TOKEN: TextFormat = {
  allowed: "a text of visible ASCII characters that is not empty",
  pattern: "^[!-~]+$",
  accepts: (text) => /^[!-~]+$/.test(text),
};

/** `host:port`. */
export const HOST_PORT: TextFormat = {
  allowed: 'host:port such as "10.0.0.4:10101", "[2001:db8::1]:10101" or "gw-1.example:10101"',
  pattern: "^(\\[[0-9A-Fa-f:.]+\\]|[^:\\[\\]]+):[1-9][0-9]{0,4}$",
  accepts: (text) => parseHostPort(text) !== undefined,
};

/** `host:port` of an HTTP service, with or without its scheme. */
export const ENDPOINT: TextFormat = {
  allowed: 'host:port such as "localhost:8500" or "https://etcd-1.example:2379"',
  pattern: "^(https?://)?(\\[[0-9A-Fa-f:.]+\\]|[^:/\\[\\]]+):[1-9][0-9]{0,4}$",
  accepts: (text) => parseHostPort(text.replace(/^https?:\/\//, "")) !== undefined,
};

/** A DNS name, with a port when its addresses need one. */
export const DNS_NAME: TextFormat = {
  allowed: 'a host name such as "gw.example", "_gossip._tcp.gw.example" or "gw.example:10101"',
  pattern: "^[\\w.-]+(:[1-9][0-9]{0,4})?$",
  accepts: (text) => {
    const host = parseHostPort(text)?.host ?? text;
    return isHost(host) && ipToBytes(host) === undefined;
  },
};

/** The address of a DNS server. */
export const DNS_SERVER: TextFormat = {
  allowed: 'an IP address such as "10.0.0.53" or "10.0.0.53:5353"',
  pattern: "^[0-9A-Fa-f:.\\[\\]]+$",
  accepts: (text) => isIp(text) || ipToBytes(parseHostPort(text)?.host ?? "") !== undefined,
};

/** An IP address to bind. */
export const IP: TextFormat = {
  allowed: 'an IP address such as "0.0.0.0", "127.0.0.1" or "::"',
  pattern: "^[0-9A-Fa-f:.]+$",
  accepts: isIp,
};

/** An IP address that others can reach. */
export const REACHABLE_IP: TextFormat = {
  allowed: 'an IP address that other nodes can reach, such as "10.0.0.4" or "2001:db8::4"',
  pattern: "^[0-9A-Fa-f:.]+$",
  accepts: (text) => isIp(text) && (ipToBytes(text) ?? []).some((byte) => byte !== 0),
};

/** A block of addresses. */
export const CIDR: TextFormat = {
  allowed: 'a CIDR block such as "10.0.0.0/8" or "2001:db8::/32"',
  pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$",
  accepts: (text) => {
    const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
    const ip = match?.[1] ?? "";
    if (!isIp(ip)) return false;
    return Number(match?.[2]) <= (ip.includes(":") ? 128 : 32);
  },
};

/** A duration as Go writes it. */
export const GO_DURATION: TextFormat = {
  allowed: 'a duration above 0 and up to 24h such as "500ms", "10s" or "1m30s"',
  pattern: "^\\+?([0-9]*(\\.[0-9]*)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$",
  accepts: (text) => {
    const millis = parseGoDuration(text);
    return millis !== undefined && millis > 0 && millis <= DURATION_MS_MAX;
  },
};

/** A gossip key. */
export const GOSSIP_KEY: TextFormat = {
  allowed: "base64 of 16, 24 or 32 bytes",
  pattern: "^[A-Za-z0-9+/]+={0,2}$",
  accepts: (text) => [16, 24, 32].includes(decodeBase64(text)?.length ?? 0),
};

/** The type of a DNS-SD service (RFC 6763, 7). */
export const MDNS_SERVICE: TextFormat = {
  allowed: 'a service type such as "_gateway._tcp"',
  pattern: "^_[A-Za-z0-9-]+\\._(tcp|udp)$",
  accepts: (text) => /^_[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?\._(?:tcp|udp)$/.test(text),
};

/** A service's name; it becomes part of paths and of DNS names. */
export const SERVICE_NAME: TextFormat = {
  allowed: 'a name of 1 to 62 letters, digits, "-", "_" and "."',
  pattern: "^[A-Za-z0-9._-]{1,62}$",
  accepts: (text) => /^[A-Za-z0-9._-]{1,62}$/.test(text),
};

/** The bytes of standard base64 with padding; `undefined` when it is not that. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function isIp(text: string): boolean {
  return !text.includes("%") && ipToBytes(text) !== undefined;
}
