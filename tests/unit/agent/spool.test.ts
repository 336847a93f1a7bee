// What waits on the disk for its receipt: found again, left aside when damaged, and gone when it is forgotten.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ended } from "../../../src/agent/spool/outcome.ts";
import { openIdentity } from "../../../src/agent/identity.ts";
import { openSpool } from "../../../src/agent/spool/spool.ts";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import { createSystemClock } from "../../../src/platform/clock.ts";
import { createIds } from "../../../src/platform/ids.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createSystemRandom } from "../../../src/platform/random.ts";
import { holdLock } from "../../../src/store/sqlite/lock-file.ts";

const folders: string[] = [];
function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-spool-"));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const warnings: string[] = [];
const log = { ...createSilentLog(), warn: (event: string) => void warnings.push(event) };
const open = (folder: string) => openSpool(folder, { log, sha256Hex });
const token = "5a".repeat(32);

function aResult(job: string, text = job): Ended & { readonly kind: "finished" } {
  const bytes = new TextEncoder().encode(text);
  const size = bytes.length;
  const about = { job, attempt: 1, token, kind: "finished" } as const;
  return { ...about, sha256: sha256Hex(bytes), size, contentType: "text/plain", bytes };
}

function aFailure(job: string): Ended {
  const facts = { info: "It broke.", logs: "said\n", exitCode: 3, signal: null, retryable: false };
  return { job, attempt: 2, token, kind: "failed", ...facts };
}

async function aLargeResult(folder: string, job: string, text: string) {
  const spool = await open(folder);
  const file = join(aFolder(), "result");
  writeFileSync(file, text);
  const ended = { ...aResult(job, text), bytes: null };
  await spool.adopt(ended, file);
  await spool.keep(ended);
  return { spool, ended };
}

test("keep() writes what a later start finds: results, small and large, and failures", async () => {
  const folder = join(aFolder(), "spool");
  const { spool, ended } = await aLargeResult(folder, "large", "many bytes");
  await Promise.all([spool.keep(aResult("small")), spool.keep(aFailure("broken"))]);
  for (const name of readdirSync(folder)) {
    expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
  }
  expect(statSync(folder).mode & 0o777).toBe(0o700);

  const again = await open(folder);
  expect(
    again.restored.map(({ job, attempt, state, size }) => [job, attempt, state, size]),
  ).toEqual([
    ["broken", 2, "failed", null],
    ["large", 1, "finished", 10],
    ["small", 1, "finished", 5],
  ]);
  expect(await again.get({ job: "small", attempt: 1 })).toEqual(aResult("small"));
  expect(await again.get({ job: "broken", attempt: 2 })).toEqual(aFailure("broken"));
  expect(await again.get(ended)).toEqual(ended);
  expect(readFileSync(again.pathOf(ended), "utf8")).toBe("many bytes");
});

test("forget() leaves nothing on the disk, whether or not it was written yet", async () => {
  const folder = aFolder();
  const { spool, ended } = await aLargeResult(folder, "large", "many bytes");
  const names = Array.from({ length: 20 }, (_, n) => `job-${n}`);
  const kept = names.map((job) => spool.keep(aResult(job)));
  const forgotten = [...names.map((job) => ({ job, attempt: 1 })), ended].map(spool.forget);
  await Promise.all([...kept, ...forgotten]);
  await spool.settle();
  expect([spool.count(), readdirSync(folder)]).toEqual([0, []]);
  expect(await spool.get(ended)).toBeNull();
});

test("keep() of a failure takes the place of the result that nobody took", async () => {
  const folder = aFolder();
  const { spool } = await aLargeResult(folder, "large", "many bytes");
  const failure = { ...aFailure("large"), attempt: 1 };
  await spool.keep(failure);
  expect(await spool.get(failure)).toEqual(failure);
  expect(readdirSync(folder)).toEqual(["large.1.json"]);
  expect(spool.count()).toBe(1);
});

test("openSpool() leaves damaged entries aside with a line in the log, and takes strays away", async () => {
  const folder = aFolder();
  const { spool } = await aLargeResult(folder, "short", "many bytes");
  await Promise.all(["cut", "other", "fine", "renamed"].map((job) => spool.keep(aResult(job))));
  const path = (name: string) => join(folder, name);
  const sidecar = (job: string) => readFileSync(path(`${job}.1.json`), "utf8");
  writeFileSync(path("short.1.bytes"), "few");
  writeFileSync(path("cut.1.json"), sidecar("cut").slice(0, 40));
  writeFileSync(path("other.1.json"), sidecar("other").replace('"size":5', '"size":4'));
  writeFileSync(path("elsewhere.1.json"), sidecar("renamed"));
  writeFileSync(path("begun.1.bytes"), "no sidecar came to be");
  writeFileSync(path("begun.1.json.tmp"), "{");
  warnings.length = 0;
  const again = await open(folder);
  expect(again.restored.map(({ job }) => job)).toEqual(["fine", "renamed"]);
  expect(warnings).toEqual(["spool.damaged", "spool.damaged", "spool.damaged", "spool.damaged"]);
  expect(readdirSync(folder).sort()).toEqual([
    "cut.1.json.damaged",
    "elsewhere.1.json.damaged",
    "fine.1.json",
    "other.1.json.damaged",
    "renamed.1.json",
    "short.1.bytes.damaged",
    "short.1.json.damaged",
  ]);
});

