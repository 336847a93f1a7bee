import { expect, test } from "bun:test";
import { uploadMsMax } from "../../src/domain/limits-server.ts";
import type { Problem } from "../../src/protocol/problem.ts";
import { boundary, form, formText, formType, payload } from "../support/forms.ts";
import { aType, openDoor, type Door } from "../support/http-door.ts";
import { openRaw, rawStatus } from "../support/raw-http.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const key = "X-API-KEY: api-key-of-the-tests\r\n";
const encoder = new TextEncoder();
const post = (body: string, headers: Record<string, string> = {}) => ({
  method: "POST",
  body: encoder.encode(body),
  headers,
});

/** Sends what must be refused, and answers with the problem; nothing may be left of it. */
async function refused(door: Door, path: string, request: RequestInit): Promise<Problem> {
  const before = await door.kept();
  const answer = await door.call(path, request);
  const problem = (await answer.json()) as Problem;
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(problem.status).toBe(answer.status);
  expect(problem.problem).toBe(problem.detail);
  expect(await door.kept()).toEqual(before);
  return problem;
}

test("a form without a payload is refused", async () => {
  await using door = await openDoor();
  const problem = await refused(door, "/jobs/submit", form([{ name: "key", value: "k" }]));
  expect(problem).toMatchObject({ status: 400, code: "malformed" });
  expect(problem.detail).toContain('"payload"');
});

test("a priority other than the two is refused in the words of the original [GL-03]", async () => {
  await using door = await openDoor();
  const sentence = "Unrecognized priority 'Immediate', use either 'immediate' or 'batch'";
  const asField = form([payload("x".repeat(100)), { name: "Priority", value: "Immediate" }]);
  const asQuery = post("x".repeat(100));
  for (const problem of [
    await refused(door, "/jobs/submit", asField),
    await refused(door, "/jobs/submit?priority=Immediate", asQuery),
  ]) {
    expect(problem).toMatchObject({ status: 400, code: "malformed", problem: sentence });
  }
});

test("a taken key is refused when anything but words for people differs [GL-04]", async () => {
  await using door = await openDoor({ types: [aType({ name: "a" }), aType({ name: "b" })] });
  const bytes = "x".repeat(100);
  await door.call("/jobs/submit/a?key=k", post(bytes));
  const others: readonly (readonly [string, string])[] = [
    ["/jobs/submit/a?key=k", "y".repeat(100)],
    ["/jobs/submit/a?key=k", "short"],
    ["/jobs/submit/b?key=k", bytes],
    ["/jobs/submit/a?key=k&priority=immediate", bytes],
    ["/jobs/submit/a?key=k&group=g", bytes],
    ["/jobs/submit/a?key=k&hold=1", bytes],
  ];
  for (const [path, body] of others) {
    const problem = await refused(door, path, post(body));
    expect(problem).toMatchObject({ status: 409, code: "key-taken", info: { key: "k" } });
    expect(problem.detail).toStartWith("A job with the key k already exists");
  }
});

test("keys that could not be told from numbers, ids or words of the API are refused", async () => {
  await using door = await openDoor();
  const id = await door.submit("first");
  const keys = ["12", id, "..", "submit", "a\u0000b", "a\u202eb", "x".repeat(257), "ä".repeat(129)];
  for (const bad of keys) {
    const problem = await refused(
      door,
      `/jobs/submit?key=${encodeURIComponent(bad)}`,
      post("x".repeat(100)),
    );
    expect(problem).toMatchObject({ status: 400, code: "malformed" });
  }
});

test("options out of bounds are refused, all in one answer", async () => {
  await using door = await openDoor();
  const bad = {
    max_attempts: ["0", "1001", "1.5", "-1", "x", "١"],
    timeout_s: ["0", "1e9", "-1", "Infinity", "NaN", "1.2345"],
    not_before: [
      "tomorrow",
      "2026-01-01",
      "1700000000",
      "2026-01-01T00:00:00",
      "1969-01-01T00:00:00Z",
    ],
    deadline: ["+275761-01-01T00:00:00Z"],
    hold: ["yes", "2"],
    labels: ["[]", "1", "null", "{", "x", `{"a":"${"x".repeat(17_000)}"}`, "[".repeat(10_000)],
    description: ["x".repeat(129), "a\nb", "\u202e"],
    group: [".", "x".repeat(257), "a\tb"],
    group_running_max: ["0", "1000001", "-1", "1.5", "x"],
    requires: [
      "cpus",
      "cpus=0",
      "cpu=4",
      "mem=much",
      "gpu=1.5",
      "tag=x",
      "cpus=1,cpus=2",
      ",",
      "worker=",
    ],
    content_type: ["text", "a/b\r\nX-Evil: 1", "text/ü", `a/${"b".repeat(300)}`],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const query = new URLSearchParams({ [name]: value }).toString();
      const tooLong = query.length > 8000;
      const request = tooLong ? form([payload("x"), { name, value }]) : post("x".repeat(100));
      const problem = await refused(door, `/jobs/submit${tooLong ? "" : `?${query}`}`, request);
      expect(problem).toMatchObject({ status: 400, code: "malformed" });
    }
  }
  const both = await refused(door, "/jobs/submit?hold=2&max_attempts=x", post("x"));
  expect(both.detail).toContain("hold");
  expect(both.detail).toContain("max_attempts");
});

