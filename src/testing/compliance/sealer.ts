/** @module */

import type { Sealer } from "../../ports/sealer.ts";
import {
  type Bench,
  bytesOf,
  bytesOfHex,
  casesOf,
  type ComplianceCase,
  type ComplianceSetup,
  pattern,
  type Rule,
} from "./case.ts";

/** What is judged. */
export interface SealerSetup extends ComplianceSetup {
  /** The port under judgement. */
  readonly sealer: Sealer;
}

/** Test cases 4, 10 and 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega): same plain text, nonce and AAD. */
const KNOWN = {
  plain:
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
  nonce: "cafebabefacedbaddecaf888",
  answers: [
    {
      bits: 128,
      key: "feffe9928665731c6d6a8f9467308308",
      cipher:
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
      tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    {
      bits: 192,
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c",
      cipher:
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
      tag: "2519498e80f1478f37ba55bd6d27618c",
    },
    {
      bits: 256,
      key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      cipher:
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
      tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
  ],
} as const;

/** Check values of CRC-32/ISO-HDLC, the "123456789" of the catalogues first. */
const CRC32_KNOWN: readonly (readonly [Uint8Array, number])[] = [
  [bytesOf("123456789"), 0xcbf43926],
  [bytesOf("The quick brown fox jumps over the lazy dog"), 0x414fa339],
  [new Uint8Array(0), 0],
  [new Uint8Array(32), 0x190a55ad],
  [new Uint8Array(32).fill(0xff), 0xff6cab0b],
];

/** The rules of {@linkcode Sealer}. */
export function sealerCases(setup: SealerSetup): ComplianceCase[] {
  const { sealer } = setup;
  const rules: Record<string, Rule> = {};
  for (const { bits, key, cipher, tag } of KNOWN.answers) {
    rules[`opens the published answer of AES-${bits}-GCM with additional data`] = (bench) => {
      const sealed = bytesOfHex(KNOWN.nonce + cipher + tag);
      const plain = sealer.aesGcm(bytesOfHex(key)).open(sealed, bytesOfHex(KNOWN.aad));
      bench.same(plain, bytesOfHex(KNOWN.plain), "plain text");
    };
    rules[`AES-${bits}-GCM opens what it sealed, and nothing else`] = (bench) =>
      roundTrips(bench, sealer, bytesOfHex(key));
  }
  return casesOf(setup, {
    ...rules,

    "never uses a nonce twice": (bench) => {
      const one = sealer.aesGcm(pattern(16));
      const other = sealer.aesGcm(pattern(16));
      const nonces = new Set<string>();
      for (let i = 0; i < 1_000; i++) {
        for (const cipher of [one, other]) {
          nonces.add(cipher.seal(new Uint8Array(0), new Uint8Array(0)).subarray(0, 12).join());
        }
      }
      bench.same(nonces.size, 2_000, "distinct nonces of two ciphers with one key");
    },

    "keeps its own copy of the key": (bench) => {
      const key = pattern(32);
      const cipher = sealer.aesGcm(key);
      const sealed = cipher.seal(bytesOf("x"), new Uint8Array(0));
      key.fill(0);
      bench.same(cipher.open(sealed, new Uint8Array(0)), bytesOf("x"), "plain text");
    },

    "refuses keys of any other length with a RangeError": (bench) => {
      for (const length of [0, 1, 15, 17, 23, 25, 31, 33, 64]) {
        let error: unknown;
        try {
          sealer.aesGcm(new Uint8Array(length));
        } catch (thrown) {
          error = thrown;
        }
        bench.expect(error instanceof RangeError, `${length} bytes gave ${String(error)}`);
      }
    },

    "computes CRC-32 as zlib does, unsigned": (bench) => {
      for (const [bytes, expected] of CRC32_KNOWN) {
        bench.same(sealer.crc32(bytes), expected, `CRC-32 of ${bytes.length} bytes`);
      }
      const inside = pattern(100).subarray(10, 60);
      bench.same(sealer.crc32(inside), sealer.crc32(inside.slice()), "CRC-32 of a view");
    },
  });
}

function roundTrips(bench: Bench, sealer: Sealer, key: Uint8Array): void {
  const cipher = sealer.aesGcm(key);
  const label = bytesOf("label");
  const none = new Uint8Array(0);
  for (const length of [0, 1, 15, 16, 17, 1_400, 65_000]) {
    for (const aad of [none, label]) {
      const plain = pattern(length + 7).subarray(7);
      const sealed = cipher.seal(plain, aad);
      bench.same(sealed.length, 12 + length + 16, "sealed bytes");
      bench.same(cipher.open(sealed, aad), plain, "opened bytes");
      bench.same(cipher.open(pattern(3 + sealed.length).fill(0), aad), undefined, "of zeros");
    }
  }
  const sealed = cipher.seal(pattern(40), label);
  for (let i = 0; i < sealed.length; i++) {
    const tampered = sealed.slice();
    tampered[i] = (tampered[i] as number) ^ 0x01;
    bench.same(cipher.open(tampered, label), undefined, `opened with byte ${i} changed`);
    bench.same(cipher.open(sealed.subarray(0, i), label), undefined, `opened ${i} bytes of it`);
  }
  bench.same(cipher.open(sealed, none), undefined, "opened without its additional data");
  bench.same(cipher.open(sealed, bytesOf("Label")), undefined, "opened with other data");
  const wrong = sealer.aesGcm(key.slice().fill(7, 0, 1));
  bench.same(wrong.open(sealed, label), undefined, "opened with another key");
  bench.same(cipher.open(sealed, label), pattern(40), "opened after all that");
}
