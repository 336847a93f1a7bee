import { expect, test } from "bun:test";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import { bulkBodyBytesMax, bulkLineBytesMax } from "../../src/domain/limits-server.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { framesType, linesOf, lineType, submitLines } from "../support/answer-lines.ts";
import { form, type FormPart } from "../support/forms.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";

const encoder = new TextEncoder();

async function payloadOf(door: Door, key: string): Promise<string> {
  return (await door.call(`/jobs/${encodeURIComponent(key)}/payload`)).text();
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { readonly code: string }).code;
}

function file(filename: string, value = filename, type?: string): FormPart {
  return { name: "file", filename, value, ...(type !== undefined && { type }) };
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(pieces));
}

test("POST /api/jobs/submit-many takes NDJSON and answers a line for each job, in order", async () => {
  await using door = await openDoor();
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  const answer = await submitLines(door, [
    { key: "text", payload: "ä\n\u{1f600}" },
    { key: "bytes", payload_base64: Buffer.from(bytes).toString("base64") },
    { payload: "" },
  ]);
  expect(answer.status).toBe(202);
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  const [text, binary, keyless, end, ...rest] = await linesOf(answer);
  expect(text).toEqual({ created: "text", id: expect.any(String), seq: 1 });
  expect(binary).toEqual({ created: "bytes", id: expect.any(String), seq: 2 });
  expect(keyless).toEqual({ created: keyless?.["id"], id: expect.any(String), seq: 3 });
  expect(end).toEqual({ end: true, accepted: 3, refused: 0 });
  expect(rest).toEqual([]);
  expect(await payloadOf(door, "text")).toBe("ä\n\u{1f600}");
  const kept = await (await door.call("/jobs/bytes/payload")).bytes();
  expect(sha256Hex(kept)).toBe(sha256Hex(bytes)); // Above 64 bytes it is a blob here.
});

test("POST /api/jobs/submit-many does not let bad lines spoil the good ones", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: 1000 })] });
  await door.submit("standing", "other bytes");
  const answer = await submitLines(door, [
    { key: "a", payload: "x" },
    "{ no json",
    "",
    '["a list"]',
    { key: "12345", payload: "x" },
    { key: "b", payload: "x", payload_base64: "eA==" },
    { key: "b" },
    { key: "b", payload: 7 },
    { key: "b", payload_base64: "?" },
    { key: "b", payload: "x", colour: "red" },
    { key: "b", payload: "x", after: "a" },
    { key: "b", payload: "x", priority: "soon" },
    { key: "b", payload: "x", group: ["list"] },
    '{"key":"b","payload":"\\ud800"}',
    { key: "standing", payload: "x" },
    { key: "b", payload: "y".repeat(1001) },
    { key: 4.5, payload: "x" },
    "\r",
    { key: "c", payload: "x" },
  ]);
  const lines = await linesOf(answer);
  const shown = lines.map((line) => {
    const error = line["error"] as { readonly code: string } | undefined;
    return error === undefined
      ? (line["created"] ?? "end")
      : `${String(line["line"])} ${error.code}`;
  });
  expect(shown).toEqual([
    "a",
    "2 malformed",
    "4 malformed",
    "5 malformed",
    "6 malformed",
    "7 malformed",
    "8 malformed",
    "9 malformed",
    "10 unknown-option",
    "11 unsupported-option",
    "12 malformed",
    "13 malformed",
    "14 malformed",
    "15 key-taken",
    "16 payload-too-large",
    "4.5",
    "c",
    "end",
  ]);
  expect(lines.at(-1)).toEqual({ end: true, accepted: 3, refused: 14 });
  expect(lines[1]).toEqual({
    error: expect.objectContaining({
      status: 400,
      title: expect.any(String),
      detail: expect.any(String),
    }),
    line: 2,
  });
  expect((await door.kept()).jobs).toBe(4);
});

test("POST /api/jobs/submit-many answers what stands already with replay, within and across requests", async () => {
  await using door = await openDoor();
  const job = { key: "k", payload: "z".repeat(100), group: "g" };
  const first = await linesOf(await submitLines(door, [job, job, { ...job, payload: "other" }]));
  expect(first).toMatchObject([
    { created: "k", seq: 1 },
    { created: "k", seq: 1, replay: true },
    { error: { code: "key-taken", status: 409 }, line: 3 },
    { end: true, accepted: 2, refused: 1 },
  ]);
  expect(first[0]).not.toHaveProperty("replay");
  const again = await linesOf(await submitLines(door, [job]));
  expect(again[0]).toEqual({ created: "k", id: first[0]?.["id"], seq: 1, replay: true });
  expect(await door.kept()).toEqual({ jobs: 1, blobs: 1 }); // Bytes that were not used are taken away.
});

