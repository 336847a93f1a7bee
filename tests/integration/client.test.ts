import { expect, test } from "bun:test";
import { createClient, ClientError, JobFailed } from "../../src/client/index.ts";
import type { Client, ClientOptions, JobResult } from "../../src/client/index.ts";
import { aType, apiKey, openDoor, type Door, type DoorOptions } from "../support/http-door.ts";
import { openCuttingProxy } from "../support/cutting-proxy.ts";
import { openEchoWorker } from "../support/echo-worker.ts";

type Grid = AsyncDisposable & { readonly door: Door; readonly client: Client };

async function openGrid(options: DoorOptions = {}): Promise<Grid> {
  const door = await openDoor(options);
  return { door, client: clientOf(door), [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

function clientOf(door: Door, options: Partial<ClientOptions> = {}): Client {
  return createClient({ url: door.api.replace(/\/api$/, ""), token: apiKey, ...options });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error: unknown) => error,
  );
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}

test("submit() takes every kind of payload, and payload() brings it back [GL-13]", async () => {
  await using grid = await openGrid();
  const { client } = grid;
  const large = "0123456789".repeat(20_000);
  const bytes = new TextEncoder().encode(large);
  async function* pieces() {
    yield bytes.subarray(0, 70_000);
    yield bytes.subarray(70_000);
  }
  const payloads = {
    text: large,
    bytes,
    part: bytes.subarray(10, 200_000),
    blob: new Blob([bytes]),
    stream: new Blob([bytes]).stream() as ReadableStream<Uint8Array>,
    pieces: pieces(),
    again: pieces,
  };
  for (const [key, payload] of Object.entries(payloads)) {
    expect(await client.submit(payload, { key })).toMatchObject({ key, isReplay: false });
    const wanted = key === "part" ? large.slice(10) : large;
    expect([key, text(await client.payload(key)) === wanted]).toEqual([key, true]);
  }
  expect(text(await client.payload((await client.submit("")).key))).toBe("");
});

test("submit() is the same job the second time, and a taken key the time after [GL-04]", async () => {
  await using grid = await openGrid();
  const first = await grid.client.submit("x", { key: "k" });
  expect(await grid.client.submit("x", { key: "k" })).toEqual({ ...first, isReplay: true });
  expect(await errorOf(grid.client.submit("y", { key: "k" }))).toMatchObject({
    code: "key-taken",
    status: 409,
    requestId: expect.stringMatching(/./),
  });
});

test("submit() sends every option", async () => {
  await using grid = await openGrid({ types: [aType({ name: "sample" })] });
  const { client } = grid;
  const key = "a key/with ? & # % + ü";
  await client.submit("x", {
    type: "sample",
    key,
    priority: "immediate",
    description: "words & more",
    group: "g/1",
    labels: { a: [1, "ü"] },
    maxAttempts: 2,
    timeoutS: 1.5,
    notBefore: new Date("2040-01-01T00:00:00Z"),
    deadline: "2041-01-01T00:00:00Z",
    hold: true,
    contentType: "multipart/form-data",
  });
  expect(await client.get(key)).toMatchObject({
    key,
    type: "sample",
    priority: "immediate",
    description: "words & more",
    group: "g/1",
    labels: { a: [1, "ü"] },
    not_before: "2040-01-01T00:00:00.000Z",
    payload: { content_type: "multipart/form-data" },
  });
});

test("get() finds a job by key, id and number, and tells what is none", async () => {
  await using grid = await openGrid();
  const { client } = grid;
  const { id, seq } = await client.submit("x", { key: "k" });
  for (const name of ["k", id, seq, String(seq)]) expect((await client.get(name)).id).toBe(id);
  expect(await errorOf(client.get("other"))).toMatchObject({ code: "no-such-job", status: 404 });
  for (const name of ["", ".", "..", "submit", "a\nb", "\ud800"]) {
    expect(await errorOf(client.get(name))).toMatchObject({ code: "malformed", status: null });
    expect(await errorOf(client.cancel(name))).toMatchObject({ code: "malformed", status: null });
  }
});

test("a wrong token and a server that is not there are told apart", async () => {
  await using grid = await openGrid();
  const stranger = clientOf(grid.door, { token: "wrong" });
  expect(await errorOf(stranger.stats())).toMatchObject({ code: "unauthenticated", status: 401 });
  expect(() => clientOf(grid.door, { token: "secret\n" })).toThrow(/^(?!.*secret)/);
  for (const url of ["host:7171", "ftp://host", "http://user:word@host", ""]) {
    expect(() => createClient({ url })).toThrow(ClientError);
  }
});

test("what a proxy put before the API is kept in every address, on all pages", async () => {
  await using grid = await openGrid({ settings: { pathBase: "/deep/grid" } });
  const url = grid.door.api.replace(/api$/, ""); // With a slash at its end, this time.
  const client = createClient({ url, token: apiKey });
  const keys = ["a", "b", "c", "d", "e"];
  for (const key of keys) await client.submit(key, { key });
  const pages = await all(client.pages({ order: "oldest", limit: 2, count: true }));
  expect(pages.map(({ jobs, totalCount }) => [jobs.length, totalCount])).toEqual([
    [2, 5],
    [2, 5],
    [1, 5],
  ]);
  const listed = await all(client.list({ order: "oldest", limit: 2 }));
  expect(listed.map(({ key }) => key)).toEqual(keys);
  const later = client.list({ order: "oldest", limit: 2, cursor: pages[1]?.cursor ?? "none" });
  expect((await all(later)).map(({ key }) => key)).toEqual(["e"]);
});

test("result() waits for the job, and comes as bytes or as a stream [GL-12]", async () => {
  await using grid = await openGrid();
  const { client, door } = grid;
  const waiting = client.result((await client.submit("first", { key: "k" })).key);
  expect(await errorOf(client.result("k", { wait: false }))).toMatchObject({
    code: "not-done",
    status: 409,
  });
  using _ = await openEchoWorker(door.api);
  expect(text(await waiting)).toBe("FIRST");
  expect(await client.wait("k")).toMatchObject({ status: "done" });
  const { stream, sha256, contentType } = await client.openResult("k");
  expect(await new Response(stream).text()).toBe("FIRST");
  expect(sha256).toBe((await client.get("k")).result?.sha256 ?? "none");
  expect(contentType).toBe("application/octet-stream");
});

test("result() throws what became of a job without one", async () => {
  await using grid = await openGrid({ types: [aType({ maxAttempts: 1 })] });
  const { client, door } = grid;
  using _ = await openEchoWorker(door.api);
  await client.submit("fail: no such city", { key: "f" });
  const failed = await errorOf(client.result("f"));
  expect(failed).toBeInstanceOf(JobFailed);
  expect(failed).toMatchObject({
    code: "not-done",
    status: 409,
    outcome: "failed",
    key: "f",
    reason: "exhausted",
    jobInfo: "no such city",
  });
  await client.submit("x", { key: "c", hold: true });
  expect(await client.cancel("c")).toMatchObject({ status: "cancelled" });
  expect(await errorOf(client.result("c"))).toMatchObject({ outcome: "cancelled", reason: null });
});

test("result() follows a chain to its end", async () => {
  const types = [aType({ name: "one", resultBecomes: "two" }), aType({ name: "two" })];
  await using grid = await openGrid({ types });
  const { client, door } = grid;
  using _one = await openEchoWorker(door.api, "one");
  using _two = await openEchoWorker(door.api, "two", (payload) => `${payload}!`);
  await client.submit("a", { key: "k", type: "one" });
  expect(text(await client.result("k", { endOfChain: true }))).toBe("A!");
  expect(text(await client.result("k"))).toBe("A");
});

test("results() brings many in the order they settle, failures among them", async () => {
  await using grid = await openGrid({ types: [aType({ maxAttempts: 1 })] });
  const { client, door } = grid;
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
  for (const key of keys) await client.submit(key === "k7" ? "fail: seven" : key, { key });
  await client.submit("never", { key: "held", hold: true });
  using _ = await openEchoWorker(door.api);
  const got: JobResult[] = [];
  for await (const result of client.results(["held", "nobody", ...keys], { concurrency: 4 })) {
    got.push(result);
    if (got.length === keys.length + 1) break;
  }
  const byJob = new Map(got.map((result) => [result.job, result]));
  expect(byJob.get("nobody")).toMatchObject({ ok: false, error: { code: "no-such-job" } });
  expect(byJob.get("k7")).toMatchObject({ ok: false, error: { jobInfo: "seven" } });
  for (const key of keys.filter((name) => name !== "k7")) {
    const result = byJob.get(key);
    expect([key, result?.ok === true && text(result.bytes)]).toEqual([key, key.toUpperCase()]);
  }
  expect(byJob.has("held")).toBe(false);
});

test("submitMany() submits all, tells the bad ones, and its keys give the results", async () => {
  await using grid = await openGrid();
  const { client, door } = grid;
  await client.submit("other", { key: "k3" });
  const jobs = Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, payload: `p${i}` }));
  const outcomes = await all(client.submitMany([...jobs, { key: "12", payload: "x" }]));
  expect(outcomes.toSorted((a, b) => a.index - b.index).filter(({ ok }) => !ok)).toMatchObject([
    { index: 3, key: "k3", error: { code: "key-taken" } },
    { index: 40, key: "12", error: { code: "malformed" } },
  ]);
  expect(await all(client.list())).toHaveLength(40);
  using _ = await openEchoWorker(door.api);
  const keys = outcomes.flatMap(({ ok, key }) => (ok ? [key] : []));
  const results = await all(client.results(keys));
  expect(results.filter(({ ok }) => ok)).toHaveLength(39);
});

