// Payloads, and the function that the workers of the harness compute. Everything follows from a number or a
// hash, so that any bytes the server gives back can be made again and compared.

import type { Random } from "../../../src/platform/random.ts";

/** As in the generated configuration: the edge between database and file is where mistakes live. */
export const smallBlobBytesMax = 32 * 1024;

const KiB = 1024;
const MiB = 1024 * KiB;

const payloadSizes: readonly (readonly [number, number])[] = [
  [0, 4],
  [1, 4],
  [KiB, 46],
  [smallBlobBytesMax - 1, 8],
  [smallBlobBytesMax, 8],
  [smallBlobBytesMax + 1, 12],
  [64 * KiB, 14],
  [MiB, 1.5],
  [5 * MiB, 0.2],
];

/** Different large payloads that are sent again and again, so that jobs share the file of their bytes. */
const sharedCount = 6;
const sharedShare = 0.25;

export function drawPayload(random: Random, seed: number): Uint8Array {
  const size = drawWeighted(random, payloadSizes);
  const isShared = size > smallBlobBytesMax && random.fraction() < sharedShare;
  const number = isShared
    ? Math.floor(random.fraction() * sharedCount)
    : sharedCount + Math.floor(random.fraction() * 2 ** 40);
  return bytesOf(`${seed}/${number}`, size);
}

/** `size` bytes that follow from `name` and look like chance. */
export function bytesOf(name: string, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (Bun.hash.xxHash32(name) | 1) >>> 0;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

export function sha256Of(bytes: Uint8Array | ArrayBuffer): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/**
 * The result of a payload. `variant` stands for the worker: two workers give different bytes for one job, so
 * that a result which replaces another is seen.
 */
export function resultOf(payloadSha256: string, variant: number): Uint8Array {
  return bytesOf(`${payloadSha256}/${variant}`, resultSizeOf(payloadSha256));
}

function resultSizeOf(payloadSha256: string): number {
  const sizes = [
    0,
    1,
    100,
    100,
    KiB,
    KiB,
    KiB,
    KiB,
    5 * KiB,
    smallBlobBytesMax - 1,
    smallBlobBytesMax,
    smallBlobBytesMax + 1,
    smallBlobBytesMax + 1,
    64 * KiB,
    64 * KiB,
    byteOf(payloadSha256, 1) < 32 ? MiB : KiB,
  ];
  return sizes[byteOf(payloadSha256, 0) % sizes.length] ?? 0;
}

/** What a worker does with a payload. `first`: the first time that anyone of the fleet sees it. */
export type Conduct = "work" | "fail-always" | "fail-first" | "crash-first" | "leave-after";

export function conductOf(payloadSha256: string): Conduct {
  const chance = byteOf(payloadSha256, 31);
  if (chance < 2) return "fail-always";
  if (chance < 5) return "fail-first";
  if (chance < 10) return "crash-first";
  return chance < 14 ? "leave-after" : "work";
}

function byteOf(sha256: string, index: number): number {
  return Number.parseInt(sha256.slice(2 * index, 2 * index + 2), 16);
}

function drawWeighted(random: Random, choices: readonly (readonly [number, number])[]): number {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let at = random.fraction() * total;
  for (const [value, weight] of choices) {
    at -= weight;
    if (at < 0) return value;
  }
  return choices[0]![0];
}
