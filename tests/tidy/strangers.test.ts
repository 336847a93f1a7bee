import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { root, trackedFiles } from "./project-files.ts";
import { lockProblems, strangerProblems } from "./strangers.ts";

test("lockProblems() finds an entry that names where to download it from", () => {
  const lock = (address: string) =>
    `{ "packages": {\n "a": ["a@1.0.0", "${address}", {}, "sha512-x"],\n "b": ["b@1.0.0", "", {}, "sha512-y"], },\n}`;
  expect(lockProblems(lock(""))).toEqual([]);
  expect(lockProblems(lock("https://mirror.example/a.tgz"))).toEqual([
    "bun.lock: a names where to download it from",
  ]);
  expect(lockProblems("{}")).toEqual(["bun.lock: has no packages"]);
});

test("strangerProblems() finds paths of a machine and hosts of registries", () => {
  const problemsOf = (line: string) =>
    strangerProblems(new Map([["a.md", line]]), ["/srv/checkout"]);
  const registry = ["registry", "example", "org"].join(".");
  for (const line of [
    "see /srv/checkout/src",
    ["cd ", "home", "pat", "grid"].join("/"),
    [" ", "Users", "pat"].join("/"),
    ["", "root", ".config"].join("/"),
    `npm_config=https://${registry}/x`,
    ["www", "npmjs", "com"].join("."),
  ]) {
    expect([line, problemsOf(line)]).toEqual([line, [expect.stringContaining("a.md:1: names")]]);
  }
  for (const line of [
    "GET /api/work/{job}",
    "~/.config/gridlike",
    "/home page",
    "src/root/a",
    "/etc/x",
  ]) {
    expect([line, problemsOf(line)]).toEqual([line, []]);
  }
});

test("the lock file names no address to download from", () => {
  expect(lockProblems(readFileSync(join(root, "bun.lock"), "utf8"))).toEqual([]);
});

test("no file of the project names a path of this machine or the host of a registry", async () => {
  const folders = [root, homedir()].map((folder) => `${folder}/`);
  expect(strangerProblems(await trackedFiles(), folders)).toEqual([]);
});