test("get() does not hand out bytes that were damaged since", async () => {
  const folder = aFolder();
  await (await open(folder)).keep(aResult("small", "first"));
  const spool = await open(folder);
  const text = readFileSync(join(folder, "small.1.json"), "utf8");
  writeFileSync(join(folder, "small.1.json"), text.replace(btoa("first"), btoa("wrong")));
  expect(await spool.get({ job: "small", attempt: 1 })).toBeNull();
  expect(spool.count()).toBe(0);
});

test("isFull() counts what waits, in bytes", async () => {
  const spool = await open(aFolder());
  const large = { ...aResult("large"), size: 2 * 1024 ** 3, bytes: null };
  const kept = spool.keep(large).catch(() => "no such file"); // Its bytes are only said to be there.
  expect(spool.isFull()).toBe(true);
  expect(await kept).toBe("no such file");
  await spool.forget(large);
  expect(spool.isFull()).toBe(false);
});

test("openIdentity() keeps its id, gives each agent another, and makes a new one for damaged ones", async () => {
  const base = aFolder();
  const clock = createSystemClock();
  const random = createSystemRandom();
  const deps = { makeId: createIds(clock, random), random, log, holdLock };
  const openAt = (serverHash: string) => openIdentity(deps, { base, serverHash });
  const first = await openAt("aaaa");
  const second = await openAt("aaaa");
  const other = await openAt("bbbb");
  expect(readdirSync(base).sort()).toEqual(["worker-aaaa-1", "worker-aaaa-2", "worker-bbbb-1"]);
  expect(new Set([first, second, other].map(({ workerId }) => workerId)).size).toBe(3);
  expect(new Set([first, second, other].map(({ bootId }) => bootId)).size).toBe(3);
  expect(statSync(first.folder).mode & 0o777).toBe(0o700);

  first.close();
  const again = await openAt("aaaa");
  expect([again.folder, again.workerId]).toEqual([first.folder, first.workerId]);
  expect(again.bootId).not.toBe(first.bootId);
  const renewed = await again.renew();
  expect(renewed).not.toBe(first.workerId);
  again.close();
  const later = await openAt("aaaa");
  expect(later.workerId).toBe(renewed);
  later.close();
  warnings.length = 0;
  writeFileSync(join(first.folder, "IDENTITY"), "{");
  const damaged = await openAt("aaaa");
  expect(damaged.workerId).toMatch(/^[0-9a-f-]{36}$/);
  expect(warnings).toEqual(["identity.damaged"]);
  for (const identity of [damaged, second, other]) identity.close();
});

test("openSpool() for a temporary agent writes nothing that memory holds, and knows it all the same", async () => {
  const folder = join(aFolder(), "spool");
  const spool = await openSpool(folder, { log, sha256Hex, isTemporary: true });
  const file = join(aFolder(), "result");
  writeFileSync(file, "many bytes");
  const large = { ...aResult("large", "many bytes"), bytes: null };
  await spool.adopt(large, file);
  const all = [aResult("small"), aFailure("broken"), large];
  await Promise.all(all.map(spool.keep));
  expect(readdirSync(folder)).toEqual(["large.1.bytes"]);
  expect(await Promise.all(all.map(spool.get))).toEqual(all);
  await Promise.all(all.map(spool.forget));
  expect([readdirSync(folder), spool.count()]).toEqual([[], 0]);
});

test("openSpool() for a temporary agent still writes what would fill the memory", async () => {
  const folder = join(aFolder(), "spool");
  const spool = await openSpool(folder, { log, sha256Hex, isTemporary: true });
  const text = "x".repeat(9 * 1024 * 1024);
  const [one, other] = [aResult("one", text), aResult("other", text)];
  await spool.keep(one);
  await spool.keep(other);
  expect(readdirSync(folder)).toEqual(["other.1.json"]);
  expect(await spool.get(other)).toEqual(other);
  await spool.forget(other);
  expect(readdirSync(folder)).toEqual([]);
});
