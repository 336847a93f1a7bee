import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { weakness } from "../../../src/config/secret.ts";

test("weakness() refuses examples, short ones and repetitions", () => {
  for (const secret of [
    "changeme",
    "guest",
    "thisisatoken",
    "This-Is-A-Token-2026-abcdefghijk",
    "my_password_is_9f8g7h6j5k4l3m2n1",
    "Zk3vQ8rT1xW6yB0nM5cJ9",
    "a".repeat(64),
    "abababababababababababababababababab",
    "Zk3vQ8rT1xZk3vQ8rT1xZk3vQ8rT1x",
    "abcdefghijklmnopqrstuvwxyz012345",
    "1234567890123456789012345678901234567890",
    "0123456789abcdef01234567",
  ]) {
    expect([secret, weakness(secret)]).toEqual([secret, expect.any(String)]);
  }
});

test("weakness() never repeats the secret", () => {
  expect(weakness("hunter2hunter3")).not.toContain("hunter");
});

test("weakness() accepts 128 and more bits of chance in any common spelling", () => {
  const spellings = [
    (bytes: Uint8Array) => bytes.toHex(),
    (bytes: Uint8Array) => bytes.toHex().toUpperCase(),
    (bytes: Uint8Array) => bytes.toBase64(),
    (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
  ];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4000 }), fc.constantFrom(16, 24, 32), (seed, size) => {
      // Hashes of numbers look like chance and are the same in every run.
      const hash = new Bun.CryptoHasher("sha256").update(`${seed}`).digest();
      for (const spell of spellings) {
        expect(weakness(spell(new Uint8Array(hash.subarray(0, size))))).toBeNull();
      }
    }),
    { numRuns: 300 },
  );
});
