import { expect, test } from "bun:test";
import { indexesOf, parseArray } from "../../../../src/cli/submit/array.ts";
import { readSubmitOptions, type SubmitValues } from "../../../../src/cli/submit/read-options.ts";
import { parseInstant, parseSpan } from "../../../../src/cli/submit/when.ts";

const now = Date.UTC(2030, 0, 1);

function read(
  words: readonly string[],
  command: readonly string[] | null,
  values: SubmitValues = {},
) {
  return readSubmitOptions(words, command, values, {
    now,
    variables: { HERE: "1" },
    isFile: (word) => word.endsWith(".bin"),
    makeGroup: () => "made",
  });
}

test("parseArray() reads ranges, steps, lists and what runs at a time", () => {
  for (const [text, indexes, runningMax] of [
    ["1-5", [1, 2, 3, 4, 5], null],
    ["1-10:4%2", [1, 5, 9], 2],
    ["1,3,5-6", [1, 3, 5, 6], null],
    ["0", [0], null],
    ["1_000-1_001", [1000, 1001], null],
  ] as const) {
    const { ranges, runningMax: max } = parseArray(text);
    expect([text, [...indexesOf(ranges)], max]).toEqual([text, [...indexes], runningMax]);
  }
  for (const text of ["", "5-1", "1-5:0", "a", "1-", "1%0", "-3", "1-9%x"]) {
    expect(() => parseArray(text)).toThrow("--array is");
  }
  expect(() => parseArray("1-999999999")).toThrow("more than");
});

test("readSubmitOptions() takes the first word for the type unless it names a file", () => {
  expect(read(["sample", "a.bin", "b.bin"], null).work).toMatchObject({
    type: "sample",
    files: ["a.bin", "b.bin"],
  });
  expect(read(["a.bin"], null).work).toMatchObject({ type: null, files: ["a.bin"] });
  expect(read(["sample"], null).work).toMatchObject({ type: "sample", files: ["-"] });
  expect(read(["x", "y"], null, { type: "t" }).work).toMatchObject({
    type: "t",
    files: ["x", "y"],
  });
  expect(read([], null).work).toMatchObject({ type: null, files: ["-"] });
});

test("readSubmitOptions() reads a command with its files, its variables and what comes back", () => {
  const values = { env: ["HERE", "MORE=a=b"], return: ["*.png"] };
  expect(read(["in.bin", "-"], ["sort", "in.bin"], values).work).toEqual({
    kind: "command",
    words: ["sort", "in.bin"],
    files: ["in.bin", "-"],
    returned: ["*.png"],
    env: { HERE: "1", MORE: "a=b" },
  });
});

test("readSubmitOptions() gives the jobs of an array a group and their limit", () => {
  const { request, many } = read([], ["x"], { array: "1-100:2%10" });
  expect(request).toEqual({ group: "made", groupRunningMax: 10 });
  expect(many.kind).toBe("array");
  expect(read([], ["x"], { array: "1-2", group: "mine" }).request.group).toBe("mine");
  expect(read([], ["x"]).request).toEqual({});
});

test("readSubmitOptions() puts flags into the words of the API", () => {
  const values = {
    label: ["run=7", "who=me=you"],
    timeout: "2m",
    begin: "10m",
    deadline: "2030-02-01",
    hold: true,
    requires: "cpus=4",
  } as const;
  expect(read(["a.bin"], null, values).request).toEqual({
    labels: { run: "7", who: "me=you" },
    timeoutS: 120,
    notBefore: "2030-01-01T00:10:00.000Z",
    deadline: "2030-02-01T00:00:00.000Z",
    hold: true,
    requires: "cpus=4",
  });
});

test("readSubmitOptions() refuses what contradicts itself", () => {
  for (const [words, command, values, sentence] of [
    [[], [], {}, "No command stands behind --"],
    [[], ["x"], { type: "other" }, "Leave out --type"],
    [["a.bin"], null, { return: ["x"] }, "are for commands"],
    [["a.bin", "b.bin"], null, { key: "k" }, "--key names one job"],
    [["a.bin"], null, { eachLine: "f" }, "has no place"],
    [[], ["x"], { array: "1", eachLine: "f" }, "Give one of them"],
    [[], ["x"], { label: ["=x"] }, "NAME=VALUE"],
    [[], ["x"], { env: ["MISSING"] }, "no such variable"],
  ] as const) {
    expect(() => read(words, command, values)).toThrow(sentence);
  }
});

test("parseInstant() and parseSpan() read what people write", () => {
  expect(parseInstant("--begin", "now+90s", now)).toBe("2030-01-01T00:01:30.000Z");
  expect(parseInstant("--begin", "2030-06-01 12:30:00", now)).toBe("2030-06-01T12:30:00.000Z");
  expect(parseInstant("--begin", "2030-06-01T12:30+02:00", now)).toBe("2030-06-01T10:30:00.000Z");
  expect([parseSpan("-t", "90"), parseSpan("-t", "1.5h")]).toEqual([90_000, 5_400_000]);
  expect(() => parseInstant("--begin", "tomorrow", now)).toThrow("--begin is");
  expect(() => parseSpan("--timeout", "0")).toThrow("--timeout is");
});
