import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectOutput } from "../../../src/agent/command/job-output.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-output-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function* pieces(...sizes: readonly number[]) {
  for (const [index, size] of sizes.entries()) yield new Uint8Array(size).fill(65 + (index % 26));
}
const KiB = 1024;

test("collectOutput() keeps up to 64 KiB in memory", async () => {
  const file = join(folder, "small");
  const collected = await collectOutput(pieces(1, 2, 0, 64 * KiB - 3), { file, bytesMax: 1e9 });
  expect(collected).toMatchObject({ kind: "whole", bytes: { kind: "bytes" } });
  if (collected.kind !== "whole" || collected.bytes.kind !== "bytes") throw new Error("no bytes");
  expect(collected.bytes.bytes).toHaveLength(64 * KiB);
  expect([...collected.bytes.bytes.subarray(0, 4)]).toEqual([65, 66, 66, 68]);
  expect(existsSync(file)).toBe(false);
});

test("collectOutput() holds no more memory than the bytes, however small the pieces", async () => {
  const many = pieces(...Array.from({ length: 10_000 }, () => 1));
  const collected = await collectOutput(many, { file: join(folder, "many"), bytesMax: 1e9 });
  if (collected.kind !== "whole" || collected.bytes.kind !== "bytes") throw new Error("no bytes");
  expect(collected.bytes.bytes.buffer.byteLength).toBe(10_000);
});

test("collectOutput() writes larger output to a file, in order", async () => {
  const file = join(folder, "large");
  const collected = await collectOutput(pieces(40 * KiB, 40 * KiB, 1), { file, bytesMax: 1e9 });
  const sizeBytes = 80 * KiB + 1;
  expect(collected).toEqual({ kind: "whole", bytes: { kind: "file", path: file, sizeBytes } });
  const bytes = readFileSync(file);
  expect([bytes.length, bytes[0], bytes[40 * KiB], bytes.at(-1)]).toEqual([sizeBytes, 65, 66, 67]);
});

test("collectOutput() stops at the limit, of which nothing more reaches the disk", async () => {
  const file = join(folder, "much");
  const bytesMax = 200 * KiB;
  const exact = await collectOutput(pieces(100 * KiB, 100 * KiB), { file, bytesMax });
  expect(exact.kind).toBe("whole");
  let isClosed = false;
  async function* endless() {
    try {
      for (;;) yield new Uint8Array(KiB);
    } finally {
      isClosed = true;
    }
  }
  expect(await collectOutput(endless(), { file, bytesMax })).toEqual({ kind: "too-large" });
  expect(statSync(file).size).toBe(bytesMax);
  expect(isClosed).toBe(true);
  expect(await collectOutput(endless(), { file, bytesMax: 10 })).toEqual({ kind: "too-large" });
});

test("collectOutput() says when there is no room for a file", async () => {
  const file = join(folder, "nowhere", "file");
  const collected = await collectOutput(pieces(100 * KiB), { file, bytesMax: 1e9 });
  expect(collected).toEqual({ kind: "no-space" });
});
