// A worker as its owner meets it: what it needs to be told, what it runs, how it ends, and what it refuses.
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { openProgramPlace, type ProgramPlace, type Started } from "../support/started-program.ts";

const apiKey = "Zk3vQ8rT1xW6yB0nM5cJ9hL2";
const workerToken = "Hn7sD2fG9kP4qR8vX1zC6bM3";
let place: ProgramPlace;
let url = "";

beforeAll(async () => {
  await buildOnce();
}, 120_000);
beforeEach(async () => {
  place = await openProgramPlace();
});
afterEach(() => place[Symbol.asyncDispose]());

/** A server with known credentials. `more`: further tables of its configuration. */
async function serve(more = "", ...words: readonly string[]): Promise<Started> {
  const text = `[server]\nport = 0\n[auth.api]\nkey = "${apiKey}"\n[auth.worker]\ntoken = "${workerToken}"\n${more}`;
  writeFileSync(join(place.folder, "gridlike.toml"), text);
  const server = place.start("--config", "gridlike.toml", ...words);
  url = (await server.until(/listens at (\S+)/)).replace(/\/$/, "");
  return server;
}

/** A worker of that server. */
function work(...words: readonly string[]): Started {
  return workWith(workerToken, ...words);
}
function workWith(token: string, ...words: readonly string[]): Started {
  const start = ["worker", "start", "--allow-root", "--server", url, "--join", token];
  return place.start(...start, ...words);
}

const call = (path: string, init: RequestInit = {}) =>
  fetch(`${url}/api${path}`, { ...init, headers: { "X-API-KEY": apiKey } });
async function submit(key: string, bytes: string, type = ""): Promise<void> {
  const answer = await call(`/jobs/submit${type === "" ? "" : `/${type}`}?key=${key}`, {
    method: "POST",
    body: bytes,
  });
  expect(answer.status).toBe(202);
}
const resultOf = async (key: string) => (await call(`/jobs/${key}/result?wait_s=30`)).text();
type JobSeen = { readonly status: string; readonly failures: number };
const jobOf = async (key: string, wait = "") =>
  (await (await call(`/jobs/${key}${wait}`)).json()) as JobSeen;
async function untilRunning(key: string): Promise<void> {
  while ((await jobOf(key)).status !== "running");
}

/** A file that who reads it waits for, until the test opens it. */
async function makeGate(name = "gate") {
  const path = join(place.folder, name);
  expect(await Bun.spawn(["mkfifo", path]).exited).toBe(0);
  return {
    path,
    open: () => writeFile(path, ""),
    /** Resolves when somebody has written to it. */
    reached: () => readFile(path),
  };
}

test("gridlike worker start needs nothing typed on the server's own machine, and runs a command for each job [GL-39]", async () => {
  const server = place.start("server", "start", "--port", "0");
  url = (await server.until(/listens at (\S+)/)).replace(/\/$/, "");
  const worker = place.start("worker", "start", "--allow-root", "--", "tr", "a-z", "A-Z");
  await worker.until(/^Connected/m);
  expect(worker.said()).toContain("serves jobs without a type");
  writeFileSync(join(place.folder, "gridlike-input"), "hello");
  const submitted = place.start("submit", "--key", "a", "--wait", "gridlike-input");
  expect(await submitted.end()).toBe(0);
  const got = place.start("cat", "a", "--wait");
  expect(await got.run.stdout.text()).toBe("HELLO");
  const context = readFileSync(join(place.folder, ".config/gridlike/context.toml"), "utf8");
  const token = /worker_token = "(.*)"/.exec(context)?.[1] ?? "";
  expect(token).not.toBe("");
  expect(worker.said()).not.toContain(token);
});

test("gridlike worker start serves the types that are named, and says what fails", async () => {
  await serve("[types.good]\n[types.bad]\nmax_attempts = 1\n");
  const worker = work("--type", "good", "--", "cat");
  const other = work("--type", "bad", "--", "sh", "-c", "echo no luck >&2; exit 86");
  await Promise.all([worker.until(/^Connected/m), other.until(/^Connected/m)]);
  await submit("a", "some bytes", "good");
  await submit("b", "x", "bad");
  expect(await resultOf("a")).toBe("some bytes");
  expect(await other.until(/^Job b .*$/m)).toMatch(/^Job b \(bad\) failed: /);
  expect(await jobOf("b", "?wait_s=30")).toMatchObject({ status: "failed" });
});

