import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkCommand } from "../../../src/agent/command/check-command.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-check-"));
  writeFileSync(join(folder, "work.sh"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "notes.txt"), "text", { mode: 0o644 });
  mkdirSync(join(folder, "bin"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const check = (...words: readonly string[]) =>
  checkCommand(words, { folder, path: `/usr/bin:/bin` });

test("checkCommand() answers with the program's whole path", () => {
  expect(check("./work.sh", "a")).toEqual({
    kind: "ready",
    command: [join(folder, "work.sh"), "a"],
    notice: null,
  });
  expect(check("sh")).toMatchObject({ command: [expect.stringMatching(/^\/.*\/sh$/)] });
});

test("checkCommand() refuses what cannot be run, in a sentence with the remedy", () => {
  for (const [word, problem] of [
    ["no-such-program", "is in no folder of PATH"],
    ["./missing.sh", "does not exist"],
    ["./bin", "is a folder"],
    ["./notes.txt", "may not be executed"],
  ] as const) {
    const sentence = expect.stringContaining(`The program "${word}" ${problem}`);
    expect(check(word)).toMatchObject({ kind: "refused", sentence });
  }
  expect(check()).toMatchObject({ sentence: expect.stringContaining("No command is given") });
  expect(check("sh", "a\0b")).toMatchObject({ sentence: expect.stringContaining("NUL") });
});

test("checkCommand() tells of a file that the job would look for in its own folder", () => {
  expect(check("sh", "work.sh")).toMatchObject({
    kind: "ready",
    notice: expect.stringContaining(join(folder, "work.sh")),
  });
  expect(check("sh", join(folder, "work.sh"))).toMatchObject({ notice: null });
  expect(check("sh", "-c", "{payload}")).toMatchObject({ notice: null });
});
