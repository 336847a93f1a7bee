import { expect, test } from "bun:test";
import { sha256Hex } from "../../src/blobs/hashing.ts";
import type { WireCreated, WireJob } from "../../src/protocol/http-api.ts";
import { form, formText, formType, payload } from "../support/forms.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";

const encoder = new TextEncoder();
const post = (body: string, headers: Record<string, string> = {}) => ({
  method: "POST",
  body: encoder.encode(body),
  headers,
});

async function job(door: Door, ref: string): Promise<WireJob> {
  const answer = await door.call(`/jobs/${encodeURIComponent(ref)}`);
  return (await answer.json()) as WireJob;
}

test("POST /api/jobs/submit takes the original's form with its capital letters [GL-01]", async () => {
  await using door = await openDoor();
  const answer = await door.call(
    "/jobs/submit",
    form([
      { name: "Priority", value: "immediate" },
      { name: "Key", value: "frames/0001" },
      { name: "Description", value: "the first frame" },
      { name: "Payload", value: "bytes", filename: "f.bin", type: "application/octet-stream" },
    ]),
  );
  expect(answer.status).toBe(202);
  const created = (await answer.json()) as WireCreated;
  expect(created).toEqual({ created: "frames/0001", id: expect.any(String), seq: 1 });
  expect(answer.headers.get("idempotent-replay")).toBeNull();
  expect(await job(door, "frames/0001")).toMatchObject({
    id: created.id,
    priority: "immediate",
    status: "pending",
    description: "the first frame",
    payload: { sha256: sha256Hex(encoder.encode("bytes")), size: 5, content_type: null },
  });
});

test("POST /api/jobs/submit takes a payload that comes first [GL-01]", async () => {
  await using door = await openDoor();
  const parts = [payload("x".repeat(1000)), { name: "key", value: "k" }];
  expect((await door.call("/jobs/submit", form(parts))).status).toBe(202);
  expect((await job(door, "k")).payload.size).toBe(1000);
});

test("POST /api/jobs/submit keeps any bytes as they are [GL-02]", async () => {
  await using door = await openDoor();
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 256);
  await door.call("/jobs/submit?key=raw", { method: "POST", body: bytes });
  const kept = await (await door.call("/jobs/raw/payload")).bytes();
  expect(sha256Hex(kept)).toBe(sha256Hex(bytes));
});

test("POST /api/jobs/submit takes what plain curl sends for the payload itself", async () => {
  await using door = await openDoor();
  const type = { "Content-Type": "application/x-www-form-urlencoded" };
  await door.call("/jobs/submit?key=c&priority=immediate", post("a=1&b=2", type));
  expect(await (await door.call("/jobs/c/payload")).text()).toBe("a=1&b=2");
  expect(await job(door, "c")).toMatchObject({
    priority: "immediate",
    payload: { content_type: null },
  });
});

test("POST /api/jobs/submit takes an empty body for an empty payload", async () => {
  await using door = await openDoor();
  expect((await door.call("/jobs/submit?key=empty", { method: "POST" })).status).toBe(202);
  expect((await job(door, "empty")).payload.size).toBe(0);
});

test("POST /api/jobs/submit without a key, or with a blank one, makes the id the key [GL-05]", async () => {
  await using door = await openDoor();
  for (const query of ["", "?key=", "?key=%20"]) {
    const answer = await door.call(`/jobs/submit${query}`, post("x"));
    const { created, id } = (await answer.json()) as WireCreated;
    expect(created).toBe(id);
  }
});

test("POST /api/jobs/submit keeps a description of 128 characters [GL-06]", async () => {
  await using door = await openDoor();
  const description = "ä".repeat(127) + "😀";
  await door.submit("d", "x", `&description=${encodeURIComponent(description)}`);
  expect((await job(door, "d")).description).toBe(description);
});

test("POST /api/jobs/submit keeps every option", async () => {
  await using door = await openDoor();
  const query = new URLSearchParams({
    group: "night",
    group_running_max: "7",
    labels: '{"scene": 4, "who": ["a"]}',
    max_attempts: "5",
    timeout_s: "1.5",
    not_before: "2030-01-01T00:00:00+01:00",
    deadline: "2031-01-01T00:00:00Z",
    hold: "1",
    content_type: "image/png",
  });
  await door.submit("o", "x", `&${query.toString()}`);
  expect(await job(door, "o")).toMatchObject({
    group: "night",
    group_running_max: 7,
    labels: { scene: 4, who: ["a"] },
    not_before: "2029-12-31T23:00:00.000Z",
    payload: { content_type: "image/png" },
  });
  const { options } = await door.broker.get({ by: "key", key: "o" });
  expect(options).toMatchObject({
    maxAttempts: 5,
    timeoutMs: 1500,
    hold: true,
    groupRunningMax: 7,
  });
  expect(options.deadline).toBe(Date.parse("2031-01-01T00:00:00Z"));
});

