// A command that does what commands do, well and badly: real processes, and none is left of them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSystemClock } from "../../src/platform/clock.ts";
import { createProcessTrees } from "../../src/platform/process-tree.ts";
import { isAlive, openCommandPlace } from "../support/a-command.ts";

let place: ReturnType<typeof openCommandPlace>;
beforeAll(() => {
  place = openCommandPlace();
});
afterAll(() => place.close());

const isLinux = process.platform === "linux";

test("run() gives the payload to standard input and takes standard output as the result", async () => {
  const { outcome, text } = await place.run(["/bin/cat"], { payloadText: "a\0b" });
  expect(outcome.kind).toBe("done");
  expect(text).toBe("a\0b");
});

test("run() gives the payload as a file where the words say {payload}, and an empty standard input", async () => {
  const script = 'cat; cat "$1"; printf " %s" "$2"';
  const { text } = await place.run(["/bin/sh", "-c", script, "sh", "{payload}", "--in={payload}"], {
    payloadText: "inside",
  });
  expect(text).toMatch(/^inside --in=\/.*\/payload$/);
});

test("run() takes a payload that is a file already from where it lies", async () => {
  const path = join(place.folder, "large");
  writeFileSync(path, "large bytes");
  const payload = { kind: "file", path, sizeBytes: 11 } as const;
  expect((await place.run(["/bin/cat"], { payload })).text).toBe("large bytes");
  const { text } = await place.run(["/bin/echo", "{payload}"], { payload });
  expect(text).toBe(`${path}\n`);
});

test("run() takes the file $GRIDLIKE_RESULT as the result, and standard output as a log then", async () => {
  const { outcome, text, stdout } = await place.shell('echo chat; echo found > "$GRIDLIKE_RESULT"');
  expect(outcome.kind).toBe("done");
  expect(text).toBe("found\n");
  expect(stdout).toBe("chat\n");
});

test("run() hands over a large file $GRIDLIKE_RESULT where it lies", async () => {
  const { outcome } = await place.shell('head -c 200000 /dev/zero > "$GRIDLIKE_RESULT"');
  expect(outcome).toMatchObject({ kind: "done", result: { kind: "file", sizeBytes: 200_000 } });
});

test("run() refuses a link or a folder at $GRIDLIKE_RESULT", async () => {
  for (const script of ['ln -s /etc/passwd "$GRIDLIKE_RESULT"', 'mkdir "$GRIDLIKE_RESULT"']) {
    const { outcome } = await place.shell(script);
    expect(outcome).toMatchObject({
      kind: "failed",
      info: expect.stringContaining("no plain file"),
    });
  }
});

