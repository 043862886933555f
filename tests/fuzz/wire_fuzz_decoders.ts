/**
 * Every decoder of the wire, with inputs made for it and the claims it must hold.
 *
 * @module
 */

import type { Rng } from "../../src/core/rng.ts";
import { eachPart } from "../../src/core/wire/compound.ts";
import { decompress } from "../../src/core/wire/compress.ts";
import type { Cipher } from "../../src/core/wire/cipher.ts";
import type { StreamProgress, StreamReader, WireConfig } from "../../src/core/wire/contract.ts";
import { crc32 } from "../../src/core/wire/crc32.ts";
import { decodeMessage, decodeMessageAt, readErr } from "../../src/core/wire/decode.ts";
import {
  readCompress,
  readPushPullHeader,
  readPushPullNode,
  readUserHeader,
} from "../../src/core/wire/decode_parts.ts";
import { encodeMessage } from "../../src/core/wire/encode.ts";
import { sealPayload } from "../../src/core/wire/encryption.ts";
import { labelBytes, labelHeader } from "../../src/core/wire/label.ts";
import {
  PACKET_DECOMPRESSED_BYTES_MAX,
  PACKET_MESSAGES_MAX,
  STREAM_BYTES_MAX,
} from "../../src/core/wire/limits.ts";
import { LzwDecoder } from "../../src/core/wire/lzw_decoder.ts";
import { MsgpackReader } from "../../src/core/wire/msgpack_reader.ts";
import { MsgpackScanner } from "../../src/core/wire/msgpack_scanner.ts";
import { createPacketCodec } from "../../src/core/wire/packet_codec.ts";
import { createStreamCodec } from "../../src/core/wire/stream_codec.ts";
import { encryptionPrefix, streamAad } from "../../src/core/wire/stream_encryption.ts";
import { wireConfig } from "../interop/wire_under_test.ts";
import { canonical } from "../interop/go_fields.ts";
import { mutated, noise, packetBody, streamBody, wildStruct } from "./wire_fuzz_inputs.ts";

/** One decoder under test. */
export interface FuzzDecoder {
  readonly name: string;
  /** Makes one input. */
  input(rng: Rng, corpus: readonly Uint8Array[]): Uint8Array;
  /** Decodes it; answers whether it was accepted. Throws when a claim does not hold. */
  decode(input: Uint8Array, rng: Rng): boolean;
  /** Largest single array it may ask for. */
  allocationMax(inputBytes: number): number;
}

const LABEL = "blah";
/** Low, so that inputs reach it. */
const LZW_OUTPUT_MAX = 8192;
/** A 12-bit code can stand for 3,838 bytes: no input expands further, and buffers at most double. */
const EXPANSION_MAX = 2 * 3838;

/** Cheap and of the form of AES-GCM: what is tested is the code around it. */
const CIPHER: Cipher = {
  seal(plain, aad) {
    const out = new Uint8Array(plain.length + 28);
    out.set(plain.map((byte) => byte ^ 0x5a), 12);
    out.fill(checksum(plain, aad), plain.length + 12);
    return out;
  },
  open(sealed, aad) {
    if (sealed.length < 28) return undefined;
    const plain = sealed.slice(12, sealed.length - 16).map((byte) => byte ^ 0x5a);
    const tag = checksum(plain, aad);
    return sealed.subarray(sealed.length - 16).every((byte) => byte === tag) ? plain : undefined;
  },
};

function checksum(plain: Uint8Array, aad: Uint8Array): number {
  return (crc32(plain) ^ crc32(aad)) & 255;
}

const CONFIGS: Readonly<Record<string, WireConfig>> = {
  plain: wireConfig({}),
  label: wireConfig({ label: LABEL }),
  key: wireConfig({ ciphers: [CIPHER] }),
  "label and key": wireConfig({ label: LABEL, ciphers: [CIPHER] }),
  "lenient key": wireConfig({ ciphers: [CIPHER], verifyIncoming: false }),
};

/** All of them. */
export function wireDecoders(): FuzzDecoder[] {
  const decoders: FuzzDecoder[] = [message(), structs(), compound(), lzw(), compressed()];
  for (const [name, config] of Object.entries(CONFIGS)) {
    decoders.push(packet(name, config), stream(name, config, "request"));
    decoders.push(stream(name, config, "reply"));
  }
  return decoders;
}

