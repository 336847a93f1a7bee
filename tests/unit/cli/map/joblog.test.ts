import { expect, test } from "bun:test";
import { isHalted, parseHalt } from "../../../../src/cli/map/halt.ts";
import {
  createLogged,
  joblogHeader,
  parseJoblogLine,
  toJoblogLine,
} from "../../../../src/cli/map/joblog.ts";

const entry = {
  number: 2,
  host: ":",
  startedMs: 1_795_446_163_993,
  runtimeMs: 1,
  sentBytes: 0,
  receivedBytes: 2,
  exitValue: 3,
  signal: 0,
  command: "exit 3",
};

test("toJoblogLine() has the columns of GNU parallel, blanks included", () => {
  expect(toJoblogLine(entry)).toBe("2\t:\t1795446163.993\t     0.001\t0\t2\t3\t0\texit 3\n");
  expect(joblogHeader).toBe(
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n",
  );
});

test("parseJoblogLine() reads what toJoblogLine() wrote, lines and tabs of the command included", () => {
  const command = "printf 'a\tb\n'";
  expect(parseJoblogLine(toJoblogLine({ ...entry, command }).slice(0, -1))).toEqual({
    number: 2,
    isFailed: true,
    command,
  });
  expect(parseJoblogLine(joblogHeader.slice(0, -1))).toBeNull();
  expect(() => parseJoblogLine("some text")).toThrow("is no line of a joblog");
});

test("createLogged() goes by the last line about a job", () => {
  const logged = createLogged();
  logged.note({ number: 70_000, isFailed: true, command: "" });
  logged.note({ number: 70_000, isFailed: false, command: "" });
  logged.note({ number: 3, isFailed: true, command: "" });
  expect([logged.isSettled(70_000), logged.isFailed(70_000)]).toEqual([true, false]);
  expect([logged.isSettled(3), logged.isFailed(3), logged.isSettled(4)]).toEqual([
    true,
    true,
    false,
  ]);
  expect(logged.lastNumber).toBe(70_000);
});

test("parseHalt() reads what GNU parallel takes", () => {
  expect(parseHalt("never")).toBeNull();
  expect(parseHalt("1")).toEqual({ when: "soon", why: "fail", limit: { kind: "count", count: 1 } });
  expect(parseHalt("now,success=3")).toEqual({
    when: "now",
    why: "success",
    limit: { kind: "count", count: 3 },
  });
  expect(parseHalt("soon,fail=10%")?.limit).toEqual({ kind: "percent", percent: 10 });
  for (const wrong of ["", "now", "now,fail", "later,fail=1", "now,fail=0", "now,fail=200%"]) {
    expect(() => parseHalt(wrong)).toThrow("--halt is");
  }
});

test("isHalted() counts what it was told to count", () => {
  const tally = { failedCount: 2, succeededCount: 18, totalCount: null };
  for (const [text, isDue] of [
    ["now,fail=2", true],
    ["now,fail=3", false],
    ["soon,success=18", true],
    ["soon,done=20", true],
    ["soon,done=21", false],
    ["soon,fail=10%", false],
  ] as const) {
    expect([text, isHalted(parseHalt(text)!, tally)]).toEqual([text, isDue]);
  }
  const known = { ...tally, totalCount: 20 };
  expect(isHalted(parseHalt("soon,fail=10%")!, known)).toBe(true);
  expect(isHalted(parseHalt("soon,fail=11%")!, known)).toBe(false);
});
