import { expect, test } from "bun:test";
import { walkPageSize } from "../../src/domain/limits.ts";
import type { WireGroup, WireManifestLine, WireManyDone } from "../../src/protocol/http-api.ts";
import { linesOf, parseLines, submitLines } from "../support/answer-lines.ts";
import { aType, apiKey, openDoor, type Door } from "../support/http-door.ts";
import { openRaw } from "../support/raw-http.ts";

const stop = AbortSignal.timeout(60_000);

async function add(door: Door, keys: readonly string[], group: string): Promise<void> {
  const lines = keys.map((key) => ({ key, payload: key, group }));
  expect((await linesOf(await submitLines(door, lines))).at(-1)).toMatchObject({ refused: 0 });
}

/** Works like a worker: takes the next `count` jobs; each result is what `work` makes of the payload. */
async function workOff(door: Door, count: number, work: (payload: string) => string | null) {
  const worker = { id: "w", name: "w" };
  for (let n = 0; n < count; n += 1) {
    const request = { type: "", worker, address: "", waitMs: 4_000, leaseMs: 60_000, claim: null };
    const pulled = await door.broker.pull(request, stop);
    if (pulled === null) throw new Error("There was no job to take.");
    const { job, token, payload } = pulled;
    const result = work(
      await new Response(payload as ConstructorParameters<typeof Response>[0]).text(),
    );
    const open = await door.broker.openWork({ by: "id", id: job.id }, job.attempt.n, token);
    if (result === null) {
      await open.fail({ info: "It broke.", logs: null, retryable: false });
      continue;
    }
    const limits = { sizeBytesMax: 1_000_000, contentType: "text/plain" };
    await open.complete(await door.broker.stage(pieces(result), limits));
  }
}

async function* pieces(text: string) {
  yield new TextEncoder().encode(text);
}

const path = (group: string) => `/groups/${encodeURIComponent(group)}`;

async function groupOf(door: Door, group: string): Promise<WireGroup> {
  return (await (await door.call(path(group))).json()) as WireGroup;
}

async function post(door: Door, group: string, verb: string): Promise<WireManyDone> {
  const answer = await door.call(`${path(group)}/${verb}`, { method: "POST" });
  return (await answer.json()) as WireManyDone;
}

async function archiveOf(door: Door, group: string) {
  const answer = await door.call(`${path(group)}/results.tar`);
  const tar = await answer.bytes();
  const files = await new Bun.Archive(tar).files();
  const text = await files.get("manifest.ndjson")?.text();
  return { answer, tar, files, manifest: parseLines(text ?? "") as unknown as WireManifestLine[] };
}

test("GET /api/groups/{group} tells how far a group is", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b", "c", "d"], "night");
  await add(door, ["else"], "day");
  await workOff(door, 3, (text) => (text === "b" ? null : text));
  await door.broker.cancel({ by: "key", key: "d" });
  const group = await groupOf(door, "night");
  expect(group).toEqual({
    group: "night",
    total: 4,
    jobs: { pending: 0, running: 0, done: 2, failed: 1, cancelled: 1 },
    first_submitted: expect.stringMatching(/Z$/),
    last_submitted: expect.stringMatching(/Z$/),
    done_rate: expect.any(Number),
    estimated_end: null, // Nothing is left to wait for.
  });
  expect(group.done_rate).toBeGreaterThan(0);
});

test("GET /api/groups/{group} estimates the end while jobs are left", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b"], "g");
  expect((await groupOf(door, "g")).estimated_end).toBeNull(); // Nothing moves yet.
  await workOff(door, 1, (text) => text);
  const { estimated_end: end } = await groupOf(door, "g");
  expect(Date.parse(end ?? "")).toBeGreaterThan(Date.now() - 1000);
});

test("GET /api/groups/{group} knows groups by any name, and none that has no job", async () => {
  await using door = await openDoor();
  for (const name of [
    "a/b",
    "..%2f",
    "ä \u{1f600}",
    "results.tar",
    "cancel",
    "50%",
    "a?b#c",
    '"',
  ]) {
    await add(door, [`job of ${name}`], name);
    expect(await groupOf(door, name)).toMatchObject({ group: name, total: 1 });
    expect(await post(door, name, "cancel")).toMatchObject({ matched: 1, changed: 1 });
    expect((await archiveOf(door, name)).manifest).toEqual([]);
  }
  for (const [method, rest] of [
    ["GET", ""],
    ["GET", "/results.tar"],
    ["POST", "/cancel"],
    ["POST", "/retry-failed"],
  ] as const) {
    const answer = await door.call(`/groups/none${rest}`, { method });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      404,
      "no-such-job",
    ]);
  }
});

