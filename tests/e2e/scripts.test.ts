// Sessions at a terminal, each against a server of its own: what the transcripts beside this file say is what a person sees.
import { afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { openEchoWorker } from "../support/echo-worker.ts";
import { playTranscript, type Player } from "../support/transcript.ts";

const folderOfScripts = join(import.meta.dir, "scripts");
const cleanups: (() => Promise<void> | void)[] = [];
let binary = "";

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

/** A server in a folder of its own, and a shell beside it. */
async function openSession(): Promise<Player> {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-script-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const env: Record<string, string> = {
    HOME: folder,
    PATH: `${dirname(binary)}:${process.env["PATH"]}`,
  };
  const server = Bun.spawn([binary, "server", "start", "--port", "0"], {
    cwd: folder,
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: 100_000,
  });
  cleanups.push(async () => {
    server.kill("SIGKILL");
    await server.exited;
  });
  env["URL"] = (await hear(server.stderr, /listens at (http:\S+?)\/? /)).replace(/\/$/, "");
  const context = readFileSync(join(folder, ".config/gridlike/context.toml"), "utf8");
  env["KEY"] = /api_key = "(.*)"/.exec(context)?.[1] ?? "";
  return {
    async run(command) {
      const shell = Bun.spawn(["sh", "-c", `exec 2>&1; ${command}`], {
        cwd: folder,
        env,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
        timeout: 30_000,
      });
      return { output: await shell.stdout.text(), exitCode: await shell.exited };
    },
    async act(words) {
      if (words !== "worker") throw new Error(`No test knows how to do: ${words}`);
      const token = /worker_token = "(.*)"/.exec(context)?.[1];
      const worker = await openEchoWorker(`${env["URL"]}/api`, "", undefined, token);
      cleanups.push(() => worker[Symbol.dispose]());
    },
  };
}

/** What the first group of the pattern finds in what a process says. */
async function hear(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  const reader = stream.getReader();
  let said = "";
  for (;;) {
    const found = pattern.exec(said)?.[1];
    if (found !== undefined) return found;
    const { value, done } = await reader.read();
    if (done) throw new Error(`It ended without saying ${pattern}: ${said}`);
    said += new TextDecoder().decode(value);
  }
}

for (const name of readdirSync(folderOfScripts)) {
  test(`a person sees what ${name} says`, async () => {
    const text = readFileSync(join(folderOfScripts, name), "utf8");
    expect(await playTranscript(text, await openSession())).toEqual([]);
  }, 120_000);
}

test("a transcript with one wrong line fails", async () => {
  const text = "$ gridlike ls\nNo job.\n\n$ gridlike lst\n…\n[exit 4]\n";
  const problems = await playTranscript(text, await openSession());
  expect(problems.map((problem) => problem.split("\n")[0])).toEqual([
    "line 1: $ gridlike ls",
    "line 4: $ gridlike lst",
  ]);
}, 60_000);
