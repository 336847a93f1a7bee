// What every provider of bytes promises, told once and run for each of them.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { BlobStore } from "../../src/blobs/blob-store.ts";
import { GridError } from "../../src/domain/errors.ts";
import { blobChunkBytesMax } from "../../src/domain/limits.ts";

export type OpenedBlobStore = {
  readonly blobs: BlobStore;
  /** Names of everything kept anywhere, finished or not. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
};

const roomy = 1024 * 1024 * 1024;

export function describeBlobStore(provider: string, open: () => Promise<OpenedBlobStore>): void {
  describe(`${provider} blob store`, () => {
    let opened: OpenedBlobStore;
    let blobs: BlobStore;
    beforeEach(async () => {
      opened = await open();
      blobs = opened.blobs;
    });
    afterEach(() => opened.close());

    test("put() names bytes by their hash, and open() gives them back", async () => {
      const bytes = pattern(100_000);
      const ref = await blobs.put(inChunks(bytes, 333), roomy);
      expect(ref.sha256).toBe(sha256Hex(bytes));
      expect(ref.size).toBe(bytes.length);
      expect(await readAll(await blobs.open(ref))).toEqual(bytes);
    });

    test("put() keeps no bytes at all as an empty blob", async () => {
      const ref = await blobs.put(inChunks(new Uint8Array(0), 1), 0);
      expect(ref.sha256).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
      expect(ref.size).toBe(0);
      expect(await readAll(await blobs.open(ref))).toEqual(new Uint8Array(0));
      expect((await blobs.list(null, 10)).map((blob) => blob.size)).toEqual([0]);
    });

    test("put() takes chunks of every size around its own, empty ones among them", async () => {
      const most = blobChunkBytesMax;
      const sizes = [0, 1, most - 1, 2, most - 1, most, 0, most + 1, 5];
      const bytes = pattern(sizes.reduce((sum, size) => sum + size, 0));
      const ref = await blobs.put(cut(bytes, sizes), roomy);
      expect(ref.sha256).toBe(sha256Hex(bytes));
      expect(await readAll(await blobs.open(ref))).toEqual(bytes);
    });

    test("put() is done with a chunk before it asks for the next: the source may use its buffer again", async () => {
      const buffer = new Uint8Array(1000);
      async function* reusing() {
        for (let round = 0; round < 600; round += 1) yield buffer.fill(round % 251);
      }
      const expected = joined(
        Array.from({ length: 600 }, (_, round) => new Uint8Array(1000).fill(round % 251)),
      );
      const ref = await blobs.put(reusing(), roomy);
      expect(ref.sha256).toBe(sha256Hex(expected));
      expect(await readAll(await blobs.open(ref))).toEqual(expected);
    });

    test("put() takes exactly the limit", async () => {
      const ref = await blobs.put(inChunks(pattern(5000), 100), 5000);
      expect(ref.size).toBe(5000);
    });

    test("put() refuses one byte over the limit, lets go of the source and keeps nothing", async () => {
      const source = watched(inChunks(pattern(600_001), 1000));
      const error = await blobs.put(source.chunks, 600_000).then(failIfResolved, caught);
      expect(error).toBeInstanceOf(GridError);
      expect((error as GridError).code).toBe("payload-too-large");
      expect((error as GridError).message).toContain("600000");
      expect(source.isLetGo()).toBe(true);
      expect(await opened.leftovers()).toEqual([]);
    });

    test("put() does not read on far past the limit", async () => {
      let chunkCount = 0;
      async function* endless() {
        for (;;) {
          chunkCount += 1;
          yield new Uint8Array(1000);
        }
      }
      const error = await blobs.put(endless(), 10_000).then(failIfResolved, caught);
      expect((error as GridError).code).toBe("payload-too-large");
      expect(chunkCount).toBe(11);
    });

    test("put() throws what the source throws, and keeps nothing of it", async () => {
      const broken = new TypeError("the cable was cut");
      async function* breaking() {
        yield* inChunks(pattern(700_000), 4096);
        throw broken;
      }
      expect(await blobs.put(breaking(), roomy).then(failIfResolved, caught)).toBe(broken);
      expect(await opened.leftovers()).toEqual([]);
      expect(await blobs.list(null, 10)).toEqual([]);
    });

    test("put() keeps the same bytes twice under two names, also at the same time", async () => {
      const bytes = pattern(300_000);
      const refs = await Promise.all(
        Array.from({ length: 8 }, () => blobs.put(inChunks(bytes, 10_000), roomy)),
      );
      expect(new Set(refs.map((ref) => ref.sha256)).size).toBe(1);
      expect(new Set(refs.map((ref) => ref.name)).size).toBe(8);
      for (const ref of refs.slice(1)) await blobs.delete(ref.name);
      expect(await readAll(await blobs.open(refs[0]!))).toEqual(bytes);
      expect(await blobs.open(refs[1]!)).toBeNull();
    });

    test("put() reads no further than it has written: a slow store holds the source back", async () => {
      let aheadBytes = 0;
      let isPulled = false;
      async function* paced() {
        for (let sent = 0; sent < 400; sent += 1) {
          expect(isPulled).toBe(false);
          isPulled = true;
          aheadBytes += 64 * 1024;
          yield new Uint8Array(64 * 1024);
          isPulled = false;
        }
      }
      expect((await blobs.put(paced(), roomy)).size).toBe(aheadBytes);
    });

    test("open() gives a part: at the front, in the middle, at the end, and none", async () => {
      const bytes = pattern(600_000);
      const ref = await blobs.put(inChunks(bytes, 100_000), roomy);
      for (const [start, length] of [
        [0, 1],
        [0, 600_000],
        [262_143, 2],
        [1, 599_998],
        [599_999, 1],
        [300, 0],
        [600_000, 0],
      ] as const) {
        const part = await readAll(await blobs.open(ref, { start, length }));
        expect(part).toEqual(bytes.slice(start, start + length));
      }
    });

    test("open() stops at a part that does not lie within the bytes", async () => {
      const ref = await blobs.put(inChunks(pattern(10), 10), roomy);
      for (const range of [
        { start: 5, length: 6 },
        { start: -1, length: 2 },
        { start: 0.5, length: 1 },
        { start: 0, length: -1 },
      ]) {
        expect(await blobs.open(ref, range).then(failIfResolved, caught)).toBeInstanceOf(Error);
      }
    });

    test("open() hands out bounded chunks, each the reader's own", async () => {
      const bytes = pattern(1_000_000);
      const ref = await blobs.put(inChunks(bytes, 1_000_000), roomy);
      for await (const chunk of (await blobs.open(ref))!) {
        expect(chunk.length).toBeLessThanOrEqual(blobChunkBytesMax);
        chunk.fill(0);
      }
      expect(await readAll(await blobs.open(ref))).toEqual(bytes);
    });

    test("open() answers null when the bytes are gone", async () => {
      const ref = await blobs.put(inChunks(pattern(10), 10), roomy);
      await blobs.delete(ref.name);
      expect(await blobs.open(ref)).toBeNull();
    });

    test("open() answers null when what is kept is not as long as the record says", async () => {
      const ref = await blobs.put(inChunks(pattern(10), 10), roomy);
      expect(await blobs.open({ ...ref, size: 11 })).toBeNull();
      expect(await blobs.open({ ...ref, size: 9 })).toBeNull();
    });

    test("open() can be cancelled before, in the middle of and after reading", async () => {
      const ref = await blobs.put(inChunks(pattern(900_000), 100_000), roomy);
      await (await blobs.open(ref))!.cancel();

      const halfway = (await blobs.open(ref))!.getReader();
      expect((await halfway.read()).done).toBe(false);
      await halfway.cancel();
      expect((await halfway.read()).done).toBe(true);

      const during = (await blobs.open(ref))!.getReader();
      const read = during.read();
      await during.cancel();
      await read;

      const whole = (await blobs.open(ref))!.getReader();
      while (!(await whole.read()).done);
      await whole.cancel();
    });

    test("delete() lets a reader finish that has begun, or has only opened", async () => {
      const bytes = pattern(900_000);
      const ref = await blobs.put(inChunks(bytes, 100_000), roomy);
      const unread = await blobs.open(ref);
      const begun = (await blobs.open(ref))!.getReader();
      const first = (await begun.read()).value!;
      await blobs.delete(ref.name);
      expect(await readAll(unread)).toEqual(bytes);
      const rest: Uint8Array[] = [];
      for (let next = await begun.read(); !next.done; next = await begun.read()) {
        rest.push(next.value);
      }
      expect(joined([first, ...rest])).toEqual(bytes);
    });

    test("delete() takes the bytes away for good, and once more is no error [GL-11]", async () => {
      const ref = await blobs.put(inChunks(pattern(10), 10), roomy);
      await blobs.delete(ref.name);
      await blobs.delete(ref.name);
      expect(await opened.leftovers()).toEqual([]);
    });

    test("list() pages through all names in order, with their sizes and when they appeared", async () => {
      const before = Date.now() - 1000;
      const refs = [];
      for (let size = 1; size <= 25; size += 1) {
        refs.push(await blobs.put(inChunks(pattern(size), size), roomy));
      }
      const found = [];
      for (let after: string | null = null; ;) {
        const page = await blobs.list(after, 7);
        found.push(...page);
        if (page.length < 7) break;
        after = page.at(-1)!.name;
      }
      const expected = refs.map(({ name, size }) => ({ name, size }));
      expected.sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(found.map(({ name, size }) => ({ name, size }))).toEqual(expected);
      for (const blob of found) {
        expect(blob.storedAt).toBeGreaterThan(before);
        expect(Number.isInteger(blob.storedAt)).toBe(true);
      }
      expect(await blobs.list(expected.at(-1)!.name, 7)).toEqual([]);
    });

    test("list() is not troubled by a name that was deleted between two pages", async () => {
      for (let size = 1; size <= 4; size += 1) {
        await blobs.put(inChunks(pattern(size), size), roomy);
      }
      const [first, second] = await blobs.list(null, 2);
      await blobs.delete(second!.name);
      expect(await blobs.list(second!.name, 10)).toHaveLength(2);
      expect(await blobs.list(first!.name, 10)).toHaveLength(2);
    });

    test("open(), delete() and list() stop at names that no store of ours gave", async () => {
      const ref = await blobs.put(inChunks(pattern(10), 10), roomy);
      for (const name of damagedNames(ref.name)) {
        expect(await blobs.open({ ...ref, name }).then(failIfResolved, caught)).toBeInstanceOf(
          Error,
        );
        expect(await blobs.delete(name).then(failIfResolved, caught)).toBeInstanceOf(Error);
        expect(await blobs.list(name, 10).then(failIfResolved, caught)).toBeInstanceOf(Error);
      }
      expect(await readAll(await blobs.open(ref))).toEqual(pattern(10));
    });
  });
}

function damagedNames(name: string): readonly string[] {
  return [
    "",
    "..",
    "../../etc/passwd",
    "tmp",
    name.slice(1),
    name.slice(0, -1),
    `${name}0`,
    `${name}\n`,
    `${name}\0`,
    `../${name}`,
    `${name}/..`,
    name.toUpperCase(),
    name.replace(".", "/"),
  ];
}

/** Bytes in which no two stretches are alike, so that a swap shows. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index += 1)
    bytes[index] = (index * 31 + (index >> 8) * 7) % 256;
  return bytes;
}

export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.slice(start, start + chunkBytes);
  }
}

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.slice(start, start + size);
    start += size;
  }
}

function watched(source: AsyncGenerator<Uint8Array>) {
  let isLetGo = false;
  async function* chunks() {
    try {
      yield* source;
    } finally {
      isLetGo = true;
    }
  }
  return { chunks: chunks(), isLetGo: () => isLetGo };
}

export async function readAll(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  expect(stream).not.toBeNull();
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream!) chunks.push(chunk);
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

function failIfResolved(): never {
  throw new Error("This promise was to be rejected.");
}

const caught = (error: unknown): unknown => error;
