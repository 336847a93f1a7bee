import { expect, test } from "bun:test";
import { judgeEnd } from "../../../src/agent/command/judge-end.ts";

const limits = { timeoutMs: 1_500, resultBytesMax: 10 };
const exited = (code: number | null, signal: string | null = null) =>
  judgeEnd(
    {
      kind: "exited",
      exit: { code, signal },
      stdout: { kind: "bytes", bytes: new Uint8Array(0) },
    },
    limits,
  );

test("judgeEnd() takes 0 for done, 86 for failed for good, all else for failed", () => {
  expect(exited(0)).toBe("done");
  expect(exited(86)).toMatchObject({ kind: "failed", exitCode: 86, retryable: false });
  expect(exited(1)).toMatchObject({ kind: "failed", exitCode: 1, retryable: true });
  expect(exited(255)).toMatchObject({ info: "The program ended with exit code 255." });
});

test("judgeEnd() names the signal, and what a kill from outside often means", () => {
  const segv = { info: "The program was ended by SIGSEGV.", signal: "SIGSEGV", exitCode: null };
  expect(exited(null, "SIGSEGV")).toMatchObject(segv);
  expect(exited(null, "SIGKILL")).toMatchObject({ info: expect.stringContaining("memory") });
});

test("judgeEnd() charges nobody for a program that could not be started", () => {
  const started = (code: string) => judgeEnd({ kind: "not-started", code }, limits);
  expect(started("ENOENT")).toEqual({ kind: "released", why: "unsupported" });
  expect(started("EACCES")).toEqual({ kind: "released", why: "unsupported" });
  expect(started("EAGAIN")).toEqual({ kind: "released", why: "preempted" });
  expect(judgeEnd({ kind: "no-space" }, limits)).toEqual({ kind: "released", why: "no_space" });
});

test("judgeEnd() says which limit was met", () => {
  const timeout = judgeEnd({ kind: "timeout" }, limits);
  expect(timeout).toMatchObject({ retryable: true, info: expect.stringContaining("1.5 s") });
  const large = judgeEnd({ kind: "too-large" }, limits);
  expect(large).toMatchObject({ kind: "failed", info: expect.stringContaining("10 bytes") });
  expect(judgeEnd({ kind: "stopped" }, limits)).toEqual({ kind: "stopped" });
});
