import { expect, test } from "bun:test";
import { createSha256 } from "../../src/blobs/hashing.ts";
import { claimWordCharactersMax, reportBytesMax } from "../../src/domain/limits-server.ts";
import { failureInfoCharactersMax } from "../../src/domain/limits.ts";
import type { WireHistory, WireJob, WireWorker } from "../../src/protocol/http-api.ts";
import { apiKey, aType, openDoor, workerToken, type Door } from "../support/http-door.ts";
import { attemptOf, claim, claimRaw } from "../support/pull-worker.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";

const typed = [aType({ name: "sample", resultBecomes: "collide" }), aType({ name: "collide" })];

const jobOf = async (door: Door, key: string) =>
  (await (await door.call(`/jobs/${encodeURIComponent(key)}`)).json()) as WireJob;
const codeOf = async (answer: Response | Promise<Response>) =>
  ((await (await answer).json()) as { readonly code: string }).code;
const digestOf = (bytes: string) => {
  const hash = createSha256();
  hash.update(new TextEncoder().encode(bytes));
  return `sha-256=:${Uint8Array.fromHex(hash.hex()).toBase64()}:`;
};

test("POST /api/work/claim answers with the payload, and with what to do in the headers [GL-37]", async () => {
  await using door = await openDoor();
  const id = await door.submit("a/ü", "payload", "&content_type=text/plain");
  const { answer, body } = await claim(door, "?lease_s=90", { "Gridlike-Worker": "lab-3" });
  expect([answer.status, body]).toEqual([200, "payload"]);
  const told = Object.fromEntries(answer.headers);
  expect(told).toMatchObject({
    "gridlike-job": id,
    "gridlike-attempt": "1",
    "gridlike-key": "a%2F%C3%BC",
    "gridlike-lease-seconds": "90",
    "content-type": "text/plain",
  });
  expect(told["gridlike-attempt-token"]).toMatch(/^[0-9a-f]{64}$/);
  expect(told["etag"]).toMatch(/^"[0-9a-f]{64}"$/);
  expect(answer.headers.has("gridlike-type")).toBe(false);
  expect(await jobOf(door, "a/ü")).toMatchObject({ status: "running", worker: { id: "lab-3" } });
});

test("POST /api/work/claim waits for a job, and answers 204 when none comes [GL-37]", async () => {
  await using door = await openDoor();
  const waiting = claim(door);
  await door.call("/jobs");
  await door.submit("k");
  expect((await waiting).body).toBe("k");
  const none = await claimRaw(door, "?wait_s=0");
  expect([none.status, await none.text()]).toEqual([204, ""]);
});

test("a claim without patience gets a job that stands, and large payloads arrive whole", async () => {
  await using door = await openDoor();
  const large = "x".repeat(700_000);
  await door.submit("k", large);
  expect((await claim(door, "?wait_s=0")).body).toBe(large);
});

test("a server with types wants one named, and gives jobs of that one alone [GL-21]", async () => {
  await using door = await openDoor({ types: typed });
  const untyped = await claimRaw(door);
  expect(untyped.status).toBe(400);
  expect(await untyped.text()).toContain("sample, collide");
  expect(await codeOf(claimRaw(door, "", { type: "smaple" }))).toBe("no-such-type");
  await door.call("/jobs/submit/sample?key=s", { method: "POST", body: "s" });
  await door.call("/jobs/submit/collide?key=c", { method: "POST", body: "c" });
  const claimed = await claim(door, "", { type: "collide" });
  expect([claimed.body, claimed.answer.headers.get("gridlike-type")]).toEqual(["c", "collide"]);
  await using plain = await openDoor();
  expect(await codeOf(claimRaw(plain, "", { type: "sample" }))).toBe("no-such-type");
});

test("the worker token opens claims and nothing else; the API key does not open them", async () => {
  await using door = await openDoor();
  await door.submit("k");
  for (const headers of [
    { "X-API-KEY": apiKey },
    { "X-API-KEY": "wrong" },
    { Authorization: `Bearer ${apiKey}` },
    { Authorization: "Basic eDp5" },
  ] as Record<string, string>[]) {
    expect(await codeOf(claimRaw(door, "", headers))).toBe("unauthenticated");
  }
  expect((await fetch(`${door.api}/work/claim`, { method: "POST" })).status).toBe(401);
  expect((await door.call("/jobs", { headers: { "X-API-KEY": workerToken } })).status).toBe(401);
  const bearer = await claimRaw(door, "", { Authorization: `Bearer ${workerToken}` });
  expect(bearer.status).toBe(200);
});

