import { expect, test } from "bun:test";
import type {
  OriginalJob,
  WireHistory,
  WireJob,
  WireStats,
  WireType,
  WireWorker,
} from "../../src/protocol/http-api.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openWorker } from "../support/ws-worker.ts";

async function read<T>(door: Door, path: string): Promise<T> {
  const answer = await door.call(path);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

async function keys(door: Door, query: string): Promise<readonly string[]> {
  return (await read<WireJob[]>(door, `/jobs?${query}`)).map(({ key }) => key);
}

const post = { method: "POST" };

test("GET /api/jobs/{job} shows every fact of a job under its name [GL-18]", async () => {
  await using door = await openDoor();
  const id = await door.submit("k", "payload", "&description=d");
  using worker = await openWorker(door.api);
  expect(await worker.nextPayload()).toBe("payload");
  worker.send(new TextEncoder().encode("result"));
  const job = await read<WireJob>(door, "/jobs/k?wait_s=10");
  const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(job).toEqual({
    id,
    seq: 1,
    key: "k",
    type: null,
    status: "done",
    priority: "batch",
    description: "d",
    group: null,
    group_running_max: null,
    labels: null,
    batch: 0,
    from_id: null,
    next_ids: [],
    payload: { sha256: expect.any(String), size: 7, content_type: null },
    result: { sha256: expect.any(String), size: 6, content_type: null },
    submitted: instant,
    started: instant,
    ended: instant,
    attempts: 1,
    failures: 0,
    worker: { id: "w1", name: "worker" },
    progress: null,
    info: null,
    error: null,
    reason: null,
    not_before: null,
    requires: null,
  });
  for (const ref of ["1", id, id.toUpperCase()]) {
    expect(await read<WireJob>(door, `/jobs/${ref}`)).toEqual(job);
  }
});

test("GET /api/jobs/{job}?wait_s answers when the job settles, or as it is when the time is up", async () => {
  await using door = await openDoor();
  await door.submit("k");
  expect((await read<WireJob>(door, "/jobs/k?wait_s=0.05")).status).toBe("pending");
  const waiting = read<WireJob>(door, "/jobs/k?wait_s=60");
  await door.call("/jobs/k/cancel", post);
  expect((await waiting).status).toBe("cancelled");
  for (const bad of ["61", "-1", "x", "", "1e1"]) {
    const answer = await door.call(`/jobs/k?wait_s=${bad}`);
    expect(await answer.json()).toMatchObject({ code: "malformed" });
  }
});

test("a job that is not there is no-such-job on every route", async () => {
  await using door = await openDoor();
  const routes = [
    "GET ",
    "GET /payload",
    "GET /result",
    "GET /history",
    "GET ?wait_s=5",
    "DELETE ",
  ];
  const verbs = ["cancel", "retry", "hold", "unhold", "delete"].map((verb) => `POST /${verb}`);
  for (const route of [...routes, ...verbs]) {
    const [method = "", rest = ""] = route.split(" ");
    for (const ref of ["nope", "77", "00000000-0000-7000-8000-000000000000"]) {
      const answer = await door.call(`/jobs/${ref}${rest}`, { method });
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ code: "no-such-job" });
    }
  }
});

test("GET /api/jobs filters by everything it names [GL-09]", async () => {
  await using door = await openDoor();
  await door.submit("a/1", "x", "&group=g");
  await door.submit("a/2", "x", "&not_before=2090-01-01T00:00:00Z");
  await door.submit("b", "x", "&group=g");
  await door.call("/jobs/b/cancel", post);
  expect(await keys(door, "")).toEqual(["b", "a/2", "a/1"]);
  expect(await keys(door, "order=oldest")).toEqual(["a/1", "a/2", "b"]);
  expect(await keys(door, "status=cancelled")).toEqual(["b"]);
  expect(await keys(door, "group=g&order=oldest")).toEqual(["a/1", "b"]);
  expect(await keys(door, "key_prefix=a%2F&order=oldest")).toEqual(["a/1", "a/2"]);
  expect(await keys(door, "batch=1")).toEqual([]);
  expect(await keys(door, "worker=w1")).toEqual([]);
  expect(await keys(door, "type=sample")).toEqual([]);
  expect(await keys(door, "submitted_after=2090-01-01T00:00:00Z")).toEqual([]);
  expect(await keys(door, "submitted_after=2020-01-01T00:00:00Z&limit=1")).toEqual(["b"]);
});

test("GET /api/jobs hands out pages that its links join without gap", async () => {
  await using door = await openDoor();
  const all = Array.from({ length: 7 }, (_, i) => `k${i}`);
  for (const key of all) await door.submit(key);
  const seen: string[] = [];
  let path = "/jobs?order=oldest&limit=3&count=1";
  for (let pages = 0; path !== "" && pages < 9; pages += 1) {
    const answer = await door.call(path);
    expect(answer.headers.get("x-total-count")).toBe("7");
    seen.push(...((await answer.json()) as WireJob[]).map(({ key }) => key));
    const link = /^<([^>]*)>; rel="next"$/.exec(answer.headers.get("link") ?? "");
    path = link === null ? "" : new URL(link[1]!, door.api + path).href.slice(door.api.length);
  }
  expect(seen).toEqual(all);
  const loud = await door.call("/jobs?LIMIT=1&Cursor=7");
  expect(loud.headers.get("link")).toBe('<?LIMIT=1&cursor=6>; rel="next"');
});

