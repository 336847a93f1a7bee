import { expect, test } from "bun:test";
import { sha256Hex } from "../../../src/blobs/hashing.ts";
import type { NewJob, SubmitOutcome } from "../../../src/client/bulk.ts";
import { clientBulkJobCountMax } from "../../../src/client/limits.ts";
import {
  createFakeServer,
  errorOf,
  networkError,
  problem,
  problemWith,
  type Seen,
} from "./fake-server.ts";

const lines = ({ body }: Seen) =>
  body
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown> & { key: string });
const accepted = (key: string) => ({ created: key, id: `id of ${key}`, seq: 1 });
const ndjson = (values: readonly unknown[]) =>
  new Response(values.map((value) => `${JSON.stringify(value)}\n`).join(""), { status: 202 });
const end = { end: true, accepted: 0, refused: 0 };
const keyOf = ({ url }: Seen) => url.searchParams.get("key") ?? "";
const isBulk = ({ url }: Seen) => url.pathname.includes("/submit-many");
const one = (seen: Seen) => Response.json(accepted(keyOf(seen)), { status: 202 });

function* jobs(count: number): Generator<NewJob> {
  for (let i = 0; i < count; i += 1) yield { key: `k${i}`, payload: `p${i}` };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}

const byIndex = (outcomes: readonly SubmitOutcome[]) =>
  outcomes.toSorted((a, b) => a.index - b.index).map(({ key, ok }) => `${key} ${ok}`);

test("submitMany() sends small jobs together, with their options, and reads a line for each", async () => {
  const bad = { status: 400, code: "malformed", title: "T", detail: "Bad.", info: {} };
  const { client, seen, settle } = createFakeServer((request) =>
    ndjson([
      ...lines(request).map(({ key }) => (key === "b" ? { error: bad, line: 2 } : accepted(key))),
      end,
    ]),
  );
  const given: NewJob[] = [
    {
      key: "a",
      payload: "text",
      type: "sample",
      priority: "immediate",
      labels: { x: 1 },
      maxAttempts: 2,
      hold: true,
    },
    { key: "b", payload: new Uint8Array([255, 0]), type: "sample", notBefore: new Date(0) },
  ];
  const got = await settle(all(client.submitMany(given)));
  expect(seen).toHaveLength(1);
  expect(seen[0]?.url.pathname).toBe("/base/api/jobs/submit-many/sample");
  expect(seen[0]?.headers.get("content-type")).toBe("application/x-ndjson");
  expect(lines(seen[0]!)).toEqual([
    {
      key: "a",
      payload: "text",
      priority: "immediate",
      labels: { x: 1 },
      max_attempts: 2,
      hold: true,
    },
    { key: "b", payload_base64: "/wA=", not_before: "1970-01-01T00:00:00.000Z" },
  ]);
  expect(got).toMatchObject([
    { index: 0, key: "a", ok: true, submitted: { key: "a", id: "id of a", seq: 1 } },
    { index: 1, key: "b", ok: false, error: { code: "malformed", detail: "Bad." } },
  ]);
});

test("submitMany() fills batches up to their bound", async () => {
  const { client, seen, settle } = createFakeServer((request) =>
    ndjson([...lines(request).map(({ key }) => accepted(key)), end]),
  );
  const count = clientBulkJobCountMax * 2 + 3;
  const got = await settle(all(client.submitMany(jobs(count))));
  expect(got).toHaveLength(count);
  expect(seen.map((request) => lines(request).length)).toEqual([
    clientBulkJobCountMax,
    clientBulkJobCountMax,
    3,
  ]);
});

test("submitMany() sends again, with the same keys, what an answer without its end left unknown", async () => {
  const { client, seen, settle } = createFakeServer((request) =>
    isBulk(request)
      ? ndjson(
          lines(request)
            .slice(0, 2)
            .map(({ key }) => accepted(key)),
        )
      : one(request),
  );
  const got = await settle(all(client.submitMany(jobs(4))));
  expect(byIndex(got)).toEqual(["k0 true", "k1 true", "k2 true", "k3 true"]);
  expect(seen.slice(1).map(keyOf)).toEqual(["k2", "k3"]);
});

test("submitMany() sends jobs alone to a server without the bulk route, and remembers that", async () => {
  const { client, seen, settle } = createFakeServer((request) =>
    isBulk(request) ? problem(404, "no-such-route") : one(request),
  );
  expect(byIndex(await settle(all(client.submitMany(jobs(3)))))).toHaveLength(3);
  expect(byIndex(await settle(all(client.submitMany(jobs(3)))))).toHaveLength(3);
  expect(seen.filter(isBulk)).toHaveLength(1);
  expect(seen).toHaveLength(7);
});

test("submitMany() never has more requests under way than it was allowed", async () => {
  let open = 0;
  let most = 0;
  const { client, settle } = createFakeServer(() => "silence", {
    fetch: async (url) => {
      if (url.includes("/submit-many")) return problem(404, "no-such-route");
      open += 1;
      most = Math.max(most, open);
      await new Promise(setImmediate);
      open -= 1;
      return Response.json(accepted(new URL(url).searchParams.get("key") ?? ""), { status: 202 });
    },
  });
  expect(await settle(all(client.submitMany(jobs(20), { concurrency: 3 })))).toHaveLength(20);
  expect(most).toBe(3);
});

