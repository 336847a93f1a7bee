// The Python worker against a server made of the few lines that the classic protocol needs, so that
// each order of messages can be tried. Skipped where there is no Python 3.9.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerWebSocket, Subprocess } from "bun";
import { pythonCommand } from "../../examples/robot-reach/processes.ts";

const python = pythonCommand() ?? "";
const folder = join(import.meta.dir, "../../examples/classic-worker-python");
const program = join(folder, "gridlike_worker.py");
const token = "a token that only this test knows";

// Starting Python takes a second or two on a machine that is busy with other tests.
setDefaultTimeout(30_000);

type Socket = ServerWebSocket;
type Message = { readonly code: number; readonly [name: string]: unknown };
type Heard =
  | { readonly kind: "text"; readonly socket: Socket; readonly message: Message }
  | { readonly kind: "bytes"; readonly socket: Socket; readonly bytes: Buffer }
  | { readonly kind: "open"; readonly socket: Socket }
  | { readonly kind: "pong"; readonly socket: Socket }
  | { readonly kind: "closed"; readonly socket: Socket; readonly code: number };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

describe.skipIf(python === "")("classic-worker-python", () => {
  test("its own tests of frames and handshakes pass", async () => {
    const run = spawnPython(["-m", "unittest"]);
    const said = await run.stderr.text();
    expect(said).toContain("OK");
    expect(await run.exited).toBe(0);
  });

  test("the program registers, runs its command for each payload and is ready again", async () => {
    const server = startServer();
    startProgram(server.url, ["tr", "a-z", "A-Z"]);
    const { socket } = await server.hear("open");
    expect(await server.message()).toEqual({ code: 0, name: "mine", id: "label", token });
    for (const payload of ["one", "two"]) {
      socket.send('{"code":2}');
      expect(await server.message()).toEqual({ code: 1, status: 1 });
      socket.sendBinary(Buffer.from(payload));
      const { bytes } = await server.hear("bytes");
      expect(bytes.toString()).toBe(payload.toUpperCase());
    }
  });

  test("the program carries bytes of any value, and more than one fragment of them", async () => {
    const server = startServer();
    startProgram(server.url, ["cat"]);
    const socket = await server.welcome();
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3 * 2 ** 20 + 7]) {
      const payload = Buffer.from(Uint8Array.from({ length: size }, (_, index) => index * 31));
      socket.sendBinary(payload);
      const { bytes } = await server.hear("bytes");
      expect(bytes.equals(payload)).toBe(true);
    }
  });

  test.skipIf(Bun.which("openssl") === null)(
    "the program speaks TLS to a server it trusts",
    async () => {
      const files = { key: join(tempFolder(), "key.pem"), cert: join(tempFolder(), "cert.pem") };
      const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
      const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
      const where = ["-keyout", files.key, "-out", files.cert];
      const made = Bun.spawnSync(["openssl", "req", ...kind, ...name, ...where]);
      expect(made.exitCode, made.stderr.toString()).toBe(0);
      const server = startServer(files);

      const stranger = startProgram(server.url, ["cat"]);
      expect(await firstLine(stranger.stderr)).toContain("CERTIFICATE_VERIFY_FAILED");
      stranger.kill("SIGTERM");

      startProgram(server.url, ["cat"], ["--ca-file", files.cert]);
      const socket = await server.welcome();
      const payload = Buffer.alloc(2 ** 21, "payload");
      socket.sendBinary(payload);
      expect((await server.hear("bytes")).bytes.equals(payload)).toBe(true);
    },
  );

  test("the program reports a failing command with its exit code and standard error", async () => {
    const server = startServer();
    startProgram(server.url, ["sh", "-c", "cat >/dev/null; echo 'no such mesh' >&2; exit 3"]);
    const socket = await server.welcome();
    socket.sendBinary(Buffer.from("payload"));
    const info = "The command ended with exit code 3.";
    expect(await server.message()).toEqual({ code: 4, info, logs: "no such mesh\n" });
    socket.send('{"code":2}');
    expect(await server.message()).toEqual({ code: 1, status: 1 });
  });

  test("the program hides its token from the command", async () => {
    const server = startServer();
    startProgram(server.url, ["sh", "-c", "cat >/dev/null; env"]);
    const socket = await server.welcome();
    socket.sendBinary(Buffer.from(""));
    const { bytes } = await server.hear("bytes");
    expect(bytes.toString()).toContain("PATH=");
    expect(bytes.toString()).not.toContain(token);
  });

  test("a working program says busy and answers pings", async () => {
    const server = startServer();
    startProgram(server.url, ["sh", "-c", "cat >/dev/null; sleep 60"]);
    const socket = await server.welcome();
    socket.sendBinary(Buffer.from("payload"));
    socket.send('{"code":2}');
    expect(await server.message()).toEqual({ code: 1, status: 0 });
    socket.ping("are you there");
    await server.hear("pong");
  });

  test("a lost connection ends the command and is followed by another connection", async () => {
    const server = startServer();
    const pipe = join(tempFolder(), "pid");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    startProgram(server.url, ["sh", "-c", `cat >/dev/null; echo $$ > '${pipe}'; sleep 60`]);
    const socket = await server.welcome();
    socket.sendBinary(Buffer.from("payload"));
    const pid = Number(await Bun.file(pipe).text());
    socket.close(1012, "restart");
    const again = await server.hear("open");
    expect(again.socket).not.toBe(socket);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect((await server.message()).code).toBe(0);
  });

  test("a stopped program says goodbye and ends well", async () => {
    const server = startServer();
    const worker = startProgram(server.url, ["cat"]);
    await server.welcome();
    worker.kill("SIGTERM");
    expect((await server.hear("closed")).code).toBe(1001);
    expect(await worker.exited).toBe(0);
  });

  test("the program gives up where it is refused, and says what the server said", async () => {
    const server = startServer();
    const worker = startProgram(`${server.url}/unknown`, ["cat"]);
    expect(await worker.stderr.text()).toContain("The types are sample and collide.");
    expect(await worker.exited).toBe(4);
  });

  test("the program without a token or a command says what is missing", async () => {
    const words = ["--url", "ws://127.0.0.1:1/api/worker"];
    const noToken = spawnPython([program, ...words, "--", "cat"]);
    expect(await noToken.stderr.text()).toContain("--token-file");
    expect(await noToken.exited).toBe(2);
    const noCommand = spawnPython([program, ...words]);
    expect(await noCommand.stderr.text()).toContain("after --");
    expect(await noCommand.exited).toBe(2);
  });

  test("run_worker() tells progress, and turns what work raises into a failure", async () => {
    const server = startServer();
    const script = `
import sys
sys.path.insert(0, ${JSON.stringify(folder)})
from gridlike_worker import JobFailed, run_worker

def work(payload, progress):
    if payload == b"known":
        raise JobFailed("the mesh is open", "line 1")
    if payload == b"unknown":
        raise KeyError("mesh")
    progress(12.5, "meshing")
    return payload[::-1]

run_worker(sys.argv[1], ${JSON.stringify(token)}, "mine", "label", work)
`;
    startPython(["-c", script, server.url]);
    const socket = await server.welcome();
    socket.sendBinary(Buffer.from("abc"));
    expect(await server.message()).toEqual({ code: 3, percent: 12.5, info: "meshing" });
    expect((await server.hear("bytes")).bytes.toString()).toBe("cba");
    socket.sendBinary(Buffer.from("known"));
    expect(await server.message()).toEqual({ code: 4, info: "the mesh is open", logs: "line 1" });
    socket.sendBinary(Buffer.from("unknown"));
    expect(await server.message()).toMatchObject({ code: 4, info: "KeyError: 'mesh'" });
  });
});

