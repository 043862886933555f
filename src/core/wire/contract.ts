/**
 * What the membership machine needs of the wire: bytes to messages and back. Implemented in this folder.
 *
 * @module
 */

import type { Cipher } from "./cipher.ts";
import type { PacketMessage, StreamMessage } from "./messages.ts";

/** Why input was dropped; each is a counter, readable in status and metrics. */
export type DropReason =
  | "empty"
  | "label"
  | "decrypt"
  | "plaintext"
  | "crc"
  | "unknown-type"
  | "compound"
  | "compress"
  | "malformed"
  | "too-large"
  | "nesting";

/** Receives what a packet held, part by part, in order. */
export interface PacketSink {
  /** One decoded message. `bytes` is a view on its encoded form, type byte included; copy it to keep it. */
  message(message: PacketMessage, bytes: Uint8Array): void;
  /** A part, or the whole packet, was dropped. */
  dropped(reason: DropReason): void;
}

/** What the layers around a message need to know; one value shared by packets and streams. */
export interface WireConfig {
  /** Empty: no label header. At most 255 bytes of UTF-8. */
  readonly label: string;
  /** An outer layer already took the label off (memberlist.md 6.3). */
  readonly skipInboundLabelCheck: boolean;
  /** The keys in use, primary first; consulted for every packet, so it may change at run time. */
  readonly keyring: KeyringView;
  /** Refuse plaintext while a key is installed. */
  readonly verifyIncoming: boolean;
  /** Encrypt while a key is installed. */
  readonly verifyOutgoing: boolean;
  /** LZW when it makes a packet smaller, always on streams. */
  readonly compression: boolean;
  /** 1 sends encryption version 0 (padded); 2 to 5 send version 1. */
  readonly protocolVersion: number;
  /**
   * Most rows taken from one push/pull; a cluster of known size may lower it, since tiny compressed rows are the
   * cheapest way to fill our memory.
   *
   * @default 1_048_576
   */
  readonly pushPullNodesMax?: number;
}

/** The installed ciphers as the codecs see them. */
export interface KeyringView {
  /** Primary first; empty: encryption is off. */
  ciphers(): readonly Cipher[];
}

/** Opens and seals packets. Never throws on input. */
export interface PacketCodec {
  /** Takes all layers off and hands every message to `sink`. */
  open(packet: Uint8Array, sink: PacketSink): void;
  /**
   * Puts the layers on. `parts` are encoded messages; more than one become a compound. The caller keeps to
   * 255 parts of at most 65,535 bytes; `crc` adds the CRC header.
   */
  seal(parts: readonly Uint8Array[], crc: boolean): Uint8Array;
  /** Bytes that label, encryption and (always counted) CRC add to a packet now. */
  overhead(): number;
}

/** What an incremental stream reader answers to more bytes. */
export type StreamProgress =
  /** Needs more bytes. */
  | { readonly type: "more" }
  /** The one message this direction carries is complete. */
  | { readonly type: "message"; readonly message: StreamMessage }
  /** The stream must be closed; `reply` says whether an error reply (memberlist.md 2.7) is due. */
  | {
    readonly type: "failed";
    readonly reason: DropReason;
    readonly detail: string;
    readonly reply: boolean;
  };

/** Reads one message from one direction of one stream. Keeps a cursor; never re-parses from the start. */
export interface StreamReader {
  /** Appends bytes; after `message` or `failed` further bytes are ignored and the answer repeats. */
  push(bytes: Uint8Array): StreamProgress;
}

/** Frames streams. Never throws on input. */
export interface StreamCodec {
  /** For the accepting side: expects the label header that dialers write. */
  requestReader(): StreamReader;
  /** For the dialing side: no label header comes back, yet the label enters the AAD. */
  replyReader(): StreamReader;
  /** A request with its label header, ready to be written in one go. */
  request(message: StreamMessage): Uint8Array;
  /** A reply, without label header. */
  reply(message: StreamMessage): Uint8Array;
}