test("group_running_max without a group is refused with the remedy", async () => {
  await using door = await openDoor();
  for (const query of ["group_running_max=3", "group_running_max=3&group="]) {
    const problem = await refused(door, `/jobs/submit?${query}`, post("x"));
    expect(problem).toMatchObject({ status: 400, code: "malformed" });
    expect(problem.detail).toContain("Give a group with it");
  }
});

test("an unknown option is refused with the nearest known one, in a query and in a form", async () => {
  await using door = await openDoor();
  const inQuery = await refused(door, "/jobs/submit?prioritty=batch", post("x".repeat(100)));
  const inForm = await refused(
    door,
    "/jobs/submit",
    form([payload("x".repeat(100)), { name: "Descripton", value: "d" }]),
  );
  expect(inQuery).toMatchObject({ status: 400, code: "unknown-option" });
  expect(inQuery.detail).toContain('Did you mean "priority"?');
  expect(inForm).toMatchObject({ status: 400, code: "unknown-option" });
  expect(inForm.detail).toContain('Did you mean "description"?');
  for (const name of ["__proto__", "constructor", "toString"]) {
    const problem = await refused(door, `/jobs/submit?${name}=1`, post("x"));
    expect(problem.code).toBe("unknown-option");
  }
});

test("an option that is promised for later is refused, never ignored", async () => {
  await using door = await openDoor();
  for (const name of ["after", "after_any", "cache", "on_done"]) {
    const inQuery = await refused(door, `/jobs/submit?${name}=x`, post("x"));
    const inForm = await refused(door, "/jobs/submit", form([{ name, value: "x" }, payload("x")]));
    for (const problem of [inQuery, inForm]) {
      expect(problem).toMatchObject({ status: 400, code: "unsupported-option" });
    }
  }
});

test("an option given twice is refused", async () => {
  await using door = await openDoor();
  const twice = [
    await refused(door, "/jobs/submit?key=a&key=b", post("x")),
    await refused(door, "/jobs/submit?key=a", form([{ name: "Key", value: "a" }, payload("x")])),
    await refused(door, "/jobs/submit", form([payload("x".repeat(100)), payload("y".repeat(100))])),
  ];
  for (const problem of twice) expect(problem).toMatchObject({ status: 400, code: "malformed" });
});

test("a malformed form is refused", async () => {
  await using door = await openDoor();
  const whole = formText([{ name: "key", value: "k" }, payload("x".repeat(200))]);
  const bodies = [
    "",
    "no form at all",
    whole.slice(0, -30),
    whole.slice(0, 100),
    whole.replace('name="key"', ""),
    `--${boundary}\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\xfe\r\n--${boundary}--\r\n`,
  ];
  for (const body of bodies) {
    const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0));
    const request = { method: "POST", body: bytes, headers: { "Content-Type": formType } };
    expect(await refused(door, "/jobs/submit", request)).toMatchObject({ code: "malformed" });
  }
  const boundless = post(whole, { "Content-Type": "multipart/form-data" });
  expect(await refused(door, "/jobs/submit", boundless)).toMatchObject({ code: "malformed" });
  const crowded = form(Array.from({ length: 40 }, (_, i) => ({ name: `a${i}`, value: "" })));
  expect((await refused(door, "/jobs/submit", crowded)).status).toBe(400);
  const wide = form([{ name: "labels", value: "x".repeat(70_000) }, payload("x")]);
  expect(await refused(door, "/jobs/submit", wide)).toMatchObject({ code: "malformed" });
});

test("a body with a content type, digest or encoding that means nothing is refused", async () => {
  await using door = await openDoor();
  const headers: readonly Record<string, string>[] = [
    { "Content-Type": "nonsense" },
    { "Content-Digest": "sha-256=AAAA" },
    { "Content-Digest": "sha-256=:AAAA:" },
    { "Content-Encoding": "gzip" },
  ];
  for (const one of headers) {
    expect(await refused(door, "/jobs/submit", post("x", one))).toMatchObject({
      code: "malformed",
    });
  }
});

