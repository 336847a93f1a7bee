// What running jobs say on its way to the server, and messages on their way into frames.

import { expect, test } from "bun:test";
import { createJobWords } from "../../../src/agent/conversation/job-words.ts";
import { packFrames } from "../../../src/agent/conversation/pack-frames.ts";
import { frameBytesMax, frameMessageCountMax } from "../../../src/domain/limits.ts";
import type { Message } from "../../../src/protocol/frame.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (all: Uint8Array) => new TextDecoder().decode(all);
const name = { job: "a", attempt: 1 };
const facts = (messages: readonly Message[]) =>
  messages.map(({ header, body }) => [header.op, header["stream"], header["offset"], text(body)]);

test("take() passes on what a job said, with where in its stream it stands", () => {
  const words = createJobWords(name, { logBytesMax: 1000 });
  words.report.log("stderr", bytes("one "));
  words.report.log("stderr", bytes("two"));
  words.report.log("stdout", bytes("out"));
  expect(facts(words.take(0))).toEqual([
    ["log", "stdout", 0, "out"],
    ["log", "stderr", 0, "one two"],
  ]);
  expect(words.take(0)).toEqual([]);
  words.report.log("stderr", bytes("three"));
  expect(facts(words.take(0))).toEqual([["log", "stderr", 7, "three"]]);
  expect(words.tail()).toBe("one twothree");
});

test("take() leaves out the oldest of what is too much, and says so by its offset", () => {
  const words = createJobWords(name, { logBytesMax: 10 });
  for (const piece of ["0123456789", "abcdef", "gh"]) words.report.log("stderr", bytes(piece));
  expect(facts(words.take(0))).toEqual([["log", "stderr", 8, "89abcdefgh"]]);
});

test("take() passes on 64 KiB of a stream at a time, takeRest() all of it", () => {
  const words = createJobWords(name, { logBytesMax: 1024 * 1024 });
  const all = "x".repeat(150_000);
  words.report.log("stderr", bytes(all));
  const first = words.take(0);
  const rest = words.takeRest();
  expect([...first, ...rest].map(({ header, body }) => [header["offset"], body.length])).toEqual([
    [0, 65_536],
    [65_536, 65_536],
    [131_072, 18_928],
  ]);
});

test("take() passes on the newest progress, once a second at most", () => {
  const words = createJobWords(name, { logBytesMax: 10 });
  words.report.progress(10, "a");
  words.report.progress(20, null);
  const progress = (atMs: number) =>
    words.take(atMs).map(({ header }) => [header["percent"], header["info"]]);
  expect(progress(0)).toEqual([[20, "a"]]);
  words.report.progress(30, null);
  expect(progress(999)).toEqual([]);
  expect(progress(1000)).toEqual([[30, "a"]]);
  words.report.progress(200, "x".repeat(300));
  words.report.progress(Number.NaN, null);
  expect(progress(2000)).toEqual([[100, "x".repeat(256)]]);
  expect(progress(3000)).toEqual([]);
});

test("packFrames() keeps the order, and both limits of a frame", () => {
  const small = Array.from({ length: 600 }, (_, n) => bytes(`${n};`));
  const frames = packFrames(small);
  expect(frames.map((frame) => text(frame).split(";").length - 1)).toEqual([
    frameMessageCountMax,
    frameMessageCountMax,
    88,
  ]);
  expect(frames.map(text).join("")).toBe(small.map(text).join(""));
  const large = [new Uint8Array(200_000), new Uint8Array(62_144), new Uint8Array(1)];
  expect(packFrames(large).map(({ length }) => length)).toEqual([frameBytesMax, 1]);
  expect(packFrames([])).toEqual([]);
});