test("POST /api/groups/{group}/cancel ends what is not settled, of this group alone", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b"], "g");
  await add(door, ["c"], "h");
  await workOff(door, 1, (text) => text);
  expect(await post(door, "g", "cancel")).toEqual({
    matched: 1,
    changed: 1,
    refused: 0,
    more: false,
    cursor: null,
  });
  expect((await groupOf(door, "g")).jobs).toMatchObject({ done: 1, cancelled: 1 });
  expect((await groupOf(door, "h")).jobs.pending).toBe(1);
});

test("POST /api/groups/{group}/retry-failed sends back what failed, and nothing that was cancelled", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b", "c"], "g");
  await workOff(door, 2, (text) => (text === "a" ? null : text));
  await door.broker.cancel({ by: "key", key: "c" });
  expect(await post(door, "g", "retry-failed")).toMatchObject({
    matched: 1,
    changed: 1,
    refused: 0,
  });
  expect((await groupOf(door, "g")).jobs).toMatchObject({ pending: 1, done: 1, cancelled: 1 });
  const bad = await door.call("/groups/g/cancel?cursor=1", { method: "POST" });
  expect(bad.status).toBe(400);
  const unknown = await door.call("/groups/g/retry-failed?force=1", { method: "POST" });
  expect(unknown.status).toBe(400);
});

test("GET /api/groups/{group}/results.tar holds a manifest and the results of done jobs", async () => {
  await using door = await openDoor();
  const long = "\u{1f600}".repeat(60); // 720 characters when it is encoded.
  const keys = [
    "plain",
    "dir/a b",
    "../up",
    "manifest.ndjson",
    ".hidden",
    "it's(1)*",
    "x".repeat(200),
    long,
  ];
  await add(door, [...keys, "fails", "waits"], "g");
  await workOff(door, keys.length + 1, (text) =>
    text === "fails" ? null : `result of ${text} ${"y".repeat(600)}`,
  );
  const { answer, files, manifest } = await archiveOf(door, "g");
  expect(answer.headers.get("content-type")).toBe("application/x-tar");
  expect(answer.headers.get("content-disposition")).toContain('filename="g.tar"');
  expect([...files.keys()][0]).toBe("manifest.ndjson");
  expect(manifest.map(({ key }) => key)).toEqual(keys);
  expect(manifest.map(({ file }) => file)).toEqual([
    "plain",
    "dir%2Fa%20b",
    "%2E.%2Fup",
    "%6Danifest.ndjson",
    "%2Ehidden",
    "it%27s%281%29%2A",
    "x".repeat(200),
    manifest[7]?.id ?? "",
  ]);
  expect(files.size).toBe(keys.length + 1);
  for (const { file, key, size, sha256, content_type: type } of manifest) {
    const bytes = (await files.get(file)?.bytes()) ?? new Uint8Array();
    expect(new TextDecoder().decode(bytes)).toBe(`result of ${key} ${"y".repeat(600)}`);
    expect([bytes.length, type]).toEqual([size, "text/plain"]);
    expect(new Bun.CryptoHasher("sha256").update(bytes).digest("hex")).toBe(sha256);
  }
});

test("GET /api/groups/{group}/results.tar goes over many pages", async () => {
  await using door = await openDoor();
  const count = walkPageSize * 2 + 5;
  await add(
    door,
    Array.from({ length: count }, (_, n) => `k${n}`),
    "g",
  );
  await workOff(door, count, (text) => text);
  const { files, manifest, tar } = await archiveOf(door, "g");
  expect(files.size).toBe(count + 1);
  expect(manifest.length).toBe(count);
  expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
});

test("GET /api/groups/{group}/results.tar never ends as if it were whole when bytes are gone", async () => {
  await using door = await openDoor();
  await add(door, ["a", "b", "c"], "g");
  await workOff(door, 3, (text) => text.repeat(1000));
  const get = async () => {
    using raw = await openRaw(door.listener.port);
    raw.send(
      `GET /api/groups/g/results.tar HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-KEY: ${apiKey}\r\nConnection: close\r\n\r\n`,
    );
    return await raw.closed();
  };
  const endOfTar = "\0".repeat(1024);
  const lastChunk = "\r\n0\r\n\r\n";
  const whole = await get();
  expect([whole.includes(endOfTar), whole.endsWith(lastChunk)]).toEqual([true, true]);
  const job = await door.broker.get({ by: "key", key: "b" });
  if (job.status === "done") await door.blobs.delete(job.result.name);
  const broken = await get();
  expect([broken.includes(endOfTar), broken.endsWith(lastChunk)]).toEqual([false, false]);
});

test("HEAD /api/groups/{group}/results.tar answers without reading a result", async () => {
  await using door = await openDoor({ types: [aType()] });
  await add(door, ["a"], "g");
  const answer = await door.call("/groups/g/results.tar", { method: "HEAD" });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-tar"]);
});
