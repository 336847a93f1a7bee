import { expect, test } from "bun:test";
import type { Log } from "../../src/platform/log.ts";
import { encodeMessage } from "../../src/protocol/frame.ts";
import { framesType, linesOf, lineType, parseLines, type Line } from "../support/answer-lines.ts";
import { formText, formType } from "../support/forms.ts";
import { apiKey, openDoor, type Door } from "../support/http-door.ts";
import { openRaw } from "../support/raw-http.ts";

const encoder = new TextEncoder();

/** A bulk submission whose body is sent piece by piece, in chunks. */
async function openStream(door: Door, contentType = "application/x-ndjson") {
  const raw = await openRaw(door.listener.port);
  raw.send(
    `POST /api/jobs/submit-many HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-KEY: ${apiKey}\r\n` +
      `Content-Type: ${contentType}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const send = (text: string) => raw.send(`${text.length.toString(16)}\r\n${text}\r\n`);
  const end = () => raw.send("0\r\n\r\n");
  return { raw, send, end, [Symbol.dispose]: () => raw[Symbol.dispose]() };
}

/** The lines of an answer that came in chunks. */
function linesIn(text: string): readonly Line[] {
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  return parseLines(
    body.replaceAll(/[0-9a-f]+\r\n([^]*?)\r\n(?=[0-9a-f]+\r\n|$)/g, "$1").replaceAll("\r\n", ""),
  );
}

const line = (key: string) => `{"key":"${key}","payload":"${key}"}\n`;

/** Ends when the server has noticed that its client has gone. */
function logOf(event: string) {
  const logged = Promise.withResolvers<void>();
  const note = (name: string) => {
    if (name === event) logged.resolve();
  };
  const log: Log = { info: note, warn: note, error: note };
  return { log, logged: logged.promise };
}

test("POST /api/jobs/submit-many acknowledges what has come while the body is still open", async () => {
  await using door = await openDoor();
  using stream = await openStream(door);
  stream.send(line("a"));
  expect(await stream.raw.until('"created":"a"')).toStartWith("HTTP/1.1 202");
  stream.send('{"key":"b","pay');
  stream.send(`load":"b"}\n${line("c")}`);
  await stream.raw.until('"created":"c"');
  stream.end();
  await stream.raw.until("0\r\n\r\n");
  expect(linesIn(await stream.raw.until('"end":true'))).toMatchObject([
    { created: "a", seq: 1 },
    { created: "b", seq: 2 },
    { created: "c", seq: 3 },
    { end: true, accepted: 3, refused: 0 },
  ]);
});

test("POST /api/jobs/submit-many that is cut in the middle keeps what it acknowledged, and ends without an end", async () => {
  const { log, logged } = logOf("submit_many.aborted");
  await using door = await openDoor({ log });
  const stream = await openStream(door);
  stream.send(`${line("a")}${line("b")}{"key":"c","payload":"half`);
  const answer = await stream.raw.until('"created":"b"');
  stream.raw.reset();
  await logged;
  expect(answer).not.toContain('"end"');
  expect(await door.kept()).toMatchObject({ jobs: 2 });
  // The same again, with the same keys, is as if nothing had happened.
  const again = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: lineType,
    body: line("a") + line("b") + line("c"),
  });
  expect(await linesOf(again)).toMatchObject([
    { created: "a", replay: true },
    { created: "b", replay: true },
    { created: "c", seq: 3 },
    { end: true, accepted: 3, refused: 0 },
  ]);
});

test("POST /api/jobs/submit-many keeps no bytes of a form that is cut within a file", async () => {
  const { log, logged } = logOf("submit_many.aborted");
  await using door = await openDoor({ log });
  const large = { name: "f", filename: "large", value: "x".repeat(1000) };
  const small = { name: "f", filename: "small", value: "y" };
  const text = formText([small, large]);
  const stream = await openStream(door, formType);
  stream.send(text.slice(0, text.indexOf("xxx") + 500));
  await stream.raw.until('"created":"small"');
  stream.raw.reset();
  await logged;
  expect(await door.kept()).toEqual({ jobs: 1, blobs: 0 });
});

test("POST /api/jobs/submit-many says where a body that ends too early broke off, without an end", async () => {
  await using door = await openDoor();
  const frames = Buffer.concat([
    encodeMessage({ op: "submit", key: "a" }, encoder.encode("a")),
    encodeMessage({ op: "submit", key: "b" }, encoder.encode("b")).subarray(0, -1),
  ]);
  const answer = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: framesType,
    body: frames,
  });
  expect(await linesOf(answer)).toEqual([
    { created: "a", id: expect.any(String), seq: 1 },
    { error: expect.objectContaining({ code: "malformed" }) },
  ]);
  const text = formText([
    { name: "f", filename: "c", value: "c" },
    { name: "f", filename: "d", value: "d" },
  ]);
  const form = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: { "Content-Type": formType },
    body: text.slice(0, text.lastIndexOf("d\r\n")),
  });
  expect(await linesOf(form)).toEqual([
    { created: "c", id: expect.any(String), seq: 2 },
    { error: expect.objectContaining({ code: "malformed" }) },
  ]);
});

test("POST /api/jobs/submit-many takes in what came before frames that cannot be read on", async () => {
  await using door = await openDoor();
  const frames = Buffer.concat([
    encodeMessage({ op: "submit", key: "a" }, encoder.encode("a")),
    new Uint8Array(8),
    encodeMessage({ op: "submit", key: "b" }, encoder.encode("b")),
  ]);
  const answer = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: framesType,
    body: frames,
  });
  expect(await linesOf(answer)).toEqual([
    { created: "a", id: expect.any(String), seq: 1 },
    { error: expect.objectContaining({ code: "malformed" }) },
  ]);
});

test("POST /api/jobs/submit-many is cut off by a server that stops, after what it acknowledged", async () => {
  await using door = await openDoor();
  using stream = await openStream(door);
  stream.send(line("a"));
  await stream.raw.until('"created":"a"');
  const drained = door.listener.drain();
  stream.send(line("b")); // Uploads that are under way may finish.
  await stream.raw.until('"created":"b"');
  stream.end();
  await drained;
  expect(await stream.raw.until('"end":true')).toContain('"accepted":2');
  const late = await door.call("/jobs/submit-many", {
    method: "POST",
    headers: lineType,
    body: "",
  });
  expect(late.status).toBe(503);
});

test("POST /api/jobs/submit-many serves a client that reads nothing before it has sent everything", async () => {
  await using door = await openDoor();
  using raw = await openRaw(door.listener.port);
  raw.pause();
  const count = 20_000; // About 2 MB of answer: more than the sockets hold.
  const body = Array.from({ length: count }, (_, n) => line(`${"k".repeat(20)}-${n}`)).join("");
  raw.send(
    `POST /api/jobs/submit-many HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-KEY: ${apiKey}\r\n` +
      `Content-Type: application/x-ndjson\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
  );
  raw.send(body);
  const last = { by: "key", key: `${"k".repeat(20)}-${count - 1}` } as const;
  for (;;) {
    if ((await door.broker.count({ status: "pending" })) === count) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await door.broker.get(last)).seq).toBe(count);
  raw.resume();
  expect(await raw.until('"end":true')).toContain(`"accepted":${count}`);
}, 30_000);