test("a server with types wants one named, and knows only its own [GL-08]", async () => {
  await using door = await openDoor({
    types: [aType({ name: "sample" }), aType({ name: "collide" })],
  });
  const untyped = await refused(door, "/jobs/submit", post("x"));
  expect(untyped).toMatchObject({ status: 400, info: { types: ["sample", "collide"] } });
  const unknown = await refused(door, "/jobs/submit/smaple", post("x"));
  expect(unknown).toMatchObject({ status: 404, code: "no-such-type" });
  expect(unknown.detail).toContain("sample");
});

test("a server without types refuses a type", async () => {
  await using door = await openDoor();
  expect(await refused(door, "/jobs/submit/sample", post("x"))).toMatchObject({
    code: "no-such-type",
  });
});

test("a payload over the limit is refused, whatever its size is said to be", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: 100_000 })] });
  await door.submit("fits", "x".repeat(100_000));
  const large = "x".repeat(100_001);
  const problems = [
    await refused(door, "/jobs/submit", post(large)),
    await refused(door, "/jobs/submit", form([payload(large)])),
  ];
  for (const problem of problems) {
    expect(problem).toMatchObject({ status: 413, code: "payload-too-large" });
  }
});

test("a payload over the limit is answered while it still comes", async () => {
  await using door = await openDoor({ types: [aType({ payloadBytesMax: 1000 })] });
  using declared = await openRaw(door.listener.port);
  declared.send(
    `POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\n${key}Content-Length: 9999999999\r\n\r\nabc`,
  );
  expect(rawStatus(await declared.until("payload-too-large"))).toBe(413);
  using chunked = await openRaw(door.listener.port);
  chunked.send(
    `POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\n${key}Transfer-Encoding: chunked\r\n\r\n`,
  );
  chunked.send(`800\r\n${"x".repeat(2048)}\r\n`);
  expect(rawStatus(await chunked.until("payload-too-large"))).toBe(413);
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
});

test("a body that is cut off leaves nothing behind [GL-07]", async () => {
  await using door = await openDoor();
  const head = `POST /api/jobs/submit?key=cut HTTP/1.1\r\nHost: localhost\r\n${key}`;
  const formHead = `POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\n${key}Content-Type: ${formType}\r\n`;
  const half = formText([{ name: "key", value: "cut" }, payload("x".repeat(5000))]).slice(0, 3000);
  const cuts = [
    `${head}Content-Length: 200000\r\n\r\n${"x".repeat(100_000)}`,
    `${head}Content-Length: 1000\r\n\r\n${"x".repeat(500)}`,
    `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    `${formHead}Content-Length: 100000\r\n\r\n${half}`,
    `${formHead}Transfer-Encoding: chunked\r\n\r\nbb8\r\n${half}\r\n`,
  ];
  for (const cut of cuts) {
    for (const leave of ["end", "reset"] as const) {
      using raw = await openRaw(door.listener.port);
      raw.send(cut);
      raw[leave]();
      await raw.closed();
    }
  }
  // The key was never taken: the next submission is the first.
  await door.submit("cut", "whole".repeat(100));
  expect(await door.kept()).toEqual({ blobs: 1, jobs: 1 });
});

test("a body that comes slower than a kibibyte per second is cut off", async () => {
  const clock = createVirtualClock();
  await using door = await openDoor({ clock });
  using raw = await openRaw(door.listener.port);
  raw.send(
    `POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\n${key}Content-Length: 900000\r\n\r\n${"x".repeat(70_000)}`,
  );
  while (clock.timerCount() === 0) await new Promise(setImmediate);
  clock.advance(60_000);
  expect(clock.timerCount()).toBe(1);
  clock.advance(60_000);
  expect(rawStatus(await raw.until("slower than 1024 bytes per second"))).toBe(400);
  expect(clock.timerCount()).toBe(0);
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
});

test("a body that takes longer than any should is cut off, however steadily it comes", async () => {
  const still = createVirtualClock();
  let laterMs = 0;
  const clock = { ...still, monotonicMs: () => still.monotonicMs() + laterMs };
  await using door = await openDoor({ clock });
  using raw = await openRaw(door.listener.port);
  raw.send(
    `POST /api/jobs/submit HTTP/1.1\r\nHost: localhost\r\n${key}Content-Length: 900000\r\n\r\n${"x".repeat(70_000)}`,
  );
  while (still.timerCount() === 0) await new Promise(setImmediate);
  laterMs = uploadMsMax + 1;
  raw.send("x");
  expect(rawStatus(await raw.until("more than 6 hours"))).toBe(400);
  expect(await door.kept()).toEqual({ blobs: 0, jobs: 0 });
});