function claim(holds: boolean, text: string): void {
  if (!holds) throw new Error(text);
}

function message(): FuzzDecoder {
  return {
    name: "message",
    input: (rng, corpus) => packetBody(rng, corpus, 4),
    decode(input) {
      const decoded = decodeMessage(input);
      const inside = decodeMessageAt(surrounded(input), 0, input.length);
      claim(canonical(inside) === canonical(decoded), "what lies behind the end matters");
      if (typeof decoded === "string") return false;
      // What was understood is written in one way, and read back as the same.
      const encoded = encodeMessage(decoded);
      const again = decodeMessage(encoded);
      claim(canonical(again) === canonical(decoded), "decodes to something else the second time");
      return true;
    },
    allocationMax: (inputBytes) => Math.max(2048, 4 * inputBytes),
  };
}

function structs(): FuzzDecoder {
  const readers: readonly ((reader: MsgpackReader) => unknown)[] = [
    readErr,
    readCompress,
    readUserHeader,
    readPushPullHeader,
    readPushPullNode,
  ];
  return {
    name: "structs",
    input: (rng, corpus) =>
      rng.chance(0.8) ? wildStruct(rng, 0).slice(1) : mutated(rng, noise(rng, 20), corpus),
    decode(input, rng) {
      const reader = new MsgpackReader();
      const read = readers[rng.below(readers.length)] as (reader: MsgpackReader) => unknown;
      reader.reset(surrounded(input), 0, input.length);
      const inside = canonical([read(reader), reader.failure]);
      reader.reset(input, 0, input.length);
      const alone = canonical([read(reader), reader.failure]);
      claim(inside === alone, "what lies behind the end matters");
      claim(reader.at <= input.length, "reads beyond the end");
      if (reader.failure !== undefined) return false;
      const scanner = new MsgpackScanner();
      let length = -1;
      // Fed byte by byte, the scanner ends where the reader did.
      for (let end = 0; end <= input.length && length < 0; end++) {
        length = scanner.scan(input, 0, end);
      }
      claim(length === reader.at, `the scanner stops at ${length}, the reader at ${reader.at}`);
      return true;
    },
    allocationMax: (inputBytes) => inputBytes + 64,
  };
}

/** The input with bytes behind it that are none of its own. */
function surrounded(input: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.length + 64).fill(0x41);
  out.set(input);
  return out;
}

function compound(): FuzzDecoder {
  return {
    name: "compound",
    input: (rng, corpus) => packetBody(rng, corpus, 2),
    decode(input) {
      let last = 1;
      let parts = 0;
      const cut = eachPart(input, 0, input.length, (start, end) => {
        claim(start >= last && end >= start && end <= input.length, "a part out of its bounds");
        last = end;
        parts += 1;
      });
      claim(cut < 0 || parts + cut === input[0], "parts are neither delivered nor counted");
      return cut === 0;
    },
    allocationMax: () => 0,
  };
}

function lzw(): FuzzDecoder {
  const decoder = new LzwDecoder();
  return {
    name: "lzw",
    input(rng, corpus) {
      if (rng.chance(0.2)) return noise(rng, 300);
      const body = packetBody(rng, corpus, 3);
      const found = body.indexOf(0x66);
      return mutated(rng, body[0] === 9 ? body.subarray(found + 4) : body, corpus);
    },
    decode(input) {
      const output = decoder.decode(input, LZW_OUTPUT_MAX);
      if (typeof output === "string") return false;
      claim(output.length <= LZW_OUTPUT_MAX, "output above its limit");
      return true;
    },
    allocationMax: (inputBytes) => Math.min(LZW_OUTPUT_MAX, EXPANSION_MAX * (inputBytes + 1)),
  };
}