test("POST /api/jobs/submit keeps the content type of a part or a body, unless it says nothing", async () => {
  await using door = await openDoor();
  await door.call("/jobs/submit?key=body", post("{}", { "Content-Type": "application/json" }));
  const part = { name: "payload", value: "x", filename: "a.png", type: "image/png" };
  await door.call("/jobs/submit?key=part", form([part]));
  expect((await job(door, "body")).payload.content_type).toBe("application/json");
  expect((await job(door, "part")).payload.content_type).toBe("image/png");
});

test("POST /api/jobs/submit answers the same submission with the same job [GL-04]", async () => {
  await using door = await openDoor();
  const again = () => door.call("/jobs/submit?key=k&group=g", post("x".repeat(500)));
  const first = (await (await again()).json()) as WireCreated;
  const answer = await again();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("idempotent-replay")).toBe("true");
  expect((await answer.json()) as WireCreated).toEqual(first);
  // Words for people are no difference.
  const described = await door.call(
    "/jobs/submit?key=k&group=g&description=d",
    post("x".repeat(500)),
  );
  expect(described.status).toBe(200);
  expect(await door.kept()).toEqual({ blobs: 1, jobs: 1 });
});

test("POST /api/jobs/submit makes one job of many identical submissions at once", async () => {
  await using door = await openDoor();
  const send = () => door.call("/jobs/submit?key=k", post("y".repeat(500)));
  const answers = await Promise.all(Array.from({ length: 20 }, send));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
  expect(await door.kept()).toEqual({ blobs: 1, jobs: 1 });
});

test("Location is relative and leads to the job, also with a type and behind a path base [GL-08] [GL-83]", async () => {
  const types = [aType({ name: "sample" })];
  await using door = await openDoor({ types, settings: { pathBase: "/grid/a" } });
  for (const path of ["/jobs/submit/sample", "/jobs/submit/sample/"]) {
    const answer = await door.call(path, post("x"));
    const { id } = (await answer.json()) as WireCreated;
    const location = answer.headers.get("location") ?? "";
    expect(location).not.toStartWith("/");
    expect(new URL(location, door.api + path).href).toBe(`${door.api}/jobs/${id}`);
  }
  expect(door.api).toEndWith("/grid/a/api");
});

test("POST /api/jobs/submit/{type} gives the job its type [GL-08]", async () => {
  await using door = await openDoor({
    types: [aType({ name: "sample" }), aType({ name: "collide" })],
  });
  await door.call("/jobs/submit/collide?key=k", post("x"));
  expect((await job(door, "k")).type).toBe("collide");
});

test("Content-Digest is checked over the body, for bare payloads and for forms", async () => {
  await using door = await openDoor();
  const digest = (text: string) => {
    const base64 = Uint8Array.fromHex(sha256Hex(encoder.encode(text))).toBase64();
    return { "Content-Digest": `sha-512=:AAAA:, sha-256=:${base64}:` };
  };
  const text = formText([payload("x".repeat(200))]);
  const right = [
    post("x".repeat(200), digest("x".repeat(200))),
    post(text, { ...digest(text), "Content-Type": formType }),
  ];
  for (const request of right) expect((await door.call("/jobs/submit", request)).status).toBe(202);
  const before = await door.kept();
  const wrong = [
    post("x".repeat(200), digest("y")),
    post(text, { ...digest("x".repeat(200)), "Content-Type": formType }),
  ];
  for (const request of wrong) {
    const answer = await door.call("/jobs/submit", request);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "digest-mismatch" });
  }
  expect(await door.kept()).toEqual(before);
});

test("a body in chunks of unknown number is taken like any other", async () => {
  await using door = await openDoor();
  using raw = await openRaw(door.listener.port);
  raw.send(
    "POST /api/jobs/submit?key=chunks HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: api-key-of-the-tests\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  raw.send("5\r\nhello\r\n");
  raw.send("6\r\n world\r\n0\r\n\r\n");
  expect(rawStatus(await raw.until('"seq":1}'))).toBe(202);
  expect(await (await door.call("/jobs/chunks/payload")).text()).toBe("hello world");
});

test("keys with slashes, spaces and percent signs are addressed percent-encoded", async () => {
  await using door = await openDoor();
  for (const key of ["a/b c", "100%", "ä/ö?x=1&y#z", "a%2Fb", "+1"]) {
    await door.submit(key);
    expect((await job(door, key)).key).toBe(key);
    expect(await (await door.call(`/jobs/${encodeURIComponent(key)}/payload`)).text()).toBe(key);
  }
});