test("where workers need no token, pages of other hosts may not claim", async () => {
  await using door = await openDoor({ isOpen: true });
  await door.submit("k");
  const post = (headers: Record<string, string>) =>
    fetch(`${door.api}/work/claim?wait_s=0`, { method: "POST", headers });
  expect((await post({ Origin: "http://evil.example" })).status).toBe(403);
  using raw = await openRaw(door.listener.port);
  raw.send("POST /api/work/claim HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n");
  expect(rawStatus(await raw.until("}"))).toBe(421);
  expect((await post({})).status).toBe(200);
});

test("a claim refuses what it does not understand", async () => {
  await using door = await openDoor();
  const wrongQueries = ["?wait_s=61", "?wait_s=-1", "?wait_s=x", "?lease_s=0", "?lease_s=86401"];
  for (const query of wrongQueries) expect(await codeOf(claimRaw(door, query))).toBe("malformed");
  expect(await codeOf(claimRaw(door, "?waits=1"))).toBe("unknown-option");
  const wrongHeaders: Record<string, string>[] = [
    { "Gridlike-Claim": "two words" },
    { "Gridlike-Claim": "x".repeat(claimWordCharactersMax + 1) },
    { "Gridlike-Worker": "%zz" },
    { "Gridlike-Worker": "%00" },
    { "Gridlike-Worker": "x".repeat(300) },
    { "Gridlike-Worker-Name": "%E2%80%AE" },
    { "Gridlike-Worker-Name": "\u00fc" },
  ];
  for (const headers of wrongHeaders) {
    expect(await codeOf(claimRaw(door, "?wait_s=0", headers))).toBe("malformed");
  }
});

test("Gridlike-Claim makes a repeated call get the same job and token", async () => {
  await using door = await openDoor();
  await door.submit("a");
  await door.submit("b");
  const headers = { "Gridlike-Claim": "once", "Gridlike-Worker": "w" };
  const [first, again] = [await claim(door, "", headers), await claim(door, "", headers)];
  expect([again.body, again.id, again.token]).toEqual(["a", first.id, first.token]);
  expect(await (await again.put("r")).json()).toEqual({ verdict: "committed" });
  expect((await claim(door, "", headers)).body).toBe("b");
});

test("workers are shown by the names they bring, else by their address", async () => {
  await using door = await openDoor();
  await door.submit("a");
  await door.submit("b");
  await claim(door, "", { "Gridlike-Worker": "w%C3%BC", "Gridlike-Worker-Name": "the lab" });
  await claim(door);
  const shown = (await (await door.call("/workers")).json()) as WireWorker[];
  expect(shown).toMatchObject([
    { id: "wü", name: "the lab", protocol: "pull", state: "busy" },
    { id: "pull-127.0.0.1", name: "pull-127.0.0.1", address: "127.0.0.1" },
  ]);
});

test("a client that vanishes while it waits takes no job with it", async () => {
  await using door = await openDoor();
  const raw = await openRaw(door.listener.port);
  raw.send(
    `POST /api/work/claim?wait_s=60 HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: ${workerToken}\r\nContent-Length: 0\r\n\r\n`,
  );
  const workers = async () => (await (await door.call("/workers")).json()) as WireWorker[];
  while ((await workers()).length === 0);
  raw.reset();
  while ((await workers()).length > 0);
  await door.submit("k");
  expect(await jobOf(door, "k")).toMatchObject({ status: "pending", attempts: 0 });
});

test("the payload of an attempt can be read again, in parts, and before it is read at all", async () => {
  await using door = await openDoor();
  const large = "0123456789".repeat(20);
  await door.submit("k", large);
  const { call } = await claim(door);
  expect(await (await call("payload")).text()).toBe(large);
  const part = await call("payload", { headers: { Range: "bytes=5-9" } });
  expect([part.status, await part.text()]).toEqual([206, "56789"]);
  expect((await call("payload", { headers: { Range: "bytes=999-" } })).status).toBe(416);
  const etag = part.headers.get("etag") ?? "";
  expect((await call("payload", { headers: { "If-None-Match": etag } })).status).toBe(304);
  const head = await call("payload", { method: "HEAD" });
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "200"]);
});

