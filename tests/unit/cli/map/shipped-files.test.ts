import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileOptions } from "../../../../src/cli/map/options.ts";
import { createShippedFiles } from "../../../../src/cli/map/shipped-files.ts";
import { parseTemplate } from "../../../../src/cli/map/template.ts";
import { mapCommandFileBytesMax } from "../../../../src/cli/map/limits.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shipped-files-"));
  await mkdir(join(folder, "sub/deep"), { recursive: true });
  for (const name of ["a b.txt", "tool.py", "sub/x", "sub/deep/y", "model"]) {
    await Bun.write(join(folder, name), name);
  }
  await truncate(join(folder, "model"), mapCommandFileBytesMax + 1);
  await symlink("/etc/hostname", join(folder, "link"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain: FileOptions = { sendsArguments: true, sent: [], base: [], returned: [], env: [] };

async function sent(values: readonly string[], options = plain, command: readonly string[] = []) {
  const notices: string[] = [];
  const template = (text: string) => parseTemplate(text, { replacement: "{}", names: [] });
  const notice = (sentence: string) => void notices.push(sentence);
  const files = await createShippedFiles({ folder, options, command, template, notice });
  const job = { number: 1, values, parts: [""] as const };
  return { paths: (await files.of(job)).map(({ path }) => path).sort(), notices };
}

test("of() sends the files that arguments name, and no folders, links or strangers", async () => {
  const values = ["a b.txt", "./sub//x", "sub", "link", "none", "", "-n", "50%"];
  expect(await sent(values)).toEqual({ paths: ["a b.txt", "sub/x"], notices: [] });
});

test("of() does not send what lies outside of the folder, and says so", async () => {
  const { paths, notices } = await sent(["/etc/hostname", "../none"]);
  expect([paths, notices.length]).toEqual([[], 1]);
  expect(notices[0]).toContain("outside of this folder");
});

test("of() sends the script that the command names, unless it is large", async () => {
  const command = ["python3 tool.py --model=model", "{}", "> out/{/}"];
  const { paths, notices } = await sent(["sub/x"], plain, command);
  expect(paths).toEqual(["sub/x", "tool.py"]);
  expect(notices[0]).toContain("--basefile model");
});

test("of() sends what was asked for, folders with all that is in them", async () => {
  const options = { ...plain, sendsArguments: false, sent: ["{//}/x"], base: ["sub/deep/"] };
  expect((await sent(["sub/none"], options)).paths).toEqual(["sub/deep/y", "sub/x"]);
  expect((await sent(["a b.txt"], { ...options, sent: [], base: [] })).paths).toEqual([]);
});

test("of() refuses what was asked for and is not there, or lies outside", async () => {
  for (const base of ["none", "../x", "/etc/hostname", "link"]) {
    expect(sent([], { ...plain, base: [base] })).rejects.toThrow(
      base === "none" ? "does not exist" : "",
    );
  }
});