test("gridlike worker start keeps a service warm, and functions [GC-27] [GC-28]", async () => {
  await serve("[types.count]\n[types.shout]\n");
  writeFileSync(
    join(place.folder, "serve.py"),
    `
import http.server, os
served = 0
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global served
        served += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = str(served).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["TASK_PORT"])), Handler).serve_forever()
`,
  );
  writeFileSync(
    join(place.folder, "shout.js"),
    "module.exports = (data, cb) => cb(null, data + '!');",
  );
  const service = ["--service", "--instances", "1", "--type", "count"];
  const worker = work(...service, "--functions", ".", "--", "python3", "serve.py");
  await worker.until(/^Connected/m);
  for (const key of ["a", "b"]) await submit(key, "x", "count");
  expect([await resultOf("a"), await resultOf("b")].toSorted()).toEqual(["1", "2"]);
  await submit("c", "hey", "shout");
  expect(await resultOf("c")).toBe("hey!");
  worker.run.kill("SIGTERM");
  expect(await worker.end()).toBe(0);
});

test("gridlike worker start tells a mistake before it asks any server", async () => {
  url = "http://127.0.0.1:1";
  const refusals = [
    { words: [], said: "nothing to run" },
    { words: ["--", "./no-such-program"], said: '"./no-such-program" does not exist' },
    { words: ["--slots", "none", "--", "cat"], said: "--slots" },
    { words: ["--functions", "no-such-folder"], said: "cannot be read" },
    { words: ["--policy", "no-such-file", "--", "cat"], said: "no-such-file" },
  ];
  for (const { words, said } of refusals) {
    const worker = work(...words);
    expect(await worker.end()).toBe(2);
    expect(worker.said()).toStartWith("gridlike: ");
    expect(worker.said()).toContain(said);
    expect(worker.said()).not.toContain("Joining");
  }
}, 20_000);

test("gridlike worker start ends with 4 and a sentence when the server refuses its token or its type", async () => {
  await serve("[types.render]\n");
  const stranger = workWith("Xn7sD2fG9kP4qR8vX1zC6bM3", "--type", "render", "--", "cat");
  expect(await stranger.end()).toBe(4);
  expect(stranger.said()).toContain("The token comes from --join.");
  const unknown = work("--type", "rendre", "--", "cat");
  expect(await unknown.end()).toBe(4);
  expect(unknown.said()).toContain('There is no job type "rendre". The types are: render');
  const untyped = work("--", "cat");
  expect(await untyped.end()).toBe(4);
  expect(untyped.said()).toContain("Name a job type.");
});

test("gridlike worker start joins by a pin, and sends nothing to another server", async () => {
  const server = await serve("[server.tls]\nauto = true\n");
  const pin = await server.until(/--pin (sha256:[0-9a-f]{64})/);
  const worker = work("--pin", pin, "--", "cat");
  await worker.until(/^Connected/m);
  const wrong = `sha256:${"0".repeat(64)}`;
  const careful = work("--pin", wrong, "--", "cat");
  expect(await careful.end()).toBe(4);
  expect(careful.said()).toContain(pin);
  expect(careful.said()).toContain(wrong);
  expect(careful.said()).toContain("Nothing was sent");
  const unpinned = work("--idle-timeout", "1s", "--", "cat");
  expect(await unpinned.end()).toBe(3);
  expect(unpinned.said()).toContain("give its --pin");
}, 30_000);

test("gridlike worker start waits for a server that is away, and gives up where it is told to", async () => {
  url = "http://127.0.0.1:1";
  const patient = work("--", "cat");
  await patient.until(/Trying again/);
  patient.run.kill("SIGINT");
  expect(await patient.end()).toBe(0);
  const hasty = work("--once", "--idle-timeout", "0.2s", "--", "cat");
  expect(await hasty.end()).toBe(3);
  const pinned = work("--pin", `sha256:${"0".repeat(64)}`, "--idle-timeout", "0.2s", "--", "cat");
  url = "https://127.0.0.1:1";
  const trusting = work("--pin", `sha256:${"0".repeat(64)}`, "--idle-timeout", "0.2s", "--", "cat");
  expect(await pinned.end()).toBe(2); // A pin is for TLS.
  expect(await trusting.end()).toBe(3);
  expect(trusting.said()).toContain("never reached");
}, 20_000);