test("cancel(), retry(), hold() and unhold() do what they say, remove() deletes for good", async () => {
  await using grid = await openGrid();
  const { client } = grid;
  await client.submit("x", { key: "k" });
  expect(await client.hold("k")).toMatchObject({ status: "pending" });
  expect(await client.unhold("k")).toMatchObject({ status: "pending" });
  expect(await errorOf(client.retry("k"))).toMatchObject({ code: "still-active", status: 409 });
  expect(await errorOf(client.remove("k"))).toMatchObject({ code: "still-active" });
  expect(await client.cancel("k")).toMatchObject({ status: "cancelled" });
  expect(await client.retry("k")).toMatchObject({ status: "pending" });
  const history = await client.history("k");
  const changes = history.events.map(({ change }) => change);
  expect(changes).toEqual(["submitted", "held", "unheld", "cancelled", "retried"]);
  await client.remove("k", { force: true });
  expect(await errorOf(client.get("k"))).toMatchObject({ code: "no-such-job" });
  expect(await errorOf(client.remove("k"))).toMatchObject({ code: "no-such-job" });
});

test("types(), workers(), kick(), stats() and batch() show the grid", async () => {
  await using grid = await openGrid({ types: [aType({ name: "sample" })], batchSize: 2 });
  const { client, door } = grid;
  for (const key of ["a", "b", "c"]) await client.submit(key, { key, type: "sample", hold: true });
  expect(await client.types()).toMatchObject([{ name: "sample" }]);
  expect(await client.batch(0, { type: "sample" })).toMatchObject({
    jobs: [{ key: "a" }, { key: "b" }],
    isComplete: true,
  });
  expect(await client.batch(1, { type: "sample" })).toMatchObject({ isComplete: false });
  expect(await client.stats()).toMatchObject({ jobs: [{ status: "pending", count: 3 }] });
  using worker = await openEchoWorker(door.api, "sample");
  await client.submit("x", { key: "x", type: "sample" });
  await client.wait("x"); // It has registered by then.
  const [seen] = await client.workers();
  expect(await client.kick(seen?.connection ?? "none")).toMatchObject({ id: seen?.id ?? "none" });
  await worker.closed();
  expect(await errorOf(client.kick("nobody"))).toMatchObject({ code: "no-such-worker" });
});

