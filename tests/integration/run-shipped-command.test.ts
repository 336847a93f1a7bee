// Commands of clients as real processes, in real folders.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Assignment, Outcome } from "../../src/agent/runner.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  decodeOutcome,
  encodeCommand,
  outcomeMediaType,
  packArchive,
  stdinEntry,
  type ShippedCommand,
} from "../../src/protocol/shipped-command.ts";
import { aShippedCommandRunner } from "../support/command-worker.ts";

let directory = "";
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), "shipped-"))));
afterEach(() => rm(directory, { recursive: true, force: true }));

const runner = aShippedCommandRunner();

type Files = { readonly [path: string]: string };

async function run(
  given: Partial<ShippedCommand>,
  files: Files | null = null,
  more: Partial<Assignment> = {},
  stop = new AbortController().signal,
) {
  const command = { version: 1, env: {}, stdin: false, returns: [], answer: "stdout", ...given };
  const json = encodeCommand(command as ShippedCommand);
  const bytes = files === null ? new TextEncoder().encode(json) : await tarOf(json, files);
  let errors = "";
  const report = {
    progress: () => {},
    log: (_stream: string, piece: Uint8Array) => void (errors += Buffer.from(piece).toString()),
  };
  const assignment: Assignment = {
    job: "01a20912-74d9-7514-9a9e-abd3baf0533a",
    attempt: 2,
    key: "key",
    type: "command",
    priority: "batch",
    contentType: files === null ? commandMediaType : archiveMediaType,
    description: null,
    payload: { kind: "bytes", bytes },
    directory,
    slot: 3,
    timeoutMs: null,
    killAfterMs: 500,
    ...more,
  };
  return { outcome: await runner.run(assignment, report, stop), errors };
}

async function tarOf(json: string, files: Files): Promise<Uint8Array> {
  const entries = Object.entries(files).map(([path, text]) => ({
    path,
    size: text.length,
    isExecutable: text.startsWith("#!"),
    modifiedAt: 0,
    async *open() {
      yield new TextEncoder().encode(text);
    },
  }));
  return Buffer.concat(await Array.fromAsync(packArchive({ name: commandEntry, json }, entries)));
}

async function bytesOf(outcome: Outcome): Promise<Uint8Array> {
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  const { result } = outcome;
  return result.kind === "bytes" ? result.bytes : Bun.file(result.path).bytes();
}

async function textOf(outcome: Outcome): Promise<string> {
  return Buffer.from(await bytesOf(outcome)).toString();
}

async function filesIn(outcome: Outcome): Promise<Files> {
  const found = await new Bun.Archive(await bytesOf(outcome)).files();
  const texts = Array.from(found, async ([name, file]) => [name, await file.text()] as const);
  return Object.fromEntries(await Promise.all(texts));
}

test("run() gives a line to the shell, cut where the slot belongs; its output is the result", async () => {
  const { outcome, errors } = await run({
    shell: ["echo slot ", " $GRIDLIKE_SLOT $GRIDLIKE_ATTEMPT $MINE; echo warned >&2"],
    env: { MINE: "my own" },
  });
  expect(await textOf(outcome)).toBe("slot 3 3 2 my own\n");
  expect(errors).toBe("warned\n");
});

test("run() starts a program without any shell when it was sent as words", async () => {
  const { outcome } = await run({ argv: ["/bin/echo", "$HOME", "a  b"] });
  expect(await textOf(outcome)).toBe("$HOME a  b\n");
});

test("run() fails with the exit code, which says whether another try is of use", async () => {
  for (const [code, retryable] of [
    [3, true],
    [86, false],
  ] as const) {
    const { outcome } = await run({ shell: `exit ${code}` });
    expect(outcome).toMatchObject({ kind: "failed", exitCode: code, retryable });
  }
  const { outcome } = await run({ shell: "kill -9 $$" });
  expect(outcome).toMatchObject({ kind: "failed", exitCode: null, signal: "SIGKILL" });
});

