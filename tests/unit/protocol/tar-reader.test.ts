import { expect, test } from "bun:test";
import { tarEnd, tarHeader, tarPadding } from "../../../src/protocol/tar.ts";
import { readTar } from "../../../src/protocol/tar-reader.ts";

type File = { readonly name: string; readonly text: string; readonly isExecutable?: boolean };

function tarOf(...files: readonly File[]): Uint8Array {
  const pieces = files.flatMap(({ name, text, isExecutable = false }) => {
    const bytes = new TextEncoder().encode(text);
    const head = tarHeader({ name, size: bytes.length, modifiedAt: 0, isExecutable });
    return [head, bytes, tarPadding(bytes.length)];
  });
  return new Uint8Array(Buffer.concat([...pieces, tarEnd()]));
}

async function* cutInto(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 700): Promise<readonly File[]> {
  const files: File[] = [];
  for await (const { name, isExecutable, bytes: body } of readTar(cutInto(bytes, size), "pile")) {
    files.push({ name, text: Buffer.concat(await Array.fromAsync(body)).toString(), isExecutable });
  }
  return files;
}

const files = [
  { name: "plain.txt", text: "one", isExecutable: false },
  { name: "a folder/with blanks", text: "", isExecutable: false },
  { name: "Füße/日本.txt", text: "x".repeat(2000), isExecutable: true },
  { name: `${"n".repeat(90)}/${"m".repeat(90)}`, text: "long", isExecutable: false },
] as const;

test("readTar() reads names of any letters and lengths, and which files are programs", async () => {
  for (const size of [1, 511, 512, 700, 1_000_000]) {
    expect(await read(tarOf(...files), size)).toEqual([...files]);
  }
});

test("readTar() and another reader agree on names that are no ASCII", async () => {
  const found = await new Bun.Archive(tarOf(...files)).files();
  expect([...found.keys()].sort()).toEqual(files.map(({ name }) => name).sort());
});

test("readTar() refuses a file that was cut, and calls it as it was told to", async () => {
  const whole = tarOf(...files);
  for (const length of [0, 100, 512, 600, 1500, whole.length - 1024]) {
    expect(read(whole.subarray(0, length))).rejects.toThrow(
      "This is no whole pile: it ends too early",
    );
  }
});

test("readTar() refuses links, folders and devices", async () => {
  for (const kind of ["1", "2", "3", "4", "5", "6"]) {
    const bytes = tarOf({ name: "x", text: "" });
    const sum = Number.parseInt(Buffer.from(bytes.subarray(148, 154)).toString(), 8);
    bytes[156] = kind.charCodeAt(0);
    const mended = (sum + kind.charCodeAt(0) - "0".charCodeAt(0)).toString(8).padStart(6, "0");
    bytes.set(new TextEncoder().encode(mended), 148);
    expect(read(bytes)).rejects.toThrow("x is no plain file");
  }
});
