import { expect, test } from "bun:test";
import { jobCountOf } from "../../../../src/cli/map/job-count.ts";
import { planJobs, shownCommand } from "../../../../src/cli/map/planned-jobs.ts";
import { lineOf } from "../../../../src/cli/map/progress-line.ts";
import { readMapOptions, type MapValues } from "../../../../src/cli/map/read-options.ts";

function read(line: readonly string[], values: Partial<MapValues> = {}) {
  return readMapOptions(line, { runIfEmpty: true, ...values });
}

async function commands(line: readonly string[], values: Partial<MapValues> = {}) {
  const { jobs } = await planJobs(read(line, values));
  const shown: string[] = [];
  for await (const job of jobs) shown.push(shownCommand(job));
  return shown;
}

test("planJobs() makes the commands that GNU parallel makes", async () => {
  for (const [line, values, expected] of [
    [["echo", ":::", "a", "b"], {}, ["echo a", "echo b"]],
    [["echo {2}-{1}", ":::", "a", ":::", "1", "2"], {}, ["echo 1-a", "echo 2-a"]],
    [["echo", ":::", "a", "b", ":::+", "1", "2"], {}, ["echo a 1", "echo b 2"]],
    [["echo", ":::", "a", "b", "c"], { maxArgs: 2 }, ["echo a b", "echo c"]],
    [["echo {1}-{2}", ":::", "a", "b", "c"], { maxReplaceArgs: 2 }, ["echo a-b", "echo c-"]],
    [["echo {2} {1}", ":::", "a,b"], { colsep: "," }, ["echo b a"]],
    [["echo {foo} {1}", ":::", "foo", "a"], { header: ":" }, ["echo a a"]],
    [[":::", "echo  $HOME", "ls | wc"], {}, ["echo  $HOME", "ls | wc"]],
    [["echo", "a  b", "$x", ":::", "1"], { quote: true }, ["echo 'a  b' '$x' 1"]],
    [["echo ,, {} {.}", ":::", "a.b"], { I: ",," }, ["echo a.b {} a"]],
    [["echo", ":::", "a", "", "b"], { runIfEmpty: false }, ["echo a", "echo b"]],
    [["echo", ":::", "a", ""], {}, ["echo a", "echo ''"]],
  ] as const) {
    expect([line, await commands(line, values)]).toEqual([line, [...expected]]);
  }
});

test("readMapOptions() takes what comes back from --return, --trc and --no-return", () => {
  expect(read(["x"]).files.returned).toBe("changed");
  expect(read(["x"], { return: ["{.}.png"], trc: ["log"] }).files.returned).toEqual([
    "{.}.png",
    "log",
  ]);
  expect(read(["x"], { return: false }).files.returned).toEqual([]);
});

test("readMapOptions() refuses what it cannot mean, with the remedy", () => {
  for (const [values, sentence] of [
    [{ colsep: "(" }, "no regular expression"],
    [{ header: "x" }, "Only : is offered"],
    [{ delimiter: "" }, "-d is empty"],
    [{ resume: true }, "Name it with --joblog"],
    [{ halt: "often" }, "--halt is"],
  ] as const) {
    expect(() => read(["x"], values)).toThrow(sentence);
  }
});

test("jobCountOf() counts as GNU parallel does, and processors only where they are", () => {
  const counted = ["3", "50%", "100%", "+2", "-1", "-9", "1%"].map((text) => jobCountOf(text, 4));
  expect(counted).toEqual([3, 2, 4, 6, 3, 1, 1]);
  expect(jobCountOf("0", 4)).toBeGreaterThan(100);
  expect(jobCountOf("8", null)).toBe(8);
  expect(() => jobCountOf("50%", null)).toThrow("Write a number");
  expect(() => jobCountOf("many", 4)).toThrow("-j is");
});

test("lineOf() shows a bar once the number of jobs is known, and counts before", () => {
  const progress = { startedCount: 6, doneCount: 5, failedCount: 1, totalCount: 10 };
  expect(lineOf("bar", progress, 5_000, 60)).toMatch(/^ 50% \[#+-+\] 5\/10 1 failed ETA 5.0s$/);
  expect(lineOf("eta", progress, 5_000, 60)).toBe("5/10 1 failed ETA 5.0s");
  expect(lineOf("counts", progress, 5_000, 60)).toBe("5/10 done 1 failed, 1 running");
  expect(lineOf("bar", { ...progress, totalCount: null }, 5_000, 60)).toBe("5 1 failed");
});