test("run() puts the files in place, programs among them, and types in the standard input", async () => {
  const files = {
    [stdinEntry]: "typed",
    "bin/tool": "#!/bin/sh\ncat data/in.txt",
    "data/in.txt": "read ",
  };
  const { outcome } = await run({ shell: "bin/tool; cat", stdin: true }, files);
  expect(await textOf(outcome)).toBe("read typed");
});

test("run() returns the files that fit, beside the output", async () => {
  const { outcome } = await run(
    {
      shell: "echo said; mkdir out; echo 1 > out/a.png; echo 2 > b.png; echo 3 > c.txt",
      returns: ["out/*.png", "c.*"],
    },
    {},
  );
  expect(await filesIn(outcome)).toEqual({
    ".gridlike/stdout": "said\n",
    "out/a.png": "1\n",
    "c.txt": "3\n",
  });
});

test("run() returns what is new or changed, and neither what came along nor what is hidden", async () => {
  const { outcome } = await run(
    {
      shell: "echo new > new; echo more >> changed; touch .hidden",
      returns: "changed",
      answer: "outcome",
    },
    { same: "same", changed: "came" },
  );
  const { ".gridlike/outcome.json": json = "", ...files } = await filesIn(outcome);
  expect(decodeOutcome(json).exit_code).toBe(0);
  expect(files).toEqual({
    ".gridlike/stdout": "",
    ".gridlike/stderr": "",
    new: "new\n",
    changed: "camemore\n",
  });
});

test("run() returns no links, and nothing through one", async () => {
  const shell = "ln -s /etc/hostname file; ln -s /etc folder; echo x > real";
  const { outcome } = await run({ shell, returns: ["**"] }, {});
  expect(Object.keys(await filesIn(outcome)).sort()).toEqual([".gridlike/stdout", "real"]);
});

test("run() with an outcome is done however the command ended", async () => {
  const { outcome } = await run({ shell: "echo out; echo err >&2; exit 7", answer: "outcome" });
  expect(outcome).toMatchObject({ kind: "done", contentType: outcomeMediaType });
  expect(decodeOutcome(await textOf(outcome))).toMatchObject({
    exit_code: 7,
    signal: null,
    stdout: "out\n",
    stderr: "err\n",
  });
});

test("run() sends output that is no text, or long, as it is", async () => {
  for (const shell of [`printf '\\377\\000'`, "head -c 100000 /dev/zero"]) {
    const { outcome } = await run({ shell, answer: "outcome" });
    expect(outcome).toMatchObject({ kind: "done", contentType: archiveMediaType });
    const found = await new Bun.Archive(await bytesOf(outcome)).files();
    const stdout = await found.get(".gridlike/stdout")?.bytes();
    const wanted = Bun.spawnSync(["/bin/sh", "-c", shell]).stdout;
    expect(Buffer.from(stdout ?? []).equals(wanted)).toBe(true);
  }
});

test("run() ends a command that outlasts its own limit, and says so in the outcome", async () => {
  const { outcome } = await run({ shell: "sleep 30", answer: "outcome", timeout_ms: 50 });
  expect(decodeOutcome(await textOf(outcome))).toMatchObject({
    exit_code: null,
    signal: "SIGTERM",
  });
});

test("run() is stopped together with what the command started", async () => {
  const stop = new AbortController();
  const running = run({ shell: "echo $$ > pid; sleep 30 & wait" }, null, {}, stop.signal);
  while (!(await readdir(directory)).includes("pid")) await new Promise(setImmediate);
  stop.abort();
  expect((await running).outcome).toEqual({ kind: "stopped" });
});

test("run() writes nothing for a payload whose paths lead out, or that is none", async () => {
  await symlink(tmpdir(), join(directory, "link"));
  for (const path of ["../evil", "/tmp/evil", ".gridlike/other"]) {
    const { outcome } = await run({ shell: "true" }, { [path]: "x" });
    expect(outcome).toMatchObject({ kind: "failed", retryable: false, exitCode: null });
  }
  const strange = await run({ shell: "true" }, null, { contentType: "text/plain" });
  expect(strange.outcome).toMatchObject({
    kind: "failed",
    info: expect.stringContaining("no shipped command"),
  });
  expect(await readdir(directory)).toEqual(["link"]);
});
