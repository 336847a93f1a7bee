import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText } from "../../../src/platform/files.ts";

/** Calls with a folder that is gone afterwards. */
function inFolder(call: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-files-"));
  try {
    call(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("readText() reads a file whole", () => {
  inFolder((folder) => {
    writeFileSync(join(folder, "a"), "für\n");
    expect(readText(join(folder, "a"), 100)).toEqual({ kind: "text", text: "für\n" });
  });
});

test("readText() says in words what is wrong with a file", () => {
  inFolder((folder) => {
    const file = join(folder, "a");
    expect(readText(file, 100)).toEqual({ kind: "missing", problem: "does not exist" });
    expect(readText(folder, 100)).toMatchObject({ problem: "is a folder, not a file" });
    writeFileSync(file, "12345");
    expect(readText(file, 4)).toMatchObject({ problem: "has 5 bytes; at most 4 are read" });
    expect(readText(join(file, "b"), 4)).toMatchObject({ kind: "missing" });
    writeFileSync(file, new Uint8Array([0xff, 0xfe]));
    expect(readText(file, 4)).toMatchObject({ problem: "is not UTF-8 text" });
  });
});

test.skipIf(process.getuid?.() === 0)("readText() says when a file may not be read", () => {
  inFolder((folder) => {
    writeFileSync(join(folder, "a"), "x");
    chmodSync(join(folder, "a"), 0);
    expect(readText(join(folder, "a"), 4)).toMatchObject({
      problem: "may not be read by this user",
    });
  });
});
