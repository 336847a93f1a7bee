// `gridlike map` as a program: on a grid of its own, and on a server with workers that share no folder with it.
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCommandWorkers } from "../support/command-worker.ts";
import { aType, apiKey, openDoor, type Door } from "../support/http-door.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

let folder = "";
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "map-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

setDefaultTimeout(30_000); // Programs start slowly on a machine that is busy.

const read = (name: string) => Bun.file(join(folder, name)).text();
const write = (name: string, text: string) => Bun.write(join(folder, name), text);
const lines = (text: string) => text.split("\n").filter(Boolean).sort();

/** What the command of the examples does, for machines without it: halves the text of a file. */
async function writeConvert(): Promise<void> {
  const path = join(folder, "bin/convert");
  await Bun.write(
    path,
    `#!/bin/sh\nfor last; do :; done\n(echo "$2 $3 of:"; cat "$1") > "$last"\n`,
  );
  await chmod(path, 0o755);
}

/** The columns that do not hold times. */
async function joblogOf(name: string) {
  const [, ...rows] = (await read(name)).trimEnd().split("\n");
  return rows.map((row) => {
    const [number, , , , , , exitValue, signal, command] = row.split("\t");
    return [number, exitValue, signal, command].join(" ");
  });
}

describe("on a grid of its own", () => {
  const map = (words: readonly string[], more: Partial<ProgramRun> = {}) =>
    runProgram(["map", "--own", ...words], { folder, ...more });

  test("the line of the issue works at the first try, in the folder where it is typed", async () => {
    await writeConvert();
    for (const name of ["a b.jpg", "c.jpg"]) await write(name, name);
    const path = `${folder}/bin:${process.env["PATH"]}`;
    const line = ["convert {} -resize 50% {/.}.png", ":::", "a b.jpg", "c.jpg"];
    const ran = await map(line, { env: { PATH: path } });
    expect(ran).toEqual({ code: 0, stdout: "", stderr: "" });
    expect([await read("a b.png"), await read("c.png")]).toEqual([
      "-resize 50% of:\na b.jpg",
      "-resize 50% of:\nc.jpg",
    ]);
    expect((await readdir(folder)).sort()).toEqual(["a b.jpg", "a b.png", "bin", "c.jpg", "c.png"]);
  });

  test("-k keeps the order, --tag says whose lines they are, output of failures is not lost", async () => {
    const line = [
      "-k",
      "--tag",
      "--joblog",
      "log",
      "sleep 0.{}; echo out {}; echo err {} >&2; exit {}",
    ];
    const ran = await map([...line, ":::", "2", "0"]);
    expect(ran).toEqual({
      code: 1,
      stdout: "2\tout 2\n0\tout 0\n",
      stderr: "2\terr 2\n0\terr 0\n",
    });
    expect((await joblogOf("log")).sort()).toEqual([
      "1 2 0 sleep 0.2; echo out 2; echo err 2 >&2; exit 2",
      "2 0 0 sleep 0.0; echo out 0; echo err 0 >&2; exit 0",
    ]);
  });

  test("--halt now,fail=1 starts nothing after a failure, --resume does the rest, --retry-failed the failed", async () => {
    const line = ["-j1", "--joblog", "log", "echo {}; test -e {}"];
    const names = [":::", "bin", "flag", "bin"];
    await writeConvert();
    const first = await map(["--halt", "now,fail=1", ...line, ...names]);
    expect([first.code, first.stdout]).toEqual([1, "bin\nflag\n"]);
    const second = await map(["--resume", ...line, ...names]);
    expect([second.code, second.stdout]).toEqual([0, "bin\n"]);
    await write("flag", "");
    const third = await map(["--retry-failed", "--joblog", "log"]);
    expect([third.code, third.stdout]).toEqual([0, "flag\n"]);
    expect(await joblogOf("log")).toEqual([
      "1 0 0 echo bin; test -e bin",
      "2 1 0 echo flag; test -e flag",
      "3 0 0 echo bin; test -e bin",
      "2 0 0 echo flag; test -e flag",
    ]);
  });

  test("--retries tries again, --timeout ends what takes too long", async () => {
    const ran = await map([
      "--retries",
      "3",
      ": {}; echo x >> tries; test $(wc -l < tries) = 3",
      ":::",
      "1",
    ]);
    expect([ran.code, await read("tries")]).toEqual([0, "x\nx\nx\n"]);
    const slow = await map(["--timeout", "0.2", "--joblog", "log", "sleep {}", ":::", "30"]);
    expect([slow.code, await joblogOf("log")]).toEqual([1, ["1 0 15 sleep 30"]]);
  });

  test("arguments come from standard input, and output of any size and kind arrives whole", async () => {
    const ran = await map(["-k", `printf '\\377'; head -c 200000 /dev/zero | tr '\\0' {}`], {
      stdin: "a\nb\n",
    });
    expect(ran.code).toBe(0);
    // Each byte that is no UTF-8 reads as one character.
    expect(ran.stdout).toBe(`\ufffd${"a".repeat(200_000)}\ufffd${"b".repeat(200_000)}`);
  });

  test("--dry-run prints the commands and starts nothing", async () => {
    const ran = await map(["--dry-run", "touch {}", ":::", "a b", "c"]);
    expect(ran).toEqual({ code: 0, stdout: "touch 'a b'\ntouch c\n", stderr: "" });
    expect(await readdir(folder)).toEqual([]);
  });

  test("a mistake on the command line is told with its remedy, and is no bug", async () => {
    const ran = await map(["--resume", "echo", ":::", "1"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toStartWith("gridlike: What a former map did stands in its joblog.");
  });
});

describe("on a server with workers elsewhere", () => {
  let door: Door;
  let workers: Awaited<ReturnType<typeof startCommandWorkers>>;
  beforeAll(async () => {
    door = await openDoor({ types: [aType({ name: "command" })] });
    workers = await startCommandWorkers(door, 2);
  });
  afterAll(async () => {
    await workers[Symbol.asyncDispose]();
    await door[Symbol.asyncDispose]();
  });
  const withServer =
    (command: string) =>
    (words: readonly string[], more: Partial<ProgramRun> = {}) => {
      const env = { GRIDLIKE_URL: door.api.replace(/\/api$/, ""), GRIDLIKE_TOKEN: apiKey };
      return runProgram([command, ...words], { folder, ...more, env: { ...env, ...more.env } });
    };
  const map = withServer("map");
  const submit = withServer("submit");

  test("files that arguments and the command name go there, what is made comes back", async () => {
    await writeConvert();
    for (const name of ["in/a b.jpg", "in/c.jpg"]) await write(name, name);
    const ran = await map(["bin/convert {} -resize 50% {/.}.png", ":::", "in/a b.jpg", "in/c.jpg"]);
    expect(ran).toEqual({ code: 0, stdout: "", stderr: "" });
    expect([await read("a b.png"), await read("c.png")]).toEqual([
      "-resize 50% of:\nin/a b.jpg",
      "-resize 50% of:\nin/c.jpg",
    ]);
  });

  test("--return brings back what fits and nothing else, --no-return nothing", async () => {
    const command = "echo {} > {}.out; echo {} > {}.log; mkdir -p d; echo {} > d/{}";
    await map(["--return", "{}.out", "--return", "d/*", command, ":::", "x"]);
    expect((await readdir(folder)).sort()).toEqual(["d", "x.out"]);
    await map(["--no-return", command, ":::", "y"]);
    expect((await readdir(folder)).sort()).toEqual(["d", "x.out"]);
  });

  test("a file is never written through a link in the caller's folder", async () => {
    await Bun.$`mkdir elsewhere && ln -s elsewhere link`.cwd(folder).quiet();
    const ran = await map(["mkdir link; echo evil > link/file", ":::", "x"]);
    expect([ran.code, await readdir(join(folder, "elsewhere"))]).toEqual([1, []]);
    expect(ran.stderr).toContain("link/file was not taken");
  });

  test("an interrupt cancels what was submitted, and says so", async () => {
    const gone = Promise.withResolvers<void>();
    const started = map(["--progress", "-j1", "sleep 2; true", ":::", "1", "2"], {
      interrupt: gone.promise,
    });
    const isRunning = async () => (await door.broker.count({ status: "running" })) > 0;
    while (!(await isRunning())) await new Promise(setImmediate);
    gone.resolve();
    const ran = await started;
    expect([ran.code, ran.stderr]).toEqual([130, expect.stringContaining("are cancelled")]);
    expect(await door.broker.count({ status: "pending" })).toBe(0);
  });

  test("submit -- COMMAND runs it with its files, waits, and keeps what it returns", async () => {
    await write("in.txt", "b\na\n");
    const line = ["--wait", "--key", "sorted", "--return", "out.txt", "in.txt"];
    const ran = await submit([...line, "--", "sort", "-o", "out.txt", "in.txt"]);
    expect(ran).toEqual({ code: 0, stdout: "sorted\n", stderr: "" });
    const result = await (await door.call("/jobs/sorted/result")).bytes();
    const files = await new Bun.Archive(result).files();
    expect(await files.get("out.txt")?.text()).toBe("a\nb\n");
  });

  test("submit --array makes a job of each number, --each-line of each line", async () => {
    const words = ["--wait", "--key", "n", "--array", "1-7:3%1", "--", "echo {} $GRIDLIKE_INDEX"];
    expect((await submit(words)).stdout).toStartWith("group:jobs-");
    const results = ["n-1", "n-4", "n-7"].map(async (key) =>
      (await door.call(`/jobs/${key}/result`)).text(),
    );
    expect(await Promise.all(results)).toEqual(["1 1\n", "4 4\n", "7 7\n"]);
    const each = ["--wait", "--key", "l", "--each-line", "-", "--", "printf", "<%s>", "{}"];
    await submit(each, { stdin: "one\ntwo 2\n" });
    expect(await (await door.call("/jobs/l-2/result")).text()).toBe("<two 2>");
  });

  test("submit --wait says which command failed, and --parsable only numbers", async () => {
    const ran = await submit(["--wait", "--parsable", "--max-attempts", "1", "--", "exit 3"]);
    expect([ran.code, ran.stdout]).toEqual([1, expect.stringMatching(/^[0-9]+\n$/)]);
    expect(ran.stderr).toContain("ended with exit code 3");
    expect(lines(ran.stderr)).toHaveLength(1);
  });
});
