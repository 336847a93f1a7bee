import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { tarEnd, tarHeader, tarPadding } from "../../../src/protocol/tar.ts";

type File = { readonly name: string; readonly bytes: Uint8Array };

function tarOf(files: readonly File[]): Uint8Array {
  const pieces = files.flatMap(({ name, bytes }) => [
    tarHeader({ name, size: bytes.length, modifiedAt: 1_700_000_000.7 }),
    bytes,
    tarPadding(bytes.length),
  ]);
  return new Uint8Array(Buffer.concat([...pieces, tarEnd()]));
}

/** What another reader of tar files finds in it. */
async function read(tar: Uint8Array): Promise<readonly File[]> {
  const files = await new Bun.Archive(tar).files();
  return Promise.all(
    Array.from(files, async ([name, file]) => ({ name, bytes: await file.bytes() })),
  );
}

test("tarHeader() makes files that another reader reads back, whatever their names and sizes", async () => {
  const name = fc.stringMatching(/^[A-Za-z0-9%_][A-Za-z0-9%._-]{0,254}$/);
  const file = fc.record({ name, bytes: fc.uint8Array({ maxLength: 1100 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(file, { maxLength: 6, selector: (one) => one.name }),
      async (files) => {
        const byName = (one: File, other: File) => (one.name < other.name ? -1 : 1);
        const found = (await read(tarOf(files))).toSorted(byName);
        expect(found.map((one) => one.name)).toEqual(files.toSorted(byName).map((one) => one.name));
        for (const [index, each] of files.toSorted(byName).entries()) {
          expect(Buffer.from(found[index]!.bytes).equals(Buffer.from(each.bytes))).toBe(true);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("tarHeader() writes names of 99, 100, 101 and 255 characters so that they are read back whole", async () => {
  for (const length of [1, 99, 100, 101, 156, 255]) {
    const name = `${"n".repeat(length - 1)}x`;
    const [file] = await read(tarOf([{ name, bytes: Uint8Array.of(1) }]));
    expect(file?.name).toBe(name);
  }
});

test("tarHeader() tells a size above 8 GiB in a pax record", () => {
  const size = 9 * 1024 ** 3;
  const text = Buffer.from(tarHeader({ name: "large", size, modifiedAt: 0 })).toString("latin1");
  expect(text).toContain(`19 size=${size}\n`);
  expect(text.length).toBe(3 * 512);
});

test("tarHeader() counts the length of a pax record right where it gains a digit", () => {
  for (let length = 101; length < 255; length += 1) {
    const name = "n".repeat(length);
    const text = Buffer.from(tarHeader({ name, size: 0, modifiedAt: 0 })).toString("latin1");
    const [, count = "", record = ""] = /(\d+)( path=n+\n)/.exec(text) ?? [];
    expect(Number(count)).toBe(count.length + record.length);
  }
});

test("tarPadding() fills the last block, and nothing when it is full", () => {
  expect([0, 1, 511, 512, 513].map((size) => tarPadding(size).length)).toEqual([0, 511, 1, 0, 511]);
});
