import { expect, test } from "bun:test";
import { ClientError, JobFailed } from "../../../src/client/client-error.ts";
import { jitterMs, retryDelayMs } from "../../../src/client/retry.ts";
import {
  clientAnswerMsMax,
  clientRetryAfterMsMax,
  clientRetryCountMax,
  clientRetryMsFirst,
  clientRetryMsMax,
} from "../../../src/client/limits.ts";
import {
  aWireJob,
  createFakeServer,
  errorOf,
  networkError,
  problem,
  problemWith,
  type Answerer,
} from "./fake-server.ts";

const job = () => Response.json(aWireJob);
const created = () => Response.json({ created: "k", id: "i", seq: 1 }, { status: 202 });
/** Fails `count` times, then answers. */
const after =
  (count: number, failure: () => Response, answer: () => Response): Answerer =>
  (_, n) =>
    n <= count ? failure() : answer();

test("jitterMs() doubles its reach up to a bound, and spreads over all of it", () => {
  expect(jitterMs(1, 1)).toBe(clientRetryMsFirst);
  expect(jitterMs(3, 1)).toBe(4 * clientRetryMsFirst);
  expect(jitterMs(3, 0.25)).toBe(clientRetryMsFirst);
  expect(jitterMs(3, 0)).toBe(0);
  expect(jitterMs(1000, 1)).toBe(clientRetryMsMax);
});

test("retryDelayMs() adds chance to what the server asks for, and has an end", () => {
  const error = new ClientError("overloaded", "x", { status: 503, retryAfterMs: 3000 });
  expect(retryDelayMs(error, 1, 0.5)).toBe(3000 + clientRetryMsFirst / 2);
  expect(retryDelayMs(error, clientRetryCountMax, 0)).toBe(3000);
  expect(retryDelayMs(error, clientRetryCountMax + 1, 0)).toBeNull();
  const patient = { status: 429, retryAfterMs: clientRetryAfterMsMax + 1 };
  expect(retryDelayMs(new ClientError("quota", "x", patient), 1, 0)).toBeNull();
});

test.each([429, 502, 503, 504, 507])("a read is sent again after %d", async (status) => {
  const answer = after(2, () => new Response("gone", { status }), job);
  const { client, seen, settle } = createFakeServer(answer);
  expect(await settle(client.get("k"))).toMatchObject({ key: "k" });
  expect(seen).toHaveLength(3);
});

test.each([
  [400, "malformed"],
  [401, "unauthenticated"],
  [404, "no-such-job"],
  [409, "still-active"],
  [410, "bytes-forgotten"],
  [500, "internal"],
] as const)("a read is not sent again after %d", async (status, code) => {
  const { client, seen, settle } = createFakeServer(() => problem(status, code));
  expect(await errorOf(settle(client.get("k")))).toMatchObject({ code, status });
  expect(seen).toHaveLength(1);
});

test("a network that stays away is told as unreachable, after a bound of tries", async () => {
  const { client, seen, settle } = createFakeServer(networkError, { token: "secret-token" });
  const error = await errorOf(settle(client.get("k")));
  expect(error).toBeInstanceOf(ClientError);
  expect(error).toMatchObject({ code: "unreachable", status: null, requestId: null });
  expect(String(error)).toContain("ECONNREFUSED");
  expect(String(error)).not.toContain("secret-token");
  expect(seen).toHaveLength(clientRetryCountMax + 1);
});

test("Retry-After is waited for", async () => {
  const busy = () => problem(429, "rate-limited", { "retry-after": "7" });
  const { client, clock, settle } = createFakeServer(after(1, busy, job), { fraction: 0 });
  await settle(client.get("k"));
  expect(clock.monotonicMs()).toBe(7000);
});

test("a silent server is given up and asked again", async () => {
  const answer: Answerer = (_, n) => (n === 1 ? "silence" : job());
  const { client, clock, seen, settle } = createFakeServer(answer, { fraction: 0 });
  await settle(client.get("k"));
  expect(seen).toHaveLength(2);
  expect(clock.monotonicMs()).toBe(clientAnswerMsMax);
});

