import { expect, test } from "bun:test";
import { createLiveLogs, type LogPiece } from "../../../src/broker/live-logs.ts";
import { liveLogBytesMax, liveLogsBytesMax } from "../../../src/domain/limits.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const stdout = (offset: number, text: string, attempt = 1) => {
  return { attempt, stream: "stdout", offset, bytes: bytes(text) } as const;
};
const stderr = (offset: number, text: string) =>
  ({ ...stdout(offset, text), stream: "stderr" }) as const;

test("text() is what was said in the order in which it came", () => {
  const logs = createLiveLogs();
  logs.put(1, stdout(0, "a"));
  logs.put(1, stderr(0, "B"));
  logs.put(1, stdout(1, "c"));
  expect(logs.text(1, 1)).toBe("aBc");
  expect([logs.text(1, 2), logs.text(2, 1)]).toEqual([null, null]);
});

test("put() takes what is said again once, also in other pieces", () => {
  const logs = createLiveLogs();
  logs.put(1, stdout(0, "abc"));
  logs.put(1, stdout(0, "abc"));
  logs.put(1, stdout(1, "bcde"));
  logs.put(1, stdout(3, "de"));
  expect(logs.text(1, 1)).toBe("abcde");
  logs.put(1, stdout(9, "z")); // What was dropped on the way stays away.
  logs.put(1, stdout(5, "later"));
  expect(logs.text(1, 1)).toBe("abcdez");
});

test("put() keeps the end of each attempt, and forgets the attempt before", () => {
  const logs = createLiveLogs();
  const chunk = "x".repeat(64 * 1024);
  for (let count = 0; count < 8; count += 1) logs.put(1, stdout(count * chunk.length, chunk));
  logs.put(1, stdout(8 * chunk.length, "end"));
  const text = logs.text(1, 1) ?? "";
  expect(text.length).toBeLessThanOrEqual(liveLogBytesMax);
  expect(text.length).toBeGreaterThan(liveLogBytesMax * 0.9);
  expect(text.endsWith("xend")).toBe(true);
  logs.put(1, stdout(0, "again", 2));
  expect([logs.text(1, 1), logs.text(1, 2)]).toEqual([null, "again"]);
});

test("put() takes thousands of small pieces of both streams, with what they cost", () => {
  const logs = createLiveLogs();
  for (let at = 0; at < 20_000; at += 1) {
    logs.put(1, stdout(at, "o"));
    logs.put(1, stderr(at, "e"));
  }
  const text = logs.text(1, 1) ?? "";
  expect(text.endsWith("oeoe")).toBe(true);
  expect(text.length).toBeLessThan(liveLogBytesMax / 100);
  for (let at = 20_000; at < 40_000; at += 1) logs.put(1, stdout(at, "o"));
  expect((logs.text(1, 1) ?? "").length).toBeGreaterThan(19_000); // Of one stream they are joined.
});

test("put() keeps all jobs together within a bound: those that were silent for longest give way", () => {
  const logs = createLiveLogs();
  const chunk = "x".repeat(liveLogBytesMax - 1_000);
  const count = Math.ceil(liveLogsBytesMax / chunk.length) + 2;
  for (let seq = 1; seq <= count; seq += 1) {
    logs.put(seq, stdout(0, chunk));
    logs.put(1, stdout(chunk.length + seq, "."));
  }
  expect(logs.text(1, 1)?.endsWith(".")).toBe(true);
  expect(logs.text(2, 1)).toBeNull();
  expect(logs.text(count, 1)?.length).toBe(chunk.length);
  let kept = 0;
  for (let seq = 1; seq <= count; seq += 1) kept += logs.text(seq, 1)?.length ?? 0;
  expect(kept).toBeLessThanOrEqual(liveLogsBytesMax);
  // What gave way goes on where it was.
  logs.put(2, stdout(0, chunk));
  logs.put(2, stdout(chunk.length, "on"));
  expect(logs.text(2, 1)).toBe("on");
});

test("drop() forgets, and gives the room back", () => {
  const logs = createLiveLogs();
  logs.put(1, stdout(0, "a"));
  logs.drop(1);
  logs.drop(1);
  expect(logs.text(1, 1)).toBeNull();
});

test("watch() tells what is kept, then each piece, until it is left", () => {
  const logs = createLiveLogs();
  const heard: string[] = [];
  const hear = ({ attempt, stream, bytes: said }: LogPiece) =>
    heard.push(`${attempt} ${stream} ${new TextDecoder().decode(said)}`);
  logs.put(1, stdout(0, "a"));
  const leave = logs.watch(1, hear);
  logs.put(1, stdout(0, "ab"));
  logs.put(2, stdout(0, "other"));
  logs.put(1, stderr(0, "c"));
  leave();
  leave();
  logs.put(1, stdout(2, "d"));
  expect(heard).toEqual(["1 stdout a", "1 stdout b", "1 stderr c"]);
});