test("run() tells a program of its job, and of nothing else of the worker", async () => {
  process.env["GRIDLIKE_TOKEN"] = "glw_secret";
  process.env["SOME_SECRET"] = "hidden";
  try {
    const { text } = await place.run(["/usr/bin/env"], {
      job: "j",
      attempt: 3,
      slot: 2,
      key: "kü",
    });
    const lines = new Map(text.split("\n").map((line) => [line.split("=")[0], line] as const));
    expect(text).not.toContain("secret");
    expect(text).not.toContain("hidden");
    expect(lines.get("GRIDLIKE_JOB")).toBe("GRIDLIKE_JOB=j");
    expect(lines.get("GRIDLIKE_ATTEMPT")).toBe("GRIDLIKE_ATTEMPT=3");
    expect(lines.get("GRIDLIKE_SLOT")).toBe("GRIDLIKE_SLOT=2");
    expect(lines.get("GRIDLIKE_KEY")).toBe("GRIDLIKE_KEY=kü");
    expect(lines.get("GRIDLIKE_TYPE")).toBe("GRIDLIKE_TYPE=sample");
    expect(lines.has("PATH")).toBe(true);
    const ours = [...lines.keys()].filter((name) => name?.startsWith("GRIDLIKE_"));
    expect(ours.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual(
      "API ATTEMPT JOB KEY PAYLOAD RESULT SLOT TYPE".split(" ").map((name) => `GRIDLIKE_${name}`),
    );
  } finally {
    delete process.env["GRIDLIKE_TOKEN"];
    delete process.env["SOME_SECRET"];
  }
});

test("run() starts a program in its job's folder, which is its folder for temporary files too", async () => {
  const { text } = await place.shell('pwd; echo "$TMPDIR"; ls');
  const [folder, temporary, ...seen] = text.trim().split("\n");
  expect(folder).toStartWith(place.folder);
  expect(temporary).toBe(folder);
  expect(seen).toEqual([]);
});

test("run() passes on standard error while the program runs, byte for byte", async () => {
  const words = Promise.withResolvers<string>();
  const stop = new AbortController();
  const ran = place.shell("printf '\\033]0;title\\007\\377' >&2; sleep 60", {
    onStderr: (text) => words.resolve(text),
    stop: stop.signal,
  });
  expect(await words.promise).toBe("\u001b]0;title\u0007\ufffd");
  stop.abort();
  expect((await ran).outcome).toEqual({ kind: "stopped" });
});

test.skipIf(!isLinux)("run() gives a program pipes, which it may open again by name", async () => {
  const { text, stderr } = await place.shell("echo one > /dev/stdout; echo two > /dev/stderr");
  expect([text, stderr]).toEqual(["one\n", "two\n"]);
});

test("run() takes each end of a program for what it means", async () => {
  const failed = { kind: "failed", retryable: true, signal: null };
  expect((await place.shell("exit 3")).outcome).toMatchObject({ ...failed, exitCode: 3 });
  expect((await place.shell("exit 86")).outcome).toMatchObject({
    kind: "failed",
    exitCode: 86,
    retryable: false,
  });
  for (const signal of ["SEGV", "KILL", "TERM", "HUP"]) {
    const { outcome } = await place.shell(`kill -${signal} $$; sleep 60`);
    expect(outcome).toMatchObject({ kind: "failed", exitCode: null, signal: `SIG${signal}` });
  }
});

test("run() tells standard output of a failure that said nothing on standard error", async () => {
  expect((await place.shell("echo why; exit 1")).stdout).toBe("why\n");
  expect((await place.shell("echo what; echo why >&2; exit 1")).stdout).toBe("");
});

test("run() does not mind a program that never reads a large payload", async () => {
  const { outcome } = await place.run(["/bin/true"], { payloadText: "x".repeat(2_000_000) });
  expect(outcome.kind).toBe("done");
});

test("run() waits for a program that closed its standard output", async () => {
  const { outcome, text } = await place.shell(
    'echo early; exec 1>&- 2>&-; sleep 0.2; touch "$TMPDIR/end"; exit 4',
  );
  expect(outcome).toMatchObject({ kind: "failed", exitCode: 4 });
  expect(text).toBe("");
});

test("run() takes what is still written by a helper that the program left behind to end its output", async () => {
  const { outcome, text } = await place.shell("exec > >(sleep 0.2; tr a-z A-Z); echo late");
  expect(outcome.kind).toBe("done");
  expect(text).toBe("LATE\n");
});

test("run() gives a job back that this machine cannot run", async () => {
  const script = join(place.folder, "script");
  writeFileSync(script, "echo no first line\n", { mode: 0o755 });
  for (const program of ["/nowhere/program", "/etc/passwd", script]) {
    const { outcome } = await place.run([program]);
    expect(outcome).toEqual({ kind: "released", why: "unsupported" });
  }
});

test("run() kills a program that writes without end at the limit, and keeps nothing beyond it", async () => {
  const resultBytesMax = 300_000;
  const { outcome } = await place.run(["/usr/bin/yes"], { resultBytesMax });
  expect(outcome).toMatchObject({ kind: "failed", info: expect.stringContaining("300000 bytes") });
  const { outcome: small } = await place.run(["/usr/bin/yes"], { resultBytesMax: 1000 });
  expect(small.kind).toBe("failed");
  const { outcome: exact, text } = await place.shell("head -c 300000 /dev/zero", {
    resultBytesMax,
  });
  expect(exact.kind).toBe("done");
  expect(text).toHaveLength(resultBytesMax);
});

test("run() refuses a result file above the limit, even while it is written", async () => {
  const resultBytesMax = 100_000;
  const whole = await place.shell('head -c 200000 /dev/zero > "$GRIDLIKE_RESULT"', {
    resultBytesMax,
  });
  expect(whole.outcome).toMatchObject({ kind: "failed", info: expect.stringContaining("100000") });
  const growing = await place.shell('head -c 200000 /dev/zero > "$GRIDLIKE_RESULT"; sleep 60', {
    resultBytesMax,
  });
  expect(growing.outcome).toMatchObject({ kind: "failed", signal: null });
});

test("run() takes 256 MiB of standard output in constant memory", async () => {
  const before = process.memoryUsage().rss;
  let peak = before;
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 10);
  const sizeBytes = 256 * 1024 * 1024;
  const { outcome } = await place.run(["/usr/bin/head", "-c", String(sizeBytes), "/dev/zero"]);
  clearInterval(look);
  expect(outcome).toMatchObject({ kind: "done", result: { kind: "file", sizeBytes } });
  expect(peak - before).toBeLessThan(64 * 1024 * 1024);
}, 30_000);