test("POST /api/jobs/submit-many keeps the options of each line, and those of the address for all", async () => {
  await using door = await openDoor();
  const lines = [
    { key: "own", payload: "x", priority: "batch", group: "mine", max_attempts: 5, hold: true },
    { key: "texts", payload: "x", timeout_s: "1.5", labels: '{"a":1}', content_type: "image/png" },
    { key: "plain", payload: "x", labels: null },
    { key: "object", payload: "x", labels: { b: [1] }, not_before: "2100-01-01T00:00:00Z" },
  ];
  const answer = await submitLines(
    door,
    lines,
    "?priority=immediate&group=all&deadline=2101-01-01T00:00:00Z",
  );
  expect((await linesOf(answer)).at(-1)).toEqual({ end: true, accepted: 4, refused: 0 });
  const get = (key: string) => door.broker.get({ by: "key", key });
  expect(await get("own")).toMatchObject({
    priority: "batch",
    group: "mine",
    held: true,
    options: { maxAttempts: 5, hold: true, deadline: Date.parse("2101-01-01T00:00:00Z") },
  });
  expect(await get("texts")).toMatchObject({
    priority: "immediate",
    group: "all",
    labels: '{"a":1}',
    payload: { contentType: "image/png" },
    options: { timeoutMs: 1500 },
  });
  expect(await get("plain")).toMatchObject({ priority: "immediate", group: "all", labels: null });
  expect(await get("object")).toMatchObject({
    labels: '{"b":[1]}',
    status: "pending",
    readyAt: Date.parse("2100-01-01T00:00:00Z"),
  });
});

test("POST /api/jobs/submit-many gives jobs a deadline that is kept", async () => {
  await using door = await openDoor();
  const past = { payload: "x", deadline: "2020-01-01T00:00:00Z" };
  await linesOf(await submitLines(door, [{ key: "late", ...past }]));
  const late = await door.broker.wait(
    { by: "key", key: "late" },
    4_000,
    AbortSignal.timeout(4_000),
  );
  expect(late).toMatchObject({ status: "failed", reason: "expired" });
});

test("POST /api/jobs/submit-many with the type in its path submits to that type", async () => {
  await using door = await openDoor({ types: [aType({ name: "a" }), aType({ name: "b" })] });
  await linesOf(await submitLines(door, [{ key: "k", payload: "x" }], "/b"));
  expect((await door.broker.get({ by: "key", key: "k" })).type).toBe("b");
  expect(await codeOf(await submitLines(door, [], ""))).toBe("malformed");
  expect(await codeOf(await submitLines(door, [], "/c"))).toBe("no-such-type");
});

test("POST /api/jobs/submit-many refuses as a whole what can be told before the first job", async () => {
  await using door = await openDoor();
  const post = (query: string, headers: Record<string, string>) =>
    door.call(`/jobs/submit-many${query}`, { method: "POST", body: "{}\n", headers });
  expect(await codeOf(await post("?colour=red", lineType))).toBe("unknown-option");
  expect(await codeOf(await post("?priority=soon", lineType))).toBe("malformed");
  expect(await codeOf(await post("?key=k", lineType))).toBe("malformed");
  expect(await codeOf(await post("", { "Content-Type": "image/png" }))).toBe("malformed");
  expect(await codeOf(await post("", { "Content-Type": "multipart/form-data" }))).toBe("malformed");
  expect(await codeOf(await post("", { ...lineType, "Content-Encoding": "gzip" }))).toBe(
    "malformed",
  );
  const digest = { ...lineType, "Content-Digest": "sha-256=:AAAA:" };
  expect(await codeOf(await post("", digest))).toBe("unsupported-option");
  expect((await post("", { ...lineType, "X-API-KEY": "wrong" })).status).toBe(401);
  const frames = await door.call("/jobs/submit-many", {
    method: "POST",
    body: "\0\0\0\0\0\0\0\0",
    headers: framesType,
  });
  expect([frames.status, await codeOf(frames)]).toEqual([400, "malformed"]);
});

test("POST /api/jobs/submit-many takes an empty body, and what plain curl says of one", async () => {
  await using door = await openDoor();
  expect(await linesOf(await submitLines(door, []))).toEqual([
    { end: true, accepted: 0, refused: 0 },
  ]);
  const curl = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: '{"key":"k","payload":"no line end"}',
  });
  expect(await linesOf(curl)).toMatchObject([{ created: "k" }, { end: true, accepted: 1 }]);
});

