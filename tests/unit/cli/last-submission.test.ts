import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastSubmission, rememberSubmission } from "../../../src/cli/last-submission.ts";

let folder = "";
const before = process.env["XDG_STATE_HOME"];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "last-submission-"));
  process.env["XDG_STATE_HOME"] = folder;
});
afterEach(() => {
  if (before === undefined) delete process.env["XDG_STATE_HOME"];
  else process.env["XDG_STATE_HOME"] = before;
  rmSync(folder, { recursive: true });
});

test("lastSubmission() knows what rememberSubmission() was told, for each server", async () => {
  expect(lastSubmission("http://a")).toBeNull();
  await rememberSubmission("http://a", { group: "film" });
  await rememberSubmission("http://b", { group: null, ids: ["x", "y"] });
  expect(lastSubmission("http://a")).toEqual({ group: "film" });
  expect(lastSubmission("http://b")).toEqual({ group: null, ids: ["x", "y"] });
  await rememberSubmission("http://a", { group: null, ids: ["z"] });
  expect(lastSubmission("http://a")).toEqual({ group: null, ids: ["z"] });
});

test("rememberSubmission() forgets servers that were not used for long", async () => {
  for (let n = 0; n < 40; n += 1) await rememberSubmission(`http://${n}`, { group: "g" });
  expect(lastSubmission("http://0")).toBeNull();
  expect(lastSubmission("http://39")).toEqual({ group: "g" });
});

test("lastSubmission() takes a file that is broken for none", async () => {
  await rememberSubmission("http://a", { group: "film" });
  for (const text of ["{", "[]", "null", '{"http://a":5}', '{"http://a":{"ids":5}}']) {
    writeFileSync(join(folder, "gridlike/last.json"), text);
    expect([text, lastSubmission("http://a")]).toEqual([text, null]);
  }
});

test("rememberSubmission() is no reason to fail where nothing can be written", async () => {
  writeFileSync(join(folder, "gridlike"), "a file where a folder should be");
  await rememberSubmission("http://a", { group: "film" });
  expect(lastSubmission("http://a")).toBeNull();
});