test("run() ends a program that takes too long, and kills one that does not listen", async () => {
  const gentle = await place.shell(
    "trap 'echo bye >&2; exit 0' TERM; echo up >&2; while :; do sleep 0.05; done",
    {
      timeoutMs: 500,
    },
  );
  expect(gentle.outcome).toMatchObject({
    kind: "failed",
    retryable: true,
    info: expect.stringContaining("0.5 s"),
  });
  expect(gentle.stderr).toEndWith("bye\n");
  const deaf = await place.shell("trap '' TERM; echo $$ >&2; while :; do sleep 60; done", {
    timeoutMs: 300,
    killAfterMs: 100,
  });
  expect(deaf.outcome.kind).toBe("failed");
  expect(await isAlive(Number(deaf.stderr))).toBe(false);
});

test("run() waits for the whole tree to end in peace when it is stopped", async () => {
  const stop = new AbortController();
  const file = join(place.folder, "checkpoint");
  const script = `trap 'sleep 0.3; touch ${file}; exit' TERM; echo up >&2; while :; do sleep 0.02; done`;
  const ran = place.shell(`bash -c "${script}" & trap 'exit' TERM; wait`, {
    stop: stop.signal,
    onStderr: () => stop.abort(),
  });
  expect((await ran).outcome).toEqual({ kind: "stopped" });
  expect(existsSync(file)).toBe(true);
});

test("run() starts nothing when it was stopped before", async () => {
  const stop = AbortSignal.abort();
  const { outcome } = await place.shell(`touch ${join(place.folder, "never")}`, { stop });
  expect(outcome).toEqual({ kind: "stopped" });
  expect(existsSync(join(place.folder, "never"))).toBe(false);
});

test("run() kills what a program left in the background", async () => {
  const { outcome, text } = await place.shell("sleep 60 >&- 2>&- & echo $!");
  expect(outcome.kind).toBe("done");
  expect(await isAlive(Number(text))).toBe(false);
});

test("run() does not wait for ever for output that a program left to somebody else", async () => {
  const { outcome, text } = await place.shell("sleep 60 & echo $!");
  expect(outcome.kind).toBe("done");
  expect(await isAlive(Number(text))).toBe(false);
});

test("run() kills what was stopped, and what has a process group of its own", async () => {
  const script =
    "set -m; sleep 60 >&- 2>&- & echo $!; (kill -STOP $BASHPID; sleep 60) >&- 2>&- & echo $!";
  const { text } = await place.shell(script);
  const pids = text.trim().split("\n").map(Number);
  expect(pids).toHaveLength(2);
  if (isLinux) expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
});