test("POST /api/jobs/submit-many leaves a line out that is too long, and reads on", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: bulkLineBytesMax })] });
  const lines = await linesOf(
    await submitLines(door, [
      { key: "a", payload: "x" },
      { key: "long", payload: "y".repeat(bulkLineBytesMax) },
      { key: "b", payload: "y".repeat(bulkLineBytesMax / 2) },
      "z".repeat(3 * bulkLineBytesMax),
      { key: "c", payload: "x" },
    ]),
  );
  expect(lines).toMatchObject([
    { created: "a" },
    { error: { code: "payload-too-large" }, line: 2 },
    { created: "b" },
    { error: { code: "payload-too-large" }, line: 4 },
    { created: "c" },
    { end: true, accepted: 3, refused: 2 },
  ]);
});

test("POST /api/jobs/submit-many takes framed messages", async () => {
  await using door = await openDoor();
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256);
  const answer = await door.call("/jobs/submit-many?group=g", {
    method: "POST",
    headers: framesType,
    body: join([
      encodeMessage({ op: "submit", id: 1, key: "a", priority: "immediate" }, bytes),
      encodeMessage({ op: "watch", key: "a" }),
      encodeMessage({ op: "submit", key: "large" }, new Uint8Array(bulkBodyBytesMax + 1)),
      encodeMessage({ op: "submit", key: "b", colour: "red" }),
      encodeMessage({ op: "submit", key: "c", labels: { n: 1 } }, encoder.encode("c")),
      encodeMessage({ op: "submit" }),
    ]),
  });
  expect(await linesOf(answer)).toMatchObject([
    { created: "a", seq: 1 },
    { error: { code: "unknown-op" }, line: 2 },
    { error: { code: "payload-too-large" }, line: 3 },
    { error: { code: "unknown-option" }, line: 4 },
    { created: "c", seq: 2 },
    { seq: 3 },
    { end: true, accepted: 3, refused: 3 },
  ]);
  expect(await door.broker.get({ by: "key", key: "a" })).toMatchObject({
    group: "g",
    priority: "immediate",
    payload: { sha256: sha256Hex(bytes) },
  });
});

test("POST /api/jobs/submit-many takes a form: each file is a job, its name the key", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: 100_000 })] });
  const answer = await door.call(
    "/jobs/submit-many?max_attempts=7",
    form([
      { name: "Priority", value: "immediate" },
      { name: "group", value: "night" },
      file("frames/1.png", "one", "image/png"),
      file("2024", "a number is no key"),
      file("large", "x".repeat(100_001)),
      { name: "key", value: "own key" },
      file("2.png", "two", "application/octet-stream"),
      file("", "keyless"),
      file("frames/1.png", "other bytes", "image/png"),
    ]),
  );
  expect(answer.status).toBe(202);
  const lines = await linesOf(answer);
  expect(lines).toMatchObject([
    { created: "frames/1.png", seq: 1 },
    { error: { code: "malformed" }, line: 2 },
    { error: { code: "payload-too-large" }, line: 3 },
    { created: "own key", seq: 2 },
    { created: lines[4]?.["id"], seq: 3 },
    { error: { code: "key-taken" }, line: 6 },
    { end: true, accepted: 3, refused: 3 },
  ]);
  expect(await door.broker.get({ by: "key", key: "frames/1.png" })).toMatchObject({
    priority: "immediate",
    group: "night",
    payload: { contentType: "image/png", size: 3 },
    options: { maxAttempts: 7 },
  });
  expect(await payloadOf(door, "own key")).toBe("two");
  expect((await door.kept()).blobs).toBe(0);
});

test("POST /api/jobs/submit-many refuses forms whose fields are wrong, before a job as a whole", async () => {
  await using door = await openDoor();
  const post = (parts: readonly FormPart[]) => door.call("/jobs/submit-many", form(parts));
  const refused = [
    [{ name: "colour", value: "red" }, file("a")],
    [{ name: "priority", value: "soon" }, file("a")],
    [{ name: "group", value: "g" }, { name: "group", value: "h" }, file("a")],
    [{ name: "key", value: "k" }],
    [{ name: "key", value: "k" }, { name: "key", value: "l" }, file("a")],
  ];
  for (const parts of refused) expect((await post(parts)).status).toBe(400);
  expect((await door.kept()).jobs).toBe(0);
  const late = await post([file("a"), { name: "group", value: "g" }, file("b")]);
  expect(await linesOf(late)).toEqual([
    { created: "a", id: expect.any(String), seq: 1 },
    { error: expect.objectContaining({ code: "malformed" }) },
  ]);
});

test("POST /api/jobs/submit-many wakes workers that wait for a job", async () => {
  await using door = await openDoor();
  const worker = { id: "w", name: "w" };
  const request = { type: "", worker, address: "", waitMs: 10_000, leaseMs: 60_000, claim: null };
  const pulled = door.broker.pull(request, AbortSignal.timeout(10_000));
  await linesOf(await submitLines(door, [{ key: "k", payload: "x" }]));
  expect((await pulled)?.job.key).toBe("k");
});