test("submitMany() takes jobs as they come, and sends streams and large payloads alone", async () => {
  const { client, seen, settle } = createFakeServer((request) =>
    isBulk(request)
      ? ndjson([...lines(request).map(({ key }) => accepted(key)), end])
      : one(request),
  );
  async function* coming(): AsyncGenerator<NewJob> {
    yield { key: "a", payload: "small" };
    yield { key: "b", payload: new Blob(["x"]) };
    yield { key: "c", payload: "x".repeat(100_000) };
    yield { payload: "no key" };
  }
  const got = await settle(all(client.submitMany(coming())));
  expect(got.every(({ ok }) => ok)).toBe(true);
  expect(got.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  expect(seen.filter((request) => !isBulk(request)).map(keyOf)).toEqual(["b", "c"]);
});

test("submitMany() tells one bad job apart, and ends at what concerns them all", async () => {
  const taken = createFakeServer((request) =>
    isBulk(request)
      ? problem(404, "no-such-route")
      : keyOf(request) === "k1"
        ? problem(409, "key-taken")
        : one(request),
  );
  expect(byIndex(await taken.settle(all(taken.client.submitMany(jobs(3)))))).toEqual([
    "k0 true",
    "k1 false",
    "k2 true",
  ]);
  const away = createFakeServer(networkError);
  expect(await errorOf(away.settle(all(away.client.submitMany(jobs(3)))))).toMatchObject({
    code: "unreachable",
  });
});

test("results() goes round with few questions, and gives each result once it is there", async () => {
  const settledBy = new Map([
    ["k9", 1],
    ["k0", 3],
  ]); // The others from their second question on.
  const asked = new Map<string, number>();
  const { client, seen, settle } = createFakeServer(({ url }) => {
    const key = url.pathname.split("/").at(-2) ?? "";
    const count = (asked.get(key) ?? 0) + 1;
    asked.set(key, count);
    const info = { key, status: "pending", reason: null, info: null };
    if (count < (settledBy.get(key) ?? 2))
      return problemWith({ status: 409, code: "not-done", info });
    if (key === "k5")
      return problemWith({ status: 409, code: "not-done", info: { ...info, status: "cancelled" } });
    if (key === "k6") return problem(404, "no-such-job");
    const bytes = new TextEncoder().encode(key);
    return new Response(bytes, { headers: { etag: `"${sha256Hex(bytes)}"` } });
  });
  const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
  const got = await settle(all(client.results(keys, { concurrency: 2 })));
  expect(got.map(({ job }) => String(job)).toSorted()).toEqual(keys);
  expect(got[0]?.job).toBe("k9");
  expect(got.at(-1)?.job).toBe("k0");
  for (const result of got) {
    if (result.ok) expect(new TextDecoder().decode(result.bytes)).toBe(String(result.job));
    else
      expect(result.error).toMatchObject({
        code: result.job === "k5" ? "not-done" : "no-such-job",
      });
  }
  const waits = seen.map(({ url }) => Number(url.searchParams.get("wait_s")));
  expect(waits[0]).toBe(2); // A fifth of a round of ten seconds.
});

test("results() ends at what concerns all jobs, and lets go of the others when its reader stops", async () => {
  const away = createFakeServer(networkError);
  expect(await errorOf(away.settle(all(away.client.results(["a", "b"]))))).toMatchObject({
    code: "unreachable",
  });
  const signals: AbortSignal[] = [];
  const bytes = new TextEncoder().encode("x");
  const { client, settle } = createFakeServer(() => "silence", {
    fetch: async (url, init) => {
      if (url.includes("/a/"))
        return new Response(bytes, { headers: { etag: `"${sha256Hex(bytes)}"` } });
      signals.push(init.signal!);
      return new Promise((_, reject) => {
        init.signal!.addEventListener("abort", () => reject(init.signal!.reason as Error));
      });
    },
  });
  const reading = client.results(["a", "b", "c"]);
  expect((await settle(reading.next())).value).toMatchObject({ job: "a", ok: true });
  await reading.return();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});

test("results() asks for jobs whose keys are still coming", async () => {
  const bytes = new TextEncoder().encode("x");
  const { client, settle } = createFakeServer(
    () => new Response(bytes, { headers: { etag: `"${sha256Hex(bytes)}"` } }),
  );
  const more = Promise.withResolvers<void>();
  async function* keys() {
    yield "a";
    await more.promise;
    yield "b";
  }
  const reading = client.results(keys());
  expect((await settle(reading.next())).value).toMatchObject({ job: "a" });
  more.resolve();
  expect((await settle(reading.next())).value).toMatchObject({ job: "b" });
  expect((await settle(reading.next())).done).toBe(true);
});

test("a concurrency out of bounds is refused", async () => {
  const { client } = createFakeServer(networkError);
  for (const concurrency of [0, 1.5, 1000, Number.NaN]) {
    expect(await errorOf(all(client.results(["a"], { concurrency })))).toMatchObject({
      code: "malformed",
    });
    expect(await errorOf(all(client.submitMany([], { concurrency })))).toMatchObject({
      code: "malformed",
    });
  }
});
