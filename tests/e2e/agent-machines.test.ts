// Agents on several machines, as their owners meet them: two machines joined by two commands, a machine that was copied
// with its worker, and two workers on one machine.

import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSelfSigned } from "../../src/platform/self-signed.ts";
import { buildOnce } from "../support/binary.ts";
import { openEavesdropper } from "../support/eavesdropper.ts";
import { openGrid, smallJob, until, type Grid } from "./blips/grid.ts";

let binary = "";
let folder = "";
let startCount = 0;
const running = new Set<Bun.Subprocess>();

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-machines-"));
});
afterEach(async () => {
  for (const run of running) run.kill("SIGKILL");
  await Promise.all([...running].map((run) => run.exited));
  running.clear();
  rmSync(folder, { recursive: true });
});

/** The program on a machine of its own: another home, another working folder. */
function onMachine(name: string, words: readonly string[]) {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  startCount += 1;
  const log = join(home, `said-${startCount}`);
  const run = Bun.spawn([binary, ...words], {
    cwd: home,
    env: { PATH: "/usr/bin:/bin", HOME: home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: Bun.file(log),
  });
  running.add(run);
  const said = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
  const find = async (pattern: RegExp): Promise<string> => {
    await until(
      () => pattern.test(said()) || run.exitCode !== null,
      `${name} says ${pattern}`,
      10_000,
    );
    const found = pattern.exec(said())?.[0];
    if (found === undefined) throw new Error(`${name} ended without ${pattern}: ${said()}`);
    return found;
  };
  return { run, home, said, find };
}

async function outputOf({ run }: ReturnType<typeof onMachine>): Promise<string> {
  return new Response(run.stdout as ReadableStream).text();
}

/** The words of a line as the server printed it, with a command in the place of COMMAND. */
function wordsOf(line: string, command: readonly string[]): readonly string[] {
  const [program, ...words] = line.trim().split(" ");
  expect([program, words.at(-1)]).toEqual(["gridlike", "COMMAND"]);
  return [...words.slice(0, -1), ...command];
}

test("two machines are a grid by two commands: the line that the server prints joins a worker, which gets a job", async () => {
  const server = onMachine("server", ["server", "start", "--host", "0.0.0.0", "--port", "0"]);
  const line = await server.find(/^ {2}gridlike worker start --server https:.*$/m);
  const words = wordsOf(line, ["tr", "a-z", "A-Z"]);
  const split = words.indexOf("--");
  const worker = onMachine("worker", [
    ...words.slice(0, split),
    "--allow-root",
    ...words.slice(split),
  ]);
  await worker.find(/Connected to/);
  writeFileSync(join(server.home, "note.txt"), "hello");
  const submit = onMachine("server", ["submit", "--key", "first", "--wait", "note.txt"]);
  expect(await submit.run.exited, submit.said()).toBe(0);
  expect(await outputOf(onMachine("server", ["cat", "first"]))).toBe("HELLO");
}, 30_000);

test("a worker with a wrong pin says nothing to whoever answers, and tells both fingerprints", async () => {
  await using thief = await openEavesdropper(makeSelfSigned("thief", ["127.0.0.1"]));
  const pin = `sha256:${"ab".repeat(32)}`;
  const line = `worker start --server https://127.0.0.1:${thief.port} --join glw_of-the-grid --pin ${pin} --allow-root`;
  const worker = onMachine("worker", [...line.split(" "), "--", "cat"]);
  expect(await worker.run.exited).toBe(4);
  expect(worker.said()).toContain(pin);
  expect(worker.said().match(/sha256:[0-9a-f]{64}/g)?.length).toBeGreaterThan(1);
  expect(thief.heard()).toBe("");
}, 30_000);

test("a worker that was copied with its machine takes an identity of its own, says so, and both work", async () => {
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  const first = await grid.startAgent({ type: "task" });
  await first.until(/link\.welcomed/);
  const stateFolder = join(grid.folder, "copied");
  cpSync(first.stateFolder, stateFolder, { recursive: true });
  const copy = await grid.startAgent({ type: "task", stateFolder });
  await copy.until(/Going on under a new identity/);
  await copy.until(/link\.welcomed/);
  expect(identitiesIn(stateFolder)).not.toEqual(identitiesIn(first.stateFolder));
  await bothWork(grid);
  expect(first.said()).not.toContain("identity");
  expect([first.process.exitCode, copy.process.exitCode]).toEqual([null, null]);

  // It is who it is from now on.
  await copy.kill("SIGTERM");
  const again = await grid.startAgent({ type: "task", stateFolder });
  await again.until(/link\.welcomed/);
  expect(again.said()).not.toContain("identity");
}, 30_000);

test("a second worker on the same state folder takes a folder of its own, and both work", async () => {
  await using grid = await openGrid({ binary, types: ["task"] });
  await grid.startServer();
  const first = await grid.startAgent({ type: "task" });
  await first.until(/link\.welcomed/);
  const second = await grid.startAgent({ type: "task", stateFolder: first.stateFolder });
  await second.until(/link\.welcomed/);
  const ids = identitiesIn(first.stateFolder);
  expect(new Set(ids).size).toBe(2);
  await bothWork(grid);
}, 30_000);

function identitiesIn(stateFolder: string): readonly string[] {
  return readdirSync(stateFolder).map((name) => {
    const text = readFileSync(join(stateFolder, name, "IDENTITY"), "utf8");
    return (JSON.parse(text) as { readonly worker_id: string }).worker_id;
  });
}

/** Two jobs that run at one time need two workers of one slot. */
async function bothWork(grid: Grid): Promise<void> {
  const job = { ...smallJob, napMs: 700 };
  await Promise.all(["one", "two"].map((key) => grid.submit("task", key, job)));
  for (const key of ["one", "two"]) expect(await grid.settled(key, 10_000)).toBe("done");
  expect(new Set(grid.executions().map(({ agent }) => agent)).size).toBe(2);
  expect(grid.executions().length).toBe(2);
}