test("PUT result completes the job, answers after the commit, and keeps the media type [GL-12]", async () => {
  await using door = await openDoor({ types: typed });
  await door.call("/jobs/submit/sample?key=k", { method: "POST", body: "s" });
  const { put } = await claim(door, "", { type: "sample" });
  const answer = await put("result", {
    "Content-Type": "text/csv",
    "Content-Digest": digestOf("result"),
  });
  expect([answer.status, await answer.json()]).toEqual([200, { verdict: "committed" }]);
  const result = await door.call("/jobs/k/result");
  expect([await result.text(), result.headers.get("content-type")]).toEqual(["result", "text/csv"]);
  expect((await claim(door, "", { type: "collide" })).body).toBe("result");
});

test("PUT result of every size arrives, also the empty one", async () => {
  await using door = await openDoor();
  for (const size of [0, 1, 64, 65, 100_000, 1024 * 1024]) {
    await door.submit(`k${size}`);
    const { put } = await claim(door);
    expect(await (await put("r".repeat(size))).json()).toEqual({ verdict: "committed" });
    expect((await (await door.call(`/jobs/k${size}/result`)).text()).length).toBe(size);
  }
});

test("PUT result refuses what is damaged, too large or encoded, and the attempt stays open", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: 1_000 })] });
  await door.submit("k");
  const { put } = await claim(door);
  const large = "x".repeat(500);
  const digest = digestOf("other");
  expect(await codeOf(put(large, { "Content-Digest": digest }))).toBe("digest-mismatch");
  expect(await codeOf(put("x", { "Content-Digest": "nonsense" }))).toBe("malformed");
  expect(await codeOf(put("x".repeat(1_001)))).toBe("payload-too-large");
  expect(await codeOf(put("x", { "Content-Encoding": "gzip" }))).toBe("malformed");
  expect(await codeOf(put("x", { "Content-Type": "no type" }))).toBe("malformed");
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 1 });
  expect(await (await put("x".repeat(1_000))).json()).toEqual({ verdict: "committed" });
});

test("a verdict says what became of a result [GL-12]", async () => {
  await using door = await openDoor();
  const verdict = async (answer: Promise<Response>) =>
    ((await (await answer).json()) as { readonly verdict: string }).verdict;
  await door.submit("k");
  const first = await claim(door);
  expect(await verdict(first.put("r"))).toBe("committed");
  expect(await verdict(first.put("r"))).toBe("committed");
  expect(await verdict(first.put("s"))).toBe("conflict");
  expect(await first.tell("progress")).toBe("abandon");
  expect(await first.tell("release")).toBe("abandon");

  await door.submit("late");
  const late = await claim(door, "?lease_s=1");
  const next = await claim(door); // Comes when the lease has run out.
  expect([late.attempt, next.attempt]).toEqual(["1", "2"]);
  expect(await late.tell("progress", { percent: 1 })).toBe("abandon");
  expect(await verdict(late.put("late"))).toBe("committed");
  expect(await verdict(next.put("next"))).toBe("superseded");
  expect(await next.tell("progress")).toBe("abandon");

  await door.submit("gone");
  const gone = await claim(door);
  await door.call("/jobs/gone/cancel", { method: "POST" });
  expect(await verdict(gone.put("r"))).toBe("abandon");
  expect(await gone.tell("fail", {})).toBe("abandon");
  await door.call("/jobs/gone", { method: "DELETE" });
  expect(await codeOf(gone.put("r"))).toBe("no-such-job");
  expect(await door.kept()).toMatchObject({ blobs: 0 });
});

test("only the attempt's own token opens its routes", async () => {
  await using door = await openDoor();
  await door.submit("a");
  await door.submit("b");
  const [a, b] = [await claim(door), await claim(door)];
  const wrong = [b.token, "0".repeat(64), "short", "", workerToken, apiKey];
  const ways: [string, string][] = [
    ["GET", "payload"],
    ["PUT", "result"],
    ["POST", "fail"],
    ["POST", "progress"],
    ["POST", "release"],
  ];
  for (const [method, path] of ways) {
    for (const token of wrong) {
      const headers = { "Gridlike-Attempt-Token": token, "X-API-KEY": apiKey };
      expect(await codeOf(a.call(path, { method, headers }))).toBe("forbidden");
    }
    const bare = `${door.api}/work/${a.id}/1/${path}`;
    expect(await codeOf(fetch(bare, { method, headers: { "X-API-KEY": workerToken } }))).toBe(
      "unauthenticated",
    );
  }
  const headers = { "Gridlike-Attempt-Token": a.token };
  const at = (place: string) => fetch(`${door.api}/work/${place}/payload`, { headers });
  expect((await at(`${a.id}/2`)).status).toBe(403);
  expect((await at("no-such-key/1")).status).toBe(403);
  expect((await at("a/1")).status).toBe(200);
  for (const attempt of ["0", "x", "-1", "1e3"]) {
    expect(await codeOf(at(`${a.id}/${attempt}`))).toBe("malformed");
  }
  expect(
    (await a.call("result", { method: "HEAD", headers: { "Gridlike-Attempt-Token": b.token } }))
      .status,
  ).toBe(403);
});

