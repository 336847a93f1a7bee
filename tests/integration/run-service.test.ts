import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServiceRunner } from "../../src/agent/service/run-service.ts";
import type { ServiceOptions } from "../../src/agent/service/run-service.ts";
import {
  createListener,
  createWarmPlace,
  deaf,
  failureOf,
  isRunning,
  never,
  resultOf,
  run,
  until,
  warmDeps,
} from "../support/warm-jobs.ts";
import type { WarmPlace } from "../support/warm-jobs.ts";

let place: WarmPlace;
beforeEach(async () => {
  place = await createWarmPlace();
});
afterEach(() => place.end());

/** The payload says what the service does. */
const bunService = `
  console.log("started", process.env.TASK_INSTANCE);
  await Bun.sleep(Number(process.env.SLOW_MS ?? 0));
  Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.TASK_PORT), idleTimeout: 0, async fetch(request) {
    if (request.method === "GET") return new Response(process.env.GONE ? null : "here");
    const body = await request.text();
    const [word, value = ""] = body.split(" ");
    if (word === "whoami") return Response.json({ pid: process.pid, ...process.env });
    if (word === "headers") return Response.json(Object.fromEntries(request.headers));
    if (word === "say") { console.log(value); console.error("!" + value); return new Response("said"); }
    if (word === "status") return new Response("no good\\nat all", { status: Number(value) });
    if (word === "exit") { console.error("it is over"); process.exit(Number(value)); }
    if (word === "large") return new Response("x".repeat(Number(value)));
    if (word === "wait") { await Bun.sleep(Number(value)); return new Response("waited"); }
    if (word === "hang") for (;;) {}
    if (word === "burn") for (const end = Date.now() + Number(value); Date.now() < end;);
    if (word === "grow") { globalThis.kept = Buffer.alloc(Number(value), 1); await Bun.sleep(60_000); }
    return new Response(body, { headers: { "content-type": "text/x-echo" } });
  }});
`;

const pythonService = `
import http.server, json, os, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"task_path": os.environ["TASK_PATH"], "task_port": os.environ["TASK_PORT"]})
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if os.environ.get("CONTRACT") != "gridcontrol":
            return self.answer({"got": body, "path": os.environ["TASK_PATH"]})
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        if form.get("data") == "bad": return self.answer({"err": {"message": "bad data"}, "data": None})
        if form.get("data") == "other": return self.answer({"success": True})
        self.answer({"err": None, "data": form})
    def answer(self, value):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())
    def log_message(self, *args): pass
http.server.HTTPServer(("", int(os.environ["TASK_PORT"])), Handler).serve_forever()
`;

async function serve(overrides: Partial<ServiceOptions> = {}) {
  await place.write("service.js", bunService);
  const options: ServiceOptions = {
    kind: "service",
    argv: [process.execPath, "service.js"],
    instances: 1,
    env: {},
    contract: "plain",
    type: "echo",
    folder: place.folder,
    ...overrides,
  };
  return place.keep(createServiceRunner(options, warmDeps));
}

const whoami = async (runner: Awaited<ReturnType<typeof serve>>) =>
  JSON.parse(await resultOf(await run(runner, await place.job({ text: "whoami" })))) as {
    readonly [name: string]: unknown;
  };

test("run() sends the payload to a program that was started once, and takes the body of its answer [GC-27] [GC-28]", async () => {
  const runner = await serve();
  const job = await place.job({ text: "hello", contentType: "text/plain" });
  const outcome = await run(runner, job);
  expect(outcome).toMatchObject({ kind: "done", contentType: "text/x-echo" });
  expect(await resultOf(outcome)).toBe("hello");
  const first = await whoami(runner);
  const second = await whoami(runner);
  expect(second["pid"]).toBe(first["pid"]);
  expect(runner.stats()).toMatchObject([{ restarts: 0, jobsDone: 3, state: "idle" }]);
});

test("run() speaks with a service of Python's standard library [GC-27]", async () => {
  const path = await place.write("service.py", pythonService);
  const runner = await serve({ argv: ["python3", "service.py"] });
  const answer = await resultOf(await run(runner, await place.job({ text: "hello" })));
  expect(JSON.parse(answer)).toEqual({ got: "hello", path });
});

test("run() speaks the original's form and JSON when asked to [GC-25]", async () => {
  const path = await place.write("service.py", pythonService);
  const runner = await serve({
    argv: ["python3", "service.py"],
    env: { CONTRACT: "gridcontrol" },
    contract: "gridcontrol",
  });
  const call = async (text: string, type = "echo") => run(runner, await place.job({ text, type }));
  expect(JSON.parse(await resultOf(await call("plain text")))).toEqual({
    data: "plain text",
    "context[handler]": "",
  });
  expect(JSON.parse(await resultOf(await call('{"a":[1,{"b":"c"}]}', "echo.deep")))).toEqual({
    "data[a][0]": "1",
    "data[a][1][b]": "c",
    "context[handler]": "deep",
  });
  expect(await resultOf(await call("other"))).toBe('{"success": true}');
  expect(failureOf(await call("bad"))).toMatchObject({ info: "bad data", retryable: true });
  const port = runner.stats()[0]?.port;
  const about = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  expect(about).toEqual({ task_path: path, task_port: String(port) });
});