test("a signal ends a wait with the caller's reason", async () => {
  await using grid = await openGrid();
  const { client } = grid;
  await client.submit("x", { key: "k" });
  const reason = new Error("Enough.");
  const stop = new AbortController();
  const works = [
    client.wait("k", { signal: stop.signal }),
    client.result("k", { signal: stop.signal }),
    client.results(["k"], { signal: stop.signal }).next(),
  ].map(errorOf);
  await client.stats();
  stop.abort(reason);
  expect(await Promise.all(works)).toEqual([reason, reason, reason]);
});

test("payload() goes on over a connection that breaks again and again", async () => {
  await using grid = await openGrid();
  const { door, client } = grid;
  const bytes = Uint8Array.from({ length: 900_000 }, (_, i) => (i * 31) % 251);
  await client.submit(bytes, { key: "k" });
  const port = Number(new URL(door.api).port);
  await using proxy = await openCuttingProxy(port, { afterBytes: 300_000, times: 2 });
  const far = createClient({ url: `http://127.0.0.1:${proxy.port}`, token: apiKey });
  expect(Buffer.compare(await far.payload("k"), bytes)).toBe(0);
  expect(proxy.cutCount()).toBe(2);
});

test("submit() tells a stream that is too large, though the answer comes before its end", async () => {
  await using grid = await openGrid({ types: [aType({ payloadBytesMax: 100_000 })] });
  let isLetGo = false;
  async function* endless() {
    try {
      for (;;) yield new Uint8Array(64 * 1024);
    } finally {
      isLetGo = true;
    }
  }
  expect(await errorOf(grid.client.submit(endless(), { key: "k" }))).toMatchObject({
    code: "payload-too-large",
    status: 413,
  });
  expect(isLetGo).toBe(true);
});

test("a stream of 16 MiB is submitted and fetched in memory that does not grow with it", async () => {
  const size = 16 * 1024 * 1024;
  await using grid = await openGrid({ types: [aType({ payloadBytesMax: size })] });
  const { client } = grid;
  let ahead = 0;
  let most = 0;
  const chunk = new Uint8Array(256 * 1024);
  async function* source() {
    for (let sent = 0; sent < size; sent += chunk.length) {
      ahead += 1;
      most = Math.max(most, ahead);
      yield chunk;
      ahead -= 1;
    }
  }
  await client.submit(source(), { key: "k" });
  expect(most).toBe(1); // A chunk is asked for when the one before has been taken.
  const { stream } = await client.openPayload("k");
  let received = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    received += value.length;
  }
  expect(received).toBe(size);
}, 30_000);
