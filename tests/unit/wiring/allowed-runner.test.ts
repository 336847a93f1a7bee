import { expect, test } from "bun:test";
import type { Assignment, JobBytes, Outcome, Runner } from "../../../src/agent/runner.ts";
import { policyDefault } from "../../../src/config/worker-policy.ts";
import type { WorkerPolicy } from "../../../src/domain/worker-policy.ts";
import {
  archiveMediaType,
  commandEntry,
  commandMediaType,
  packArchive,
} from "../../../src/protocol/shipped-command.ts";
import { createAllowedRunner, type FailureNotice } from "../../../src/wiring/allowed-runner.ts";

const bytesOf = (text: string): JobBytes => ({
  kind: "bytes",
  bytes: new TextEncoder().encode(text),
});
const command = (fields: object) => JSON.stringify({ version: 1, ...fields });

/** What became of a job, and whether it ran. */
async function ask(
  job: Partial<Assignment>,
  {
    policy = {},
    timeLimitMs = null,
    outcome = { kind: "done", result: bytesOf("ran"), contentType: null },
  }: {
    readonly policy?: Partial<WorkerPolicy>;
    readonly timeLimitMs?: number | null;
    readonly outcome?: Outcome;
  } = {},
) {
  const ran: Assignment[] = [];
  const failures: FailureNotice[] = [];
  const inner: Runner = {
    run(assignment) {
      ran.push(assignment);
      return Promise.resolve(outcome);
    },
    close: () => Promise.resolve(),
  };
  const runner = createAllowedRunner(inner, {
    policy: { ...policyDefault, ...policy },
    timeLimitMs,
    onFailure: (failure) => failures.push(failure),
  });
  const assignment: Assignment = {
    job: "j",
    attempt: 1,
    key: "a",
    type: "",
    priority: "batch",
    contentType: null,
    description: null,
    payload: bytesOf(""),
    directory: "/nowhere",
    slot: 1,
    timeoutMs: null,
    killAfterMs: 1,
    ...job,
  };
  const silent = { progress: () => {}, log: () => {} };
  const end = await runner.run(assignment, silent, new AbortController().signal);
  return { end, ran, failures, info: end.kind === "failed" ? end.info : null };
}

const shipped = (fields: object) => ({
  type: "command",
  contentType: commandMediaType,
  payload: bytesOf(command(fields)),
});

test("createAllowedRunner() runs what the policy says nothing about", async () => {
  const { ran, failures } = await ask({ type: "render" });
  expect(ran).toHaveLength(1);
  expect(failures).toEqual([]);
});

test("createAllowedRunner() refuses types and commands that the server never should have sent", async () => {
  const stray = await ask({ type: "sing" }, { policy: { types: ["render"] } });
  expect(stray.ran).toEqual([]);
  expect(stray.info).toContain('"sing"');
  const sent = await ask(shipped({ shell: "id" }));
  expect(sent.ran).toEqual([]);
  expect(sent.info).toContain("commands sent by clients");
  expect(sent.end).toMatchObject({ retryable: true });
});

test("createAllowedRunner() lets only the named programs of clients run", async () => {
  const policy = { allowCommands: true, programs: ["blender"] };
  const isRun = async (job: Partial<Assignment>) => (await ask(job, { policy })).ran.length === 1;
  expect(await isRun(shipped({ argv: ["blender", "-b"] }))).toBe(true);
  expect(await isRun(shipped({ argv: ["./blender"] }))).toBe(false);
  expect(await isRun(shipped({ shell: "blender" }))).toBe(false);
  expect(await isRun({ ...shipped({}), payload: bytesOf("no command") })).toBe(false);
});

test("createAllowedRunner() lets no client lead an allowed program astray by its environment", async () => {
  const policy = { allowCommands: true, programs: ["blender"] };
  for (const name of ["PATH", "LD_PRELOAD"]) {
    const { info } = await ask(shipped({ argv: ["blender"], env: { [name]: "." } }), { policy });
    expect(info).toContain(name);
  }
  const own = shipped({ argv: ["blender"], env: { GRIDLIKE_INDEX: "1" } });
  expect((await ask(own, { policy })).ran).toHaveLength(1);
});

test("createAllowedRunner() finds the program of a command that came with files", async () => {
  const policy = { allowCommands: true, programs: ["blender"] };
  const packed = async (argv: readonly string[]) => {
    const pieces = packArchive({ name: commandEntry, json: command({ argv }) }, []);
    const bytes = new Uint8Array(Buffer.concat(await Array.fromAsync(pieces)));
    const payload = { kind: "bytes", bytes } as const;
    const job = { type: "command", contentType: archiveMediaType, payload };
    return (await ask(job, { policy })).ran.length;
  };
  expect(await packed(["blender"])).toBe(1);
  expect(await packed(["sh", "-c", "id"])).toBe(0);
});

test("createAllowedRunner() holds a job to the shorter of its own limit and the owner's", async () => {
  const limitOf = async (timeoutMs: number | null, timeLimitMs: number | null) =>
    (await ask({ timeoutMs }, { timeLimitMs })).ran[0]?.timeoutMs;
  expect(await limitOf(null, null)).toBeNull();
  expect(await limitOf(10, null)).toBe(10);
  expect(await limitOf(null, 20)).toBe(20);
  expect(await limitOf(10, 20)).toBe(10);
  expect(await limitOf(30, 20)).toBe(20);
});

test("createAllowedRunner() tells of failures, with key, type and sentence", async () => {
  const outcome: Outcome = {
    kind: "failed",
    info: "It ended with 3.",
    exitCode: 3,
    signal: null,
    retryable: true,
  };
  const { failures } = await ask({ key: "k", type: "render" }, { outcome });
  expect(failures).toEqual([{ key: "k", type: "render", info: "It ended with 3." }]);
});