test("run() tells the service of the job in headers, and of its place in the environment [GC-23]", async () => {
  const runner = await serve({ env: { COLOUR: "green" } });
  const job = await place.job({ text: "headers", key: "a/ä", type: "echo", attempt: 3 });
  expect(JSON.parse(await resultOf(await run(runner, job)))).toMatchObject({
    "gridlike-job": job.job,
    "gridlike-key": "a%2F%C3%A4",
    "gridlike-type": "echo",
    "gridlike-attempt": "3",
    "content-type": "application/octet-stream",
  });
  const seen = await whoami(runner);
  const port = runner.stats()[0]?.port;
  expect(seen).toMatchObject({ COLOUR: "green", TASK_INSTANCE: "1", TASK_PORT: String(port) });
  expect(seen["TASK_PATH"]).toBe(`${place.folder}/service.js`);
});

test("run() sends a payload that is a file, and leaves a large result in the job's folder", async () => {
  const runner = await serve();
  const path = await place.write("payload", "large 100000");
  const job = await place.job({ payload: { kind: "file", path, sizeBytes: 12 } });
  const outcome = await run(runner, job);
  expect(outcome).toMatchObject({ kind: "done", result: { kind: "file", sizeBytes: 100_000 } });
  expect((await resultOf(outcome)).length).toBe(100_000);
});

test("run() fails with the first lines of an answer that is no 2xx; 422 is not worth another try", async () => {
  const runner = await serve();
  for (const [status, retryable] of [
    [500, true],
    [404, true],
    [422, false],
  ] as const) {
    const outcome = await run(runner, await place.job({ text: `status ${status}` }));
    const info = `The service answered ${status}: no good\nat all`;
    expect(failureOf(outcome)).toMatchObject({ info, retryable });
  }
});

test("run() waits until a service that starts slowly takes connections [GC-30]", async () => {
  const runner = await serve({ env: { SLOW_MS: "300" } });
  expect(await resultOf(await run(runner, await place.job({ text: "early" })))).toBe("early");
  expect(runner.stats()).toMatchObject([{ restarts: 0 }]);
});

test("run() says in one sentence that a service never took a connection", async () => {
  await place.write("deaf.js", 'console.error("I listen to nobody"); setInterval(() => {}, 1000);');
  const runner = await serve({ argv: [process.execPath, "deaf.js"], startMsMax: 300 });
  const { info } = failureOf(await run(runner, await place.job()));
  expect(info).toMatch(
    /^The service "echo" took no connection on port \d+ within 0.3 s of its start\./,
  );
  expect(info).toEndWith("Its last words: I listen to nobody");
});

test("createServiceRunner() starts a service again that ended, at the same port [GC-29]", async () => {
  const runner = await serve();
  const first = await whoami(runner);
  const { info, exitCode } = failureOf(await run(runner, await place.job({ text: "exit 7" })));
  expect(info).toBe('The service "echo" ended with exit code 7. Its last words: it is over');
  expect(exitCode).toBe(7);
  const second = await whoami(runner);
  expect(second["TASK_PORT"]).toBe(first["TASK_PORT"]);
  expect(second["pid"]).not.toBe(first["pid"]);
  expect(runner.stats()).toMatchObject([{ restarts: 1 }]);
});

test("run() answers with how the service ended when it does so again and again", async () => {
  await place.write("broken.js", 'console.error("no licence"); process.exit(3);');
  const runner = await serve({ argv: [process.execPath, "broken.js"] });
  const failure = failureOf(await run(runner, await place.job()));
  expect(failure).toMatchObject({ exitCode: 3, retryable: true });
  expect(failure.info).toBe(
    'The service "echo" ended with exit code 3 before it took a connection. It ended 3 times in a row. Its last words: no licence',
  );
});

test("run() gives back the jobs in the hands of a service that ended, unless one of them saw that before", async () => {
  const runner = await serve();
  const patient = await place.job({ text: "wait 60000" });
  const crashInCompany = async () => {
    const waiting = run(runner, patient);
    await until(() => runner.stats()[0]?.state === "busy");
    return [await run(runner, await place.job({ text: "exit 1" })), await waiting];
  };
  const released = { kind: "released", why: "preempted" } as const;
  expect(await crashInCompany()).toEqual([released, released]);
  const [stranger, known] = await crashInCompany();
  expect(stranger).toEqual(released);
  expect(failureOf(known!).info).toContain("It had 2 jobs in its hands.");
});

