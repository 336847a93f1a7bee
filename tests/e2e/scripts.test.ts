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

/** A shell in a folder of its own, and beside it a server, unless the transcript starts one itself. */
async function openSession({ isBare = false } = {}): Promise<Player> {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-script-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const env: Record<string, string> = {
    HOME: folder,
    PATH: `${dirname(binary)}:${process.env["PATH"]}`,
  };
  /** Starts a command that goes on, as in another terminal, and answers with what the pattern finds. */
  const startBeside = (words: readonly string[], pattern: RegExp) => {
    const program = Bun.spawn([binary, ...words], {
      cwd: folder,
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 100_000,
    });
    cleanups.push(async () => {
      program.kill("SIGKILL");
      await program.exited;
    });
    return hear(program.stderr, pattern);
  };
  let context = "";
  if (!isBare) {
    const url = await startBeside(["server", "start", "--port", "0"], /listens at (http:\S+?)\/? /);
    env["URL"] = url.replace(/\/$/, "");
    context = readFileSync(join(folder, ".config/gridlike/context.toml"), "utf8");
    env["KEY"] = /api_key = "(.*)"/.exec(context)?.[1] ?? "";
  }
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
      const [program, ...others] = words.split(" ");
      if (program === "gridlike") {
        const port = others[0] === "up" ? ["--port", "0"] : []; // The usual one may be taken.
        await startBeside([...others, ...port, "--allow-root"], /(Connected) to/);
        return;
      }
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
    const isBare = /^% gridlike up$/m.test(text);
    expect(await playTranscript(text, await openSession({ isBare }))).toEqual([]);
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