function compressed(): FuzzDecoder {
  return {
    name: "compress",
    input: (rng, corpus) => packetBody(rng, corpus, 2),
    decode(input) {
      const output = decompress(input, Math.min(1, input.length), input.length, LZW_OUTPUT_MAX);
      if (typeof output === "string") return false;
      claim(output.length <= LZW_OUTPUT_MAX, "output above its limit");
      return true;
    },
    allocationMax: (inputBytes) => Math.min(LZW_OUTPUT_MAX, EXPANSION_MAX * (inputBytes + 1)),
  };
}

function packet(name: string, config: WireConfig): FuzzDecoder {
  const codec = createPacketCodec(config, crc32);
  const label = labelBytes(config.label);
  const header = labelHeader(label);
  return {
    name: `packet, ${name}`,
    input(rng, corpus) {
      if (rng.chance(0.1)) return rng.chance(0.5) ? noise(rng, 80) : mutated(rng, header, corpus);
      const body = packetBody(rng, corpus);
      const sealed = codec.seal([body], rng.chance(0.5));
      const [cipher] = config.keyring.ciphers();
      // Padded payloads come from peers at protocol version 1.
      const padded = cipher !== undefined && rng.chance(0.2);
      const whole = padded ? sealPayload(cipher, 0, body, label, header) : sealed;
      return rng.chance(0.15) ? mutated(rng, whole, corpus) : whole;
    },
    decode(input) {
      let [messages, dropped, bytes] = [0, 0, 0];
      codec.open(input, {
        message(_message, encoded) {
          messages += 1;
          bytes += encoded.length;
        },
        dropped: () => void (dropped += 1),
      });
      claim(messages + dropped > 0, "vanished without a count");
      claim(messages <= PACKET_MESSAGES_MAX, `${messages} messages`);
      claim(dropped <= PACKET_MESSAGES_MAX * 256, `${dropped} drops`);
      claim(bytes <= PACKET_DECOMPRESSED_BYTES_MAX + input.length, `${bytes} bytes delivered`);
      return messages > 0;
    },
    allocationMax: () => PACKET_DECOMPRESSED_BYTES_MAX,
  };
}

/** `alter` gets at the reader, so that the comparison itself can be tested. */
export function stream(
  name: string,
  config: WireConfig,
  direction: "request" | "reply",
  alter: (reader: StreamReader) => StreamReader = (reader) => reader,
): FuzzDecoder {
  const codec = createStreamCodec(config);
  const label = labelBytes(config.label);
  const header = direction === "request" ? labelHeader(label) : new Uint8Array(0);
  const reader = () => alter(direction === "request" ? codec.requestReader() : codec.replyReader());
  return {
    name: `stream ${direction}, ${name}`,
    input(rng, corpus) {
      const body = streamBody(rng, corpus);
      const [cipher] = config.keyring.ciphers();
      let whole = Uint8Array.of(...header, ...body);
      if (cipher !== undefined && rng.chance(0.9)) {
        const prefix = encryptionPrefix(body.length + 29);
        const aad = streamAad(prefix, label);
        whole = new Uint8Array(
          sealPayload(cipher, 1, body, aad, Uint8Array.of(...header, ...prefix)),
        );
      }
      return rng.chance(0.15) ? mutated(rng, whole, corpus) : whole;
    },
    decode(input, rng) {
      const whole = outcome(reader().push(input));
      const cut = outcome(inPieces(reader, input, rng));
      claim(whole === cut, `depends on the cuts: ${whole.slice(0, 200)} and ${cut.slice(0, 200)}`);
      return whole.startsWith(`{"message`);
    },
    allocationMax: (inputBytes) => Math.min(2 * STREAM_BYTES_MAX, EXPANSION_MAX * (inputBytes + 1)),
  };
}

/** Feeds pieces cut at random, the array of each overwritten behind the reader's back. */
function inPieces(reader: () => StreamReader, input: Uint8Array, rng: Rng): StreamProgress {
  const fed = reader();
  let progress: StreamProgress = fed.push(new Uint8Array(0));
  const pieceMax = 1 + rng.below(64);
  for (let at = 0; at < input.length;) {
    const end = at + 1 + rng.below(pieceMax);
    const piece = input.slice(at, end);
    progress = fed.push(piece);
    piece.fill(0xee);
    at = end;
  }
  return progress;
}

function outcome(progress: StreamProgress): string {
  return canonical(progress);
}