test("run() shares jobs among the instances, each with a port of its own [GC-28]", async () => {
  const runner = await serve({ instances: 3 });
  await until(() => runner.stats().every(({ state }) => state === "idle"));
  const jobs = await Promise.all([1, 2, 3].map(() => place.job({ text: "wait 300" })));
  const outcomes = Promise.all(jobs.map((job) => run(runner, job)));
  await until(() => runner.stats().every(({ state }) => state === "busy"));
  await outcomes;
  for (let n = 0; n < 6; n += 1) await run(runner, await place.job({ text: "x" }));
  const stats = runner.stats();
  expect(stats.map(({ jobsDone }) => jobsDone)).toEqual([3, 3, 3]);
  expect(new Set(stats.map(({ port }) => port)).size).toBe(3);
  expect(new Set(stats.map(({ pid }) => pid)).size).toBe(3);
});

test("run() gives a job up when its time is over, and restarts a service that hangs", async () => {
  const runner = await serve();
  const first = await whoami(runner);
  const slow = await run(runner, await place.job({ text: "wait 60000", timeoutMs: 100 }));
  expect(failureOf(slow).info).toBe(
    "The job ran for longer than its limit of 0.1 s, and was given up.",
  );
  expect((await whoami(runner))["pid"]).toBe(first["pid"]);
  const hung = await run(runner, await place.job({ text: "hang", timeoutMs: 100 }));
  expect(failureOf(hung).retryable).toBe(true);
  expect((await whoami(runner))["pid"]).not.toBe(first["pid"]);
});

test("run() resolves as stopped when the job is cancelled, in the service's hands or before", async () => {
  const runner = await serve();
  const stop = new AbortController();
  const running = runner.run(await place.job({ text: "wait 60000" }), deaf, stop.signal);
  await until(() => runner.stats()[0]?.state === "busy");
  stop.abort();
  expect(await running).toEqual({ kind: "stopped" });
  expect(runner.stats()).toMatchObject([{ state: "idle", restarts: 0 }]);
  const late = runner.run(await place.job({ text: "x" }), deaf, AbortSignal.abort());
  expect(await late).toEqual({ kind: "stopped" });
});

test("run() hands over what the service writes while it has one job, and keeps all of it [GC-29]", async () => {
  const runner = await serve();
  const { report, text } = createListener();
  await runner.run(await place.job({ text: "say hello" }), report, never);
  expect(text()).toContain("hello\n");
  expect(text()).toContain("!hello\n");
  expect(runner.output(1)).toContain("started 1\nhello\n");
});

test("stats() tells the processor time and the memory of each instance", async () => {
  const runner = await serve();
  await run(runner, await place.job({ text: "burn 50" }));
  const [facts] = runner.stats();
  expect(facts?.cpuSeconds).toBeGreaterThan(0);
  expect(facts?.memoryBytes).toBeGreaterThan(1_000_000);
});

test("run() fails the job of a service that uses more memory than it may [GC-121]", async () => {
  const runner = await serve({ memoryBytesMax: 200 * 1024 * 1024 });
  const outcome = await run(runner, await place.job({ text: `grow ${300 * 1024 * 1024}` }));
  expect(failureOf(outcome).info).toContain("more than its bound of 209715200");
  expect(await resultOf(await run(runner, await place.job({ text: "back" })))).toBe("back");
});

test("createServiceRunner() keeps a service that runs beside other programs of the same agent", async () => {
  const runner = await serve();
  const first = await whoami(runner);
  const tree = warmDeps.trees.start({
    command: ["/bin/sh", "-c", "sleep 0.01"],
    environment: { MARK: "1" },
    mark: "MARK",
    folder: place.folder,
    input: null,
  });
  if ("code" in tree) throw new Error(tree.code);
  for (const output of [tree.stdout, tree.stderr]) output.giveUp();
  await tree.exited;
  await tree.end();
  expect((await whoami(runner))["pid"]).toBe(first["pid"]);
});

test("close() leaves no process and gives running jobs back", async () => {
  const runner = await serve();
  const [{ pid }] = [await whoami(runner)];
  const running = run(runner, await place.job({ text: "wait 60000" }));
  await until(() => runner.stats()[0]?.state === "busy");
  await runner.close();
  expect(await running).toEqual({ kind: "released", why: "preempted" });
  expect(isRunning(Number(pid))).toBe(false);
});

test("createServiceRunner() refuses a program that is not there", () => {
  const options = { kind: "service", argv: ["no-such-program"], instances: 1, env: {} } as const;
  expect(() => createServiceRunner({ ...options, contract: "plain", type: "x" }, warmDeps)).toThrow(
    'The program "no-such-program" is in no folder of PATH',
  );
});