test("no timer is left behind", async () => {
  const { client, clock, settle } = createFakeServer(after(2, networkError, job));
  await settle(client.get("k"));
  await errorOf(settle(client.cancel("a/b").then(() => client.get(""))));
  expect(clock.timerCount()).toBe(0);
});

test.each(["cancel", "retry", "hold", "unhold", "kick"] as const)(
  "%s() is never sent twice",
  async (verb) => {
    const { client, seen, settle } = createFakeServer(networkError);
    expect(await errorOf(settle<unknown>(client[verb]("k")))).toMatchObject({
      code: "unreachable",
    });
    expect(seen).toHaveLength(1);
  },
);

test("submit() sends the same key and bytes again, and a fresh key each time it is called", async () => {
  const { client, seen, settle } = createFakeServer((_, n) =>
    n % 2 === 1 ? networkError() : created(),
  );
  await settle(client.submit("bytes"));
  await settle(client.submit(new Blob(["bytes"])));
  const keys = seen.map(({ url }) => url.searchParams.get("key") ?? "");
  expect(keys[0]).toMatch(/^key-[0-9a-f]{32}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
  expect(keys[3]).toBe(keys[2]);
  expect(seen.map(({ body }) => body)).toEqual(["bytes", "bytes", "bytes", "bytes"]);
});

test("submit() opens a stream anew for each try when a function gives it", async () => {
  const { client, seen, settle } = createFakeServer(after(2, networkError, created));
  let opened = 0;
  async function* source() {
    opened += 1;
    yield new TextEncoder().encode("one ");
    yield new TextEncoder().encode("two");
  }
  await settle(client.submit(source));
  expect(opened).toBe(3);
  expect(seen.map(({ body }) => body)).toEqual(["one two", "one two", "one two"]);
});

test("submit() sends a bare stream once", async () => {
  for (const source of [new Blob(["x"]).stream(), bytesOf("x")]) {
    const { client, seen, settle } = createFakeServer(networkError);
    expect(await errorOf(settle(client.submit(source)))).toMatchObject({ code: "unreachable" });
    expect(seen).toHaveLength(1);
  }
});

test("submit() throws what the source of the payload throws, as it is", async () => {
  const { client, seen, settle } = createFakeServer(created);
  const mine = new Error("The disk is on fire.");
  const source = async function* () {
    yield new Uint8Array(1);
    throw mine;
  };
  expect(await errorOf(settle(client.submit(source)))).toBe(mine);
  const opening = () => {
    throw mine;
  };
  expect(await errorOf(settle(client.submit(opening)))).toBe(mine);
  expect(seen).toHaveLength(0);
});

test("remove() takes a job that is gone at the second try as removed, and not at the first", async () => {
  const id = "018f2b6e-0000-7000-8000-000000000000";
  const gone = () => problem(404, "no-such-job");
  const late = createFakeServer(after(1, networkError, gone));
  await late.settle(late.client.remove(id));
  expect(late.seen).toHaveLength(2);
  const never = createFakeServer(gone);
  expect(await errorOf(never.settle(never.client.remove(id)))).toMatchObject({
    code: "no-such-job",
  });
});

test("remove() deletes by id, so that a new job of the same key is safe", async () => {
  const { client, seen, settle } = createFakeServer(({ method }) =>
    method === "GET" ? job() : new Response(null, { status: 204 }),
  );
  await settle(client.remove("k", { force: true }));
  expect(seen.map(({ method, url }) => `${method} ${url.pathname}${url.search}`)).toEqual([
    "GET /base/api/jobs/k",
    "DELETE /base/api/jobs/i?force=1",
  ]);
});

test("the caller's signal ends a call with the caller's reason, wherever it is", async () => {
  const reason = new Error("Enough.");
  const answers: readonly Answerer[] = [
    () => "silence",
    () => problem(503, "overloaded", { "retry-after": "60" }),
  ];
  for (const answer of answers) {
    const { client, clock } = createFakeServer(answer);
    const stop = new AbortController();
    const work = errorOf(client.get("k", { signal: stop.signal }));
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    stop.abort(reason);
    expect(await work).toBe(reason);
    expect(clock.timerCount()).toBe(0);
  }
  const { client, seen } = createFakeServer(job);
  expect(await errorOf(client.get("k", { signal: AbortSignal.abort(reason) }))).toBe(reason);
  expect(seen).toHaveLength(0);
});

test("a redirect is told and not followed", async () => {
  const location = "https://grid.test/base/api/jobs/k";
  const { client, seen, settle } = createFakeServer(
    () => new Response(null, { status: 308, headers: { location } }),
  );
  const error = await errorOf(settle(client.get("k")));
  expect(error).toMatchObject({ code: "no-such-route", status: 308 });
  expect(String(error)).toContain(location);
  expect(seen).toHaveLength(1);
});

test("an answer of something else than a GridLike server is no job", async () => {
  for (const body of ["<html>sign in</html>", "[]", "{}", '{"id":1,"key":2,"status":"odd"}']) {
    const { client, seen, settle } = createFakeServer(() => new Response(body));
    expect(await errorOf(settle(client.get("k")))).toMatchObject({
      code: "unreachable",
      status: 200,
    });
    expect(seen).toHaveLength(1);
  }
});

test("ClientError carries code, status, request id, detail and info", async () => {
  const answer = () =>
    problemWith({ status: 409, code: "key-taken", info: { key: "k" } }, { "x-request-id": "r1" });
  const { client, settle } = createFakeServer(answer);
  expect(await errorOf(settle(client.submit("x", { key: "k" })))).toMatchObject({
    name: "ClientError",
    code: "key-taken",
    status: 409,
    requestId: "r1",
    detail: "The detail.",
    message: "The detail.",
    info: { key: "k" },
  });
});

test("messages are fit for a terminal, whatever the server or a worker said", async () => {
  const info = "\u001b[2J\u202eevil";
  const detail = `Failed: ${info}\u0007\ud800${"x".repeat(10_000)}`;
  const fields = {
    status: 409,
    code: "not-done",
    detail,
    info: { status: "failed", key: "k", reason: "error", info },
  };
  const { client, settle } = createFakeServer(() => problemWith(fields));
  const error = (await errorOf(settle(client.result("k")))) as JobFailed;
  expect(error).toBeInstanceOf(JobFailed);
  expect(error).toMatchObject({ outcome: "failed", reason: "error", jobInfo: info });
  expect(error.message).toStartWith("Failed: \ufffd[2J\ufffdevil\ufffd\ufffdx");
  expect(error.message.length).toBeLessThan(5000);
});

test("wait() rests before it asks again when a server answers too early", async () => {
  const early = after(5, job, () => Response.json({ ...aWireJob, status: "done" }));
  const { client, clock, seen, settle } = createFakeServer(early, { fraction: 0 });
  expect(await settle(client.wait("k"))).toMatchObject({ status: "done" });
  expect(seen).toHaveLength(6);
  expect(clock.monotonicMs()).toBe((clientRetryMsFirst / 2) * (1 + 2 + 4 + 8 + 16));
});

async function* bytesOf(text: string) {
  yield new TextEncoder().encode(text);
}

test("isPatientAtFirst: false gives up at once, but not on a server that has answered", async () => {
  const never = createFakeServer(() => networkError(), { isPatientAtFirst: false });
  expect(await never.settle(errorOf(never.client.get("k")))).toMatchObject({ code: "unreachable" });
  expect(never.seen).toHaveLength(1);

  const once = createFakeServer((_, n) => (n === 2 ? networkError() : job()), {
    isPatientAtFirst: false,
  });
  await once.settle(once.client.get("k"));
  expect(await once.settle(once.client.get("k"))).toMatchObject({ key: "k" });
  expect(once.seen).toHaveLength(3);

  const busy = createFakeServer(
    after(1, () => problem(503, "overloaded"), job),
    { isPatientAtFirst: false },
  );
  expect(await busy.settle(busy.client.get("k"))).toMatchObject({ key: "k" });
});