test("gridlike worker start comes back when the server was away, and delivers what was done meanwhile", async () => {
  const first = await serve();
  const gate = await makeGate();
  const begun = await makeGate("begun");
  const worker = work("--", "sh", "-c", `cat; echo >${begun.path}; cat ${gate.path}`);
  await worker.until(/^Connected/m);
  await submit("a", "kept");
  await begun.reached(); // Sent is not enough: a job that its worker never had is given to the next.
  first.run.kill("SIGKILL");
  await first.end();
  await worker.until(/^No connection: .*$/m);
  await gate.open();
  const { port } = new URL(url);
  for (;;) {
    const again = place.start("--config", "gridlike.toml", "--port", port);
    // Somebody else may have the port for a moment.
    if ((await again.until(/listens at .* (already|keeps)/)) === "keeps") break;
    await again.end();
  }
  expect(await resultOf("a")).toBe("kept");
  expect(await jobOf("a")).toMatchObject({ status: "done", failures: 0 });
}, 40_000);

test("gridlike worker start lets a job end after Ctrl-C, and ends itself with 0", async () => {
  await serve();
  const gate = await makeGate();
  const begun = await makeGate("begun");
  const worker = work("--", "sh", "-c", `echo >${begun.path}; cat ${gate.path}; echo yes`);
  await worker.until(/^Connected/m);
  await submit("a", "");
  await begun.reached(); // What has not begun is given back.
  worker.run.kill("SIGINT");
  await worker.until(/Ctrl-C again/);
  await gate.open();
  expect(await resultOf("a")).toBe("yes\n");
  expect(await worker.end()).toBe(0);
}, 20_000);

test("gridlike worker start gives its jobs back uncharged when it is asked twice, or has no time", async () => {
  await serve();
  const ends: readonly { readonly words: readonly string[]; readonly signals: number }[] = [
    { words: [], signals: 2 },
    { words: ["--drain", "0"], signals: 1 },
  ];
  await submit("a", "");
  for (const { words, signals } of ends) {
    const worker = work(...words, "--", "sleep", "1000");
    await untilRunning("a");
    worker.run.kill("SIGINT");
    await worker.until(/Ctrl-C again/);
    if (signals === 2) worker.run.kill("SIGINT");
    expect(await worker.end()).toBe(0);
    expect(await jobOf("a")).toMatchObject({ status: "pending", failures: 0 });
  }
}, 30_000);

test("gridlike worker start --once ends with its one job, and its exit code tells how", async () => {
  await serve();
  for (const { script, code } of [
    { script: "cat", code: 0 },
    { script: "exit 3", code: 1 },
  ]) {
    const worker = work("--once", "--", "sh", "-c", script);
    await submit(`job-${code}`, "x");
    expect(await worker.end()).toBe(code);
  }
}, 20_000);

test("gridlike worker start runs clients' commands only where its owner says so, and explain tells why they wait", async () => {
  await serve();
  const wary = work("--", "cat");
  await wary.until(/^Connected/m);
  const submitted = place.startWith({ GRIDLIKE_URL: url, GRIDLIKE_TOKEN: apiKey }, [
    "submit",
    "--key",
    "c",
    "--",
    "echo",
    "run by a client",
  ]);
  expect(await submitted.end()).toBe(0);
  const waiting = (await (await call("/jobs/c/explain")).json()) as { readonly summary: string };
  expect(waiting.summary).toContain("No worker for command is connected.");

  const policy = join(place.folder, "policy.toml");
  writeFileSync(policy, 'allow_commands = true\nallow_programs = ["echo"]\n', { mode: 0o600 });
  const allowing = work("--policy", policy);
  await allowing.until(/serves command/);
  expect(await resultOf("c")).toBe("run by a client\n");
  allowing.run.kill("SIGTERM");
  expect(await allowing.end()).toBe(0);

  const open = work("--commands", "--", "cat");
  await open.until(/^Connected/m);
  const more = place.startWith({ GRIDLIKE_URL: url, GRIDLIKE_TOKEN: apiKey }, [
    "submit",
    "--key",
    "d",
    "--",
    "echo",
    "another",
  ]);
  expect(await more.end()).toBe(0);
  expect(await resultOf("d")).toBe("another\n");
}, 30_000);

test("gridlike worker start hides its token from the jobs, and passes on what it is told to [GC-23]", async () => {
  await serve();
  const env = ["--env", "LICENSE", "--env", "MODE=fast"];
  const worker = place.startWith(
    { GRIDLIKE_URL: url, GRIDLIKE_WORKER_TOKEN: workerToken, LICENSE: "paid", OTHER: "no" },
    ["worker", "start", "--allow-root", ...env, "--", "env"],
  );
  await worker.until(/^Connected/m);
  await submit("a", "");
  const lines = (await resultOf("a")).split("\n");
  expect(lines).toContain("LICENSE=paid");
  expect(lines).toContain("MODE=fast");
  expect(lines).toContain("GRIDLIKE_KEY=a");
  expect(lines.join("\n")).not.toContain(workerToken);
  expect(lines.join("\n")).not.toContain("OTHER");
});
