// The folders that jobs are given: always empty, and handed on only when they still are.

import { expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFreshFolders, createSharedFolders } from "../../../src/agent/job-folders.ts";

const one = { job: "one", attempt: 1 };
const two = { job: "two", attempt: 1 };

async function aFolder() {
  const path = await mkdtemp(join(tmpdir(), "gridlike-folders-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("createFreshFolders() gives each job its own and leaves none", async () => {
  await using base = await aFolder();
  const folders = createFreshFolders(base.path);
  const places = [folders.placeOf(one), folders.placeOf(two)];
  for (const place of places) await folders.make(place);
  expect(new Set(places).size).toBe(2);
  await Bun.write(join(places[0]!, "left"), "x");
  for (const place of places) await folders.leave(place);
  expect(await readdir(base.path)).toEqual([]);
});

test("createSharedFolders() hands on an empty folder, never one in which something lies", async () => {
  await using base = await aFolder();
  const folders = createSharedFolders(base.path);
  const first = folders.placeOf(one);
  await folders.make(first);
  await folders.leave(first);
  const second = folders.placeOf(two);
  await folders.make(second);
  expect(second).toBe(first);
  expect(folders.placeOf(one)).not.toBe(second); // In use.
  await Bun.write(join(second, "left"), "x");
  await folders.leave(second);
  expect(folders.placeOf(two)).not.toBe(second);
  expect(await readdir(base.path)).toEqual([]);
});
