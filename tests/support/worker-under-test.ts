// A worker in another language as a process, and what people do to it in a conversation of docs/protocol: ask it to
// stop, let its program end. Its program is the one that the README there asks for, in shell.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Act } from "./play-transcript.ts";
import { createServerPlayer, type ServerPlayerOptions } from "./play-server.ts";
import type { Line } from "./transcript-lines.ts";
import { messagesOf } from "./vectors.ts";

export const token = "a token that only these tests know";

/** Makes capitals; waits for its gate, a pipe named by the payload, or fails, as the payload says. */
const program = `
payload=$(cat; echo .); payload=\${payload%.}
case "$payload" in
  wait*) mkfifo "$GATES/$payload" 2>/dev/null; cat "$GATES/$payload" >/dev/null;;
  "fail for good") echo "the mesh is open" >&2; exit 86;;
  fail) echo "the mesh is open" >&2; exit 3;;
esac
printf %s "$payload" | tr a-z A-Z`;

type Program = Subprocess<"ignore", "ignore", "pipe">;

/** A worker of our examples: the words that start it, to which the options that all of them have are added. */
export function startWorker(
  words: readonly string[],
  given: {
    readonly url: string;
    /** Its home, and where the gates of its program are. */
    readonly folder: string;
    readonly slots: number;
    readonly window: number;
    /** More of the command line. */
    readonly more?: readonly string[];
    readonly token?: string;
  },
): Program {
  const { url, folder, slots, window, more = [] } = given;
  const where = ["--url", url, "--name", "lab-3", "--id-file", join(folder, "id")];
  const sizes = ["--slots", String(slots), "--window", String(window)];
  return Bun.spawn([...words, ...where, ...sizes, ...more, "--", "sh", "-c", program], {
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      GATES: folder,
      GRIDLIKE_WORKER_TOKEN: given.token ?? token,
    },
    stdout: "ignore",
    stderr: "pipe",
  });
}

export type PlayOptions = Partial<ServerPlayerOptions> & {
  readonly sockets?: readonly number[];
  readonly more?: readonly string[];
};

/** Goes through a conversation with a worker; answers with its exit code and what it said on standard error. */
export async function playWorker(
  lines: readonly Line[],
  words: readonly string[],
  options: PlayOptions = {},
): Promise<{ readonly exitCode: number; readonly said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-test-"));
  await using server = createServerPlayer({ token, ...options });
  const worker = startWorker(words, {
    url: server.url,
    folder,
    slots: numberOf(lines, "hello", "slots"),
    window: numberOf(lines, "ready", "window"),
    more: options.more ?? [],
  });
  const heard = listen(worker.stderr);
  try {
    await server.play(lines, actOn(lines, worker, heard, folder), options.sockets ?? [1]);
    return { exitCode: await worker.exited, said: heard.said() };
  } catch (error) {
    throw new Error(`${String(error)}\nThe worker said:\n${heard.said()}`, { cause: error });
  } finally {
    worker.kill("SIGKILL");
    await worker.exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

function actOn(lines: readonly Line[], worker: Subprocess, words: Words, folder: string): Act {
  return async (line) => {
    if (line.event === "stop") worker.kill("SIGTERM");
    if (line.event !== "finish") return;
    await openGate(folder, payloadOf(lines, line.key));
    await words.until(`${line.key}: finished`);
  };
}

/** Lets the program end that works on this payload, as soon as it waits. */
export async function openGate(folder: string, payload: string): Promise<void> {
  const gate = join(folder, payload);
  const opening = `mkfifo "${gate}" 2>/dev/null; echo >"${gate}"`;
  await Bun.spawn(["sh", "-c", opening], { stderr: "ignore" }).exited;
}

function payloadOf(lines: readonly Line[], key: string): string {
  const job = lines.flatMap(messagesOf).find(({ header }) => header["key"] === key);
  return job?.body_text ?? "";
}

/** The first number in this field of such a message; 1 if there is none. */
function numberOf(lines: readonly Line[], op: string, field: string): number {
  const said = lines.flatMap(messagesOf).find(({ header }) => header.op === op);
  return Number(said?.header[field] ?? 1);
}

type Words = { said(): string; until(wanted: string): Promise<void> };

function listen(stream: ReadableStream<Uint8Array>): Words {
  let said = "";
  let isOver = false;
  let wake = () => {};
  const hear = async () => {
    const decoder = new TextDecoder();
    for await (const piece of stream) {
      said += decoder.decode(piece, { stream: true });
      wake();
    }
    isOver = true;
    wake();
  };
  void hear();
  return {
    said: () => said,
    async until(wanted) {
      while (!said.includes(wanted)) {
        if (isOver) throw new Error(`It never said "${wanted}".`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