test("POST fail records what the worker says, and what may be tried again [GL-27]", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const said = { info: "the mesh is open", logs: "line 1\nline 2", retryable: false };
  expect(await (await claim(door)).tell("fail", said)).toBe("committed");
  expect(await jobOf(door, "k")).toMatchObject({
    status: "failed",
    reason: "error",
    info: said.info,
  });
  const history = (await (await door.call("/jobs/k/history")).json()) as WireHistory;
  expect(history.attempts).toMatchObject([{ outcome: "failed", logs: said.logs }]);
  await door.submit("code", "x", "&max_attempts=1");
  await (await claim(door)).tell("fail", { exit_code: 3 });
  expect(await jobOf(door, "code")).toMatchObject({ info: "The command ended with exit code 3." });
  await door.submit("signal", "x", "&max_attempts=1");
  await (await claim(door)).tell("fail", { signal: "SIGKILL", exit_code: null });
  expect(await jobOf(door, "signal")).toMatchObject({
    reason: "exhausted",
    info: "The command ended with signal SIGKILL.",
  });
  await door.submit("again");
  await (await claim(door)).tell("fail");
  expect(await jobOf(door, "again")).toMatchObject({ status: "pending", failures: 1, info: null });
});

test("POST fail cuts what is long, and refuses what is no report", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const { call, tell } = await claim(door);
  const post = (body: string | Uint8Array<ArrayBuffer>) => call("fail", { method: "POST", body });
  for (const body of [
    "{",
    "[]",
    "1",
    '"x"',
    '{"info":1}',
    '{"retryable":"no"}',
    '{"exit_code":1.5}',
  ]) {
    expect([body, await codeOf(post(body))]).toEqual([body, "malformed"]);
  }
  expect(await codeOf(post(new Uint8Array([0x22, 0xff, 0x22])))).toBe("malformed");
  expect(await codeOf(post("[".repeat(100_000)))).toBe("malformed");
  expect(await codeOf(post(" ".repeat(reportBytesMax + 1)))).toBe("payload-too-large");
  expect((await jobOf(door, "k")).status).toBe("running");
  await tell("fail", { info: "x".repeat(10_000), retryable: false, unknown: 1 });
  expect((await jobOf(door, "k")).info).toBe("x".repeat(failureInfoCharactersMax));
});

test("POST progress shows how far it is, and says whether to go on [GL-26]", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const { tell, call } = await claim(door);
  expect(await tell("progress", { percent: 40, info: "meshing" })).toBe("continue");
  expect((await jobOf(door, "k")).progress).toEqual({ percent: 40, info: "meshing" });
  expect(await tell("progress")).toBe("continue");
  expect((await jobOf(door, "k")).progress).toEqual({ percent: 40, info: "meshing" });
  for (const body of ['{"percent":101}', '{"percent":-1}', '{"percent":"4"}', '{"info":4}']) {
    expect(await codeOf(call("progress", { method: "POST", body }))).toBe("malformed");
  }
  await door.call("/jobs/k/cancel", { method: "POST" });
  expect(await tell("progress", { percent: 50 })).toBe("abandon");
});

test("POST release gives the job to whoever comes next, uncharged", async () => {
  await using door = await openDoor();
  await door.submit("k");
  expect(await (await claim(door)).tell("release", { info: "going home" })).toBe("committed");
  expect(await jobOf(door, "k")).toMatchObject({ status: "pending", failures: 0 });
  expect((await claim(door)).attempt).toBe("2");
});

test("a server that stops answers waiting claims, takes no new ones, and still takes results", async () => {
  await using door = await openDoor();
  await door.submit("k");
  const { put, answer } = await claim(door);
  const waiting = claimRaw(door, "?wait_s=60");
  while (((await (await door.call("/workers")).json()) as WireWorker[]).length < 2);
  await door.listener.drain();
  expect((await waiting).status).toBe(204);
  expect(await codeOf(claimRaw(door))).toBe("shutting-down");
  expect(await (await put("r")).json()).toEqual({ verdict: "committed" });
  expect(await (await attemptOf(door, answer.headers).put("r")).json()).toEqual({
    verdict: "committed",
  });
});
