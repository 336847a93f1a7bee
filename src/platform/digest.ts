// Hashes for secrets: what is stored instead of them, how two are compared, and the checksum that lets a
// scanner recognise one. Comparing takes the same time whether the first or the last byte differs.

import { timingSafeEqual } from "node:crypto";

export function sha256(text: string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(text).digest());
}

export function isSameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function crc32(text: string): number {
  return Bun.hash.crc32(text);
}