/** A server that leaves every word to the test. */
function startServer(tls?: { readonly key: string; readonly cert: string }) {
  const heard: Heard[] = [];
  let wake = () => {};
  const hears = (what: Heard) => {
    heard.push(what);
    wake();
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(tls && { tls: { key: Bun.file(tls.key), cert: Bun.file(tls.cert) } }),
    fetch(request, self) {
      if (!request.url.endsWith("/api/worker")) {
        return Response.json({ detail: "The types are sample and collide." }, { status: 400 });
      }
      return self.upgrade(request) ? undefined : new Response(null, { status: 426 });
    },
    websocket: {
      open: (socket: Socket) => hears({ kind: "open", socket }),
      pong: (socket: Socket) => hears({ kind: "pong", socket }),
      close: (socket: Socket, code: number) => hears({ kind: "closed", socket, code }),
      message(socket: Socket, data: string | Buffer) {
        if (typeof data !== "string") return hears({ kind: "bytes", socket, bytes: data });
        return hears({ kind: "text", socket, message: JSON.parse(data) });
      },
    },
  });
  cleanups.push(() => server.stop(true));
  const next = async (): Promise<Heard> => {
    while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return heard.shift()!;
  };
  /** The next of this kind; what comes before it is dropped. */
  const hear = async <K extends Heard["kind"]>(kind: K): Promise<Extract<Heard, { kind: K }>> => {
    for (;;) {
      const what = await next();
      if (what.kind === kind) return what as Extract<Heard, { kind: K }>;
    }
  };
  const message = async () => (await hear("text")).message;
  return {
    url: `${tls ? "wss" : "ws"}://127.0.0.1:${server.port}/api/worker`,
    hear,
    message,
    /** Takes the worker on until it is ready. */
    async welcome(): Promise<Socket> {
      const { socket } = await hear("open");
      expect((await message()).code).toBe(0);
      socket.send('{"code":2}');
      expect(await message()).toEqual({ code: 1, status: 1 });
      return socket;
    },
  };
}

function startProgram(url: string, command: readonly string[], more: readonly string[] = []) {
  const file = join(tempFolder(), "token");
  writeFileSync(file, `${token}\n`);
  const who = ["--token-file", file, "--name", "mine", "--id", "label", ...more];
  return startPython([program, "--url", url, ...who, "--", ...command]);
}

/** One that ends with its test at the latest. */
function startPython(words: readonly string[]) {
  const worker = spawnPython(words);
  cleanups.push(() => end(worker));
  return worker;
}

function spawnPython(words: readonly string[]) {
  const { GRIDLIKE_WORKER_TOKEN: _, ...env } = process.env;
  return Bun.spawn([python, "-B", ...words], {
    cwd: folder,
    env,
    stdout: "ignore",
    stderr: "pipe",
  });
}

/** SIGTERM lets it end its command as well. */
async function end(worker: Subprocess): Promise<void> {
  worker.kill("SIGTERM");
  await worker.exited;
}

async function firstLine(words: ReadableStream<Uint8Array>): Promise<string> {
  let said = "";
  for await (const piece of words) {
    said += Buffer.from(piece).toString();
    if (said.includes("\n")) break;
  }
  return said;
}

function tempFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "gridlike-test-"));
  cleanups.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
