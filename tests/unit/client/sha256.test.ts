import { expect, test } from "bun:test";
import { createRuntime } from "../../../src/client/runtime.ts";
import { createHash } from "../../../src/client/sha256.ts";
import { toHex } from "../../../src/client/encoding.ts";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

test("createHash() gives the digest of every size around a block", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) % 256);
  for (let size = 0; size <= bytes.length; size += 1) {
    const part = bytes.subarray(0, size);
    const hash = createHash();
    hash.update(part);
    expect([size, toHex(hash.digest())]).toEqual([size, sha256Hex(part)]);
  }
});

test("createHash() does not care how the bytes are cut", () => {
  const random = createSeededRandom(7);
  const bytes = random.bytes(100_000);
  for (let round = 0; round < 20; round += 1) {
    const hash = createHash();
    let at = 0;
    while (at < bytes.length) {
      const end = at + Math.floor(random.fraction() * 2 ** (6 + (round % 8)));
      hash.update(bytes.subarray(at, end)); // Now and then of no byte at all.
      at = end;
    }
    expect(toHex(hash.digest())).toBe(sha256Hex(bytes));
  }
});

test("sha256() of the runtime agrees", async () => {
  const bytes = new TextEncoder().encode("grid");
  expect(toHex(await createRuntime().sha256(bytes))).toBe(sha256Hex(bytes));
});