test("run() works without what only Linux has, daemons aside", async () => {
  const trees = createProcessTrees({ clock: createSystemClock(), calls: null });
  const { outcome, text, stderr } = await place.shell("cat; echo up >&2", {
    payloadText: "in",
    trees,
  });
  expect([outcome.kind, text, stderr]).toEqual(["done", "in", "up\n"]);
  const deaf = await place.shell("trap '' TERM; exec sleep 60", {
    trees,
    timeoutMs: 100,
    killAfterMs: 100,
  });
  expect(deaf.outcome).toMatchObject({ kind: "failed", retryable: true });
  const endless = await place.run(["/usr/bin/yes"], { trees, resultBytesMax: 100_000 });
  expect(endless.outcome.kind).toBe("failed");
});

/** A daemon as books teach it: two forks, a session of its own, nothing open. It tells its number in a file. */
const daemon = (file: string, before = "") =>
  `(setsid ${before} bash -c '(trap "" TERM HUP; echo $BASHPID > ${file}; exec sleep 60) & ' </dev/null >/dev/null 2>&1 &) ; while [ ! -s ${file} ]; do sleep 0.01; done`;

test.skipIf(!isLinux)("run() kills daemons that left the session", async () => {
  const file = join(place.folder, "daemon");
  const { outcome } = await place.shell(daemon(file));
  expect(outcome.kind).toBe("done");
  expect(await isAlive(Number(readFileSync(file, "utf8")))).toBe(false);
});

test.skipIf(!isLinux)("run() kills daemons that wiped their environment", async () => {
  const file = join(place.folder, "wiped");
  await place.shell(daemon(file, "env -i PATH=$PATH"));
  expect(await isAlive(Number(readFileSync(file, "utf8")))).toBe(false);
});

test.skipIf(!isLinux)("run() leaves the daemons of other running jobs alone", async () => {
  const [mine, other] = [join(place.folder, "mine"), join(place.folder, "other")];
  const stop = new AbortController();
  const up = Promise.withResolvers<void>();
  const running = place.shell(`${daemon(other)}; echo up >&2; sleep 60`, {
    stop: stop.signal,
    killAfterMs: 100,
    onStderr: () => up.resolve(),
  });
  await up.promise;
  await place.shell(daemon(mine));
  expect(await isAlive(Number(readFileSync(mine, "utf8")))).toBe(false);
  const pid = Number(readFileSync(other, "utf8"));
  expect(await isAlive(pid)).toBe(true);
  stop.abort();
  await running;
  expect(await isAlive(pid)).toBe(false);
});

test.skipIf(!isLinux)("run() leaves other programs of this process alone", async () => {
  const own = Bun.spawn(["sleep", "60"]);
  await place.shell(daemon(join(place.folder, "again")));
  expect(await isAlive(own.pid)).toBe(true);
  own.kill();
  expect(await own.exited).toBe(143);
});

test.skipIf(Bun.which("curl") === null)(
  "run() lets a program tell how far it is, until its end",
  async () => {
    const { progress, text } = await place.shell(
      'curl -sf -d percent=40 -d info=meshing "$GRIDLIKE_API/note"; printf %s "$GRIDLIKE_API"',
    );
    expect(progress).toEqual([[40, "meshing"]]);
    expect((await fetch(`${text}/note`, { method: "POST", body: "percent=50" })).status).toBe(404);
  },
);

test.skipIf(!isLinux)("run() gives a program the usual number of files", async () => {
  expect((await place.shell("ulimit -Sn")).text).toBe("1024\n");
});

test("run() keeps the job's files from others", async () => {
  const { text } = await place.shell(
    'stat -c %a "$GRIDLIKE_PAYLOAD" "$(dirname "$GRIDLIKE_PAYLOAD")"',
  );
  expect(text).toBe("600\n700\n");
  expect(statSync(place.folder).mode & 0o077).toBe(0);
});