test("GET /api/jobs refuses filters and cursors that mean nothing", async () => {
  await using door = await openDoor();
  const bad = [
    "limit=0",
    "limit=1001",
    "limit=x",
    "cursor=-1",
    "cursor=abc",
    "cursor=",
    "cursor=1e3",
  ];
  bad.push(
    "status=Pending",
    "order=up",
    "count=yes",
    "view=new",
    "batch=-1",
    "submitted_after=now",
  );
  bad.push("cursor=99999999999999999999", "limit=5&limit=6", "group=");
  for (const query of bad) {
    const answer = await door.call(`/jobs?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "malformed" });
  }
  const unknown = await door.call("/jobs?stauts=done");
  expect(await unknown.json()).toMatchObject({
    code: "unknown-option",
    detail: expect.stringContaining('Did you mean "status"?'),
  });
  expect((await door.call("/jobs/1?stats")).status).toBe(400);
});

test("view=original shows jobs as the original did, numbers and all [GL-09] [GL-10]", async () => {
  await using door = await openDoor();
  using worker = await openWorker(door.api);
  const id = await door.submit("k", "x", "&priority=immediate&description=d");
  await worker.nextPayload();
  worker.send(new TextEncoder().encode("y"));
  const done = await read<WireJob>(door, "/jobs/k?wait_s=10");
  await door.submit("run");
  await worker.nextPayload();
  await door.submit("later", "x", "&hold=1");
  await door.submit("gone", "x", "&hold=1");
  await door.call("/jobs/gone/cancel", post);
  const jobs = await read<OriginalJob[]>(door, "/jobs?view=original&order=oldest");
  expect(jobs[0]).toEqual({
    id,
    status: 2,
    key: "k",
    display: "d",
    priority: 1,
    submitted: done.submitted,
    started: done.started,
    ended: done.ended,
    workerId: "w1",
  });
  expect(jobs.map(({ key, status, priority }) => [key, status, priority])).toEqual([
    ["k", 2, 1],
    ["run", 1, 0],
    ["later", 0, 0],
    ["gone", 3, 0],
  ]);
  expect(jobs[2]).toMatchObject({ display: "later", started: null, ended: null, workerId: null });
});

test("cancel, retry, hold and unhold answer with the job, or say why not", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const status = async (verb: string) => {
    const answer = await door.call(`/jobs/k/${verb}`, post);
    const body = (await answer.json()) as { readonly status?: string; readonly code?: string };
    return body.code ?? body.status;
  };
  expect(await status("hold")).toBe("pending");
  expect(await status("unhold")).toBe("pending");
  expect(await status("retry")).toBe("still-active");
  expect(await status("cancel")).toBe("cancelled");
  expect(await status("cancel")).toBe("cancelled");
  expect(await status("retry")).toBe("pending");
  using worker = await openWorker(door.api);
  await worker.nextPayload();
  worker.send(new Uint8Array(1));
  await door.call("/jobs/k?wait_s=10");
  expect(await status("cancel")).toBe("already-done");
  expect(await status("retry")).toBe("already-done");
});

test("POST /api/jobs/{job}/delete takes a job away whatever its state, and its bytes [GL-11]", async () => {
  await using door = await openDoor();
  await door.submit("k", "x".repeat(500));
  const answer = await door.call("/jobs/k/delete", post);
  expect(answer.status).toBe(202);
  expect(await answer.json()).toEqual({ deleted: "k" });
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
  expect((await door.call("/jobs/k/delete", post)).status).toBe(404);
  await door.submit("k");
});

test("DELETE /api/jobs/{job} takes settled jobs alone, unless it is forced", async () => {
  await using door = await openDoor();
  await door.submit("a");
  await door.submit("b");
  const refused = await door.call("/jobs/a", { method: "DELETE" });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ code: "still-active" });
  expect((await door.call("/jobs/a?force=1", { method: "DELETE" })).status).toBe(204);
  await door.call("/jobs/b/cancel", post);
  expect((await door.call("/jobs/b", { method: "DELETE" })).status).toBe(204);
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
});

test("GET /api/jobs/{job}/history tells events and attempts with what the worker said", async () => {
  await using door = await openDoor({ types: [aType({ maxAttempts: 1 })] });
  await door.submit("k");
  using worker = await openWorker(door.api);
  await worker.nextPayload();
  worker.send(JSON.stringify({ code: 4, info: "no memory", logs: "line 1\nline 2" }));
  const job = await read<WireJob>(door, "/jobs/k?wait_s=10");
  expect(job).toMatchObject({ status: "failed", failures: 1, info: "no memory" });
  const { events, attempts } = await read<WireHistory>(door, "/jobs/k/history");
  expect(events.map(({ change }) => change)).toEqual(["submitted", "claimed", "failed"]);
  expect(events[1]).toMatchObject({ job: 1, key: "k", attempt: 1, worker: { id: "w1" } });
  expect(attempts).toEqual([
    {
      attempt: 1,
      worker: { id: "w1", name: "worker" },
      started: job.started,
      ended: job.ended,
      outcome: "failed",
      info: "no memory",
      logs: "line 1\nline 2",
    },
  ]);
});

test("GET /api/batches hands out stable pages of one type, and says when one is full [GL-14]", async () => {
  const types = [aType({ name: "a" }), aType({ name: "b" })];
  await using door = await openDoor({ types, batchSize: 2 });
  for (const key of ["1a", "2a", "3a"]) {
    await door.call(`/jobs/submit/a?key=${key}`, { ...post, body: "x" });
    await door.call(`/jobs/submit/b?key=${key}b`, { ...post, body: "x" });
  }
  const page = async (path: string) => {
    const answer = await door.call(path);
    const jobs = (await answer.json()) as WireJob[];
    return [jobs.map(({ key }) => key), answer.headers.get("x-batch-complete")];
  };
  expect(await page("/batches/a/0")).toEqual([["1a", "2a"], "true"]);
  expect(await page("/batches/a/1")).toEqual([["3a"], "false"]);
  expect(await page("/batches/b/1")).toEqual([["3ab"], "false"]);
  await door.call("/jobs/1a/delete", post);
  expect(await page("/batches/a/0")).toEqual([["2a"], "true"]);
  for (const [path, code] of [
    ["/batches/0", "malformed"],
    ["/batches/c/0", "no-such-type"],
    ["/batches/a/x", "malformed"],
    ["/batches/a/-1", "malformed"],
  ] as const) {
    expect(await (await door.call(path)).json()).toMatchObject({ code });
  }
});

test("GET /api/types, /api/workers and /api/stats show the grid", async () => {
  const sample = aType({ name: "sample", resultBecomes: "collide", timeoutMs: 1500 });
  await using door = await openDoor({ types: [sample, aType({ name: "collide" })] });
  expect((await read<WireType[]>(door, "/types"))[0]).toEqual({
    name: "sample",
    description: null,
    result_becomes: "collide",
    timeout_s: 1.5,
    max_attempts: 3,
    max_crashes: 3,
    resume_grace_s: 600,
    payload_bytes_max: 1024 * 1024,
  });
  using worker = await openWorker(door.api, "sample");
  await door.call("/jobs/submit/sample?key=k", { ...post, body: "x" });
  await worker.nextPayload();
  const [shown] = await read<WireWorker[]>(door, "/workers");
  expect(shown).toMatchObject({
    id: "w1",
    name: "worker",
    state: "busy",
    protocol: "classic",
    type: "sample",
    address: "127.0.0.1",
    jobs: [{ seq: 1, attempt: 1 }],
  });
  expect(await read<WireWorker>(door, "/workers/w1")).toEqual(shown!);
  expect(await read<WireWorker>(door, `/workers/${shown!.connection}`)).toEqual(shown!);
  const stats = await read<WireStats>(door, "/stats");
  expect(stats).toMatchObject({
    version: "tests",
    accepting: true,
    durability: "memory",
    workers: { connected: 1, slots: 1, busy: 1 },
  });
  expect(stats.jobs).toContainEqual({ type: "sample", status: "running", count: 1 });
  expect((await door.call("/workers/w1/kick", post)).status).toBe(200);
  await worker.closed();
  expect(await (await door.call("/workers/nobody")).json()).toMatchObject({
    code: "no-such-worker",
  });
});

test("a chain is shown from both its ends [GL-17]", async () => {
  const types = [aType({ name: "a", resultBecomes: "b" }), aType({ name: "b" })];
  await using door = await openDoor({ types });
  using worker = await openWorker(door.api, "a");
  await door.call("/jobs/submit/a?key=k", { ...post, body: "x" });
  await worker.nextPayload();
  worker.send(new TextEncoder().encode("y"));
  const first = await read<WireJob>(door, "/jobs/k?wait_s=10");
  const next = await read<WireJob>(door, "/jobs/k%2Fb");
  expect(first.next_ids).toEqual([next.id]);
  expect(next.from_id).toBe(first.id);
  expect(next.payload).toEqual(first.result!);
});

test("HEAD answers wherever GET does, without a body", async () => {
  await using door = await openDoor();
  await door.submit("k");
  for (const path of ["/jobs", "/jobs/k", "/jobs/k/history", "/types", "/workers", "/stats"]) {
    const head = await door.call(path, { method: "HEAD" });
    const get = await door.call(path);
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(await head.text()).toBe("");
  }
});
