import { afterEach, beforeEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { functionTypes } from "../../src/agent/functions/function-catalogue.ts";
import { createFunctionRunner } from "../../src/agent/functions/run-function.ts";
import type { FunctionOptions } from "../../src/agent/functions/run-function.ts";
import type { Assignment } from "../../src/agent/runner.ts";
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

/** Writes the files, and serves their folder. */
async function functions(
  files: { readonly [name: string]: string },
  overrides: Partial<FunctionOptions> = {},
) {
  for (const [name, text] of Object.entries(files)) await place.write(name, text);
  const options = { kind: "functions", folder: place.folder, instances: 1, env: {} } as const;
  const runner = place.keep(createFunctionRunner({ ...options, ...overrides }, warmDeps));
  const call = async (type: string, text = "", more: Partial<Assignment> = {}) =>
    run(runner, await place.job({ type, text, ...more }));
  return {
    runner,
    call,
    answer: async (type: string, text = "") => resultOf(await call(type, text)),
  };
}

test("run() calls module.exports of the file that has the type's name, and cb answers [GC-20] [GC-21]", async () => {
  const { answer } = await functions({
    "echo.v2.js": "module.exports = function (data, cb) { cb(null, { hello: data.name }); };",
  });
  expect(await answer("echo", '{"name":"world"}')).toBe('{"hello":"world"}');
});

test("run() calls an exported function by the name behind the dot [GC-22]", async () => {
  const { answer } = await functions({
    "tools.js": "exports.double = function (data, cb) { cb(null, data * 2); };",
    "modern.ts": "export const half = async (data: number): Promise<number> => data / 2;",
  });
  expect(await answer("tools.double", "21")).toBe("42");
  expect(await answer("modern.half", "84")).toBe("42");
});

test("run() tells callbacks, promises, Lambda handlers and plain functions apart", async () => {
  const { runner, answer, call } = await functions({
    "kinds.js": `
      const later = (f) => setTimeout(f, 5);
      exports.plain = (data) => data + 1;
      exports.nothing = () => {};
      exports.promise = async (data) => data + 1;
      exports.callback = (data, cb) => later(() => cb(null, data + 1));
      exports.atOnce = (data, cb) => cb(null, data + 1);
      exports.asyncCallback = async (data, cb) => { await null; cb(null, data + 1); };
      exports.asyncHandler = async (event, context) => event + context.attempt;
      exports.succeed = (event, context) => later(() => context.succeed(event + 1));
      exports.done = (event, context) => later(() => context.done(null, event + 1));
      exports.third = (event, context, callback) => later(() => callback(null, event + context.attempt));
      exports.twice = (data, cb) => { cb(null, data + 1); cb(null, "no"); };
      exports.rest = async (...words) => words[0] + 1;
      exports.fail = (event, context) => context.fail(new Error("it failed"));
      exports.failDone = (event, context) => context.done(new Error("it failed"));
      exports.err = (data, cb) => cb(new Error("it failed"));
      exports.value = (data, cb) => cb("it failed");
      exports.throws = () => { throw new Error("it failed"); };
      exports.throwsLate = async () => { await null; throw new Error("it failed"); };
      exports.final = () => { throw Object.assign(new Error("it failed"), { retryable: false }); };
      exports.typeError = () => null.x;
    `,
  });
  const answers =
    "plain promise callback atOnce asyncCallback asyncHandler succeed done third twice";
  for (const name of [...answers.split(" "), "rest"]) {
    expect([name, await answer(`kinds.${name}`, "41")]).toEqual([name, "42"]);
  }
  expect(await answer("kinds.nothing")).toBe("null");
  for (const name of "fail failDone err value throws throwsLate".split(" ")) {
    const failure = failureOf(await call(`kinds.${name}`, "1"));
    expect([name, failure]).toMatchObject([name, { info: "it failed", retryable: true }]);
  }
  expect(failureOf(await call("kinds.final"))).toMatchObject({ retryable: false });
  expect(failureOf(await call("kinds.typeError")).info).toStartWith("TypeError: null is not");
  expect(runner.stats()).toMatchObject([{ restarts: 0 }]);
});

test("run() hands over JSON as data and all else as bytes, and takes back either", async () => {
  const { answer, call } = await functions({
    "kind.js": "module.exports = (data) => [Buffer.isBuffer(data) ? 'bytes' : typeof data, data];",
    "bytes.js": "module.exports = (data) => new Uint8Array([...data, 7]);",
    "text.js": "module.exports = (data) => `text ${data}`;",
    "big.js": "module.exports = (data) => Buffer.alloc(data, 1);",
    "bad.js": "module.exports = () => 1n;",
  });
  const kind = async (text: string, contentType: string | null) =>
    JSON.parse(await resultOf(await call("kind", text, { contentType })))[0];
  expect(await kind('{"a":1}', null)).toBe("object");
  expect(await kind("12", "text/plain; charset=utf-8")).toBe("number");
  expect(await kind("12", "application/json")).toBe("number");
  expect(await kind("12", "application/octet-stream")).toBe("bytes");
  expect(await kind("no json", "text/plain")).toBe("bytes");
  expect(await kind("", null)).toBe("bytes");
  const path = await place.write("payload", '{"in":"a file"}');
  const payload = { kind: "file", path, sizeBytes: 15 } as const;
  expect(await resultOf(await call("kind", "", { payload }))).toBe('["object",{"in":"a file"}]');

  const bytes = await call("bytes", "", {
    payload: { kind: "bytes", bytes: new Uint8Array([200]) },
  });
  expect(bytes).toEqual({
    kind: "done",
    result: { kind: "bytes", bytes: new Uint8Array([200, 7]) },
    contentType: null,
  });
  expect(await call("text", "1")).toMatchObject({ contentType: "text/plain;charset=utf-8" });
  expect(await answer("text", "1")).toBe("text 1");
  const big = await call("big", "100000");
  expect(big).toMatchObject({ kind: "done", result: { kind: "file", sizeBytes: 100_000 } });
  expect((await resultOf(big)).length).toBe(100_000);
  expect(failureOf(await call("bad")).info).toContain("BigInt");
});

test("run() says what is wrong with a task in the original's words [GC-26]", async () => {
  const { call } = await functions({
    "few.js": "exports.number = 1; exports.other = () => {};",
    "none.ts": "export {};",
  });
  const file = (name: string) => `${place.folder}/${name}`;
  const info = async (type: string) => failureOf(await call(type)).info;
  expect(await info("few.missing")).toBe(
    `Task handler "missing" is not defined in file ${file("few.js")}`,
  );
  expect(await info("few.number")).toBe(
    `Task "number" is not a function in file ${file("few.js")}`,
  );
  expect(await info("few")).toBe(
    `Task does not export any main function in file ${file("few.js")}`,
  );
  expect(await info("none")).toBe(
    `Task does not export any main function in file ${file("none.ts")}`,
  );
  expect(await info("absent")).toBe("Task file absent does not exists");
  expect(failureOf(await call("few"))).toMatchObject({ retryable: false });
});

test("run() takes plugins by the name that they give themselves [BA-13] [BA-14]", async () => {
  const { runner, answer, call } = await functions({
    "one.js": 'module.exports = { name: "thumb", callback: (payload) => payload + 1 };',
    "two.js": `
      class Job { constructor({ name }) { this.name = name; } }
      class Blur extends Job {
        constructor() { super({ name: "blur" }); }
        async main(payload) { return payload + this.amount(); }
        amount() { return 2; }
      }
      module.exports = [Blur, { name: "sharp", run: (payload, cb) => cb(null, payload + 3) }];
    `,
    "nameless.js": "module.exports = { callback: () => 1 };",
  });
  expect(await answer("thumb", "1")).toBe("2");
  expect(await answer("one", "1")).toBe("2");
  expect(await answer("blur", "1")).toBe("3");
  expect(await answer("sharp", "1")).toBe("4");
  expect(await answer("two.sharp", "1")).toBe("4");
  expect(failureOf(await call("nameless")).info).toBe("Job name required");
  expect(await runner.types()).toEqual(
    ["blur", "nameless", "nameless.callback", "one", "sharp", "thumb", "two"].toSorted(),
  );
});

test("types() names files and the functions that they export, functionTypes() files alone [GC-20] [GC-22]", async () => {
  const { runner } = await functions({
    "a.js": "module.exports = () => 1; module.exports.loud = () => 2; exports.x = 1;",
    "b.ts": "export default () => 1; export const quiet = () => 2; export const version = '1';",
    "b.test.ts": "throw new Error('not this one');",
    "c.d.ts": "export {};",
    "data.json": "{}",
    "broken.js": "this is no JavaScript",
    "lib/inner.js": "module.exports = 1;",
  });
  expect(await functionTypes(place.folder)).toEqual(["a", "b", "broken"]);
  expect(await runner.types()).toEqual(["a", "a.loud", "b", "b.quiet", "broken"]);
  await place.write("a.ts", "");
  const problemOf = (folder: string) => functionTypes(folder).then(String, String);
  expect(await problemOf(place.folder)).toContain('are for the type "a". Rename one of them.');
  expect(await problemOf(`${place.folder}/none`)).toContain("cannot be read");
});

test("run() keeps the process of a function, and takes a changed or added file up for the next job [GC-28]", async () => {
  const { answer, call } = await functions({
    "count.js": "let n = 0; module.exports = () => [process.pid, ++n, require('./lib/add.js')];",
    "lib/add.js": "module.exports = 1;",
  });
  const [pid, n] = JSON.parse(await answer("count"));
  expect(n).toBe(1);
  expect(JSON.parse(await answer("count"))).toEqual([pid, 2, 1]);
  await place.write("lib/add.js", "module.exports = 1000;");
  const [, first, added] = JSON.parse(await answer("count"));
  expect([first, added]).toEqual([1, 1000]);
  await place.write("count.js", "module.exports = () => 'another';");
  expect(await answer("count")).toBe("another");
  await place.write("late.js", "module.exports = () => 'here';");
  expect(await answer("late")).toBe("here");
  await unlink(`${place.folder}/late.js`);
  expect(failureOf(await call("late")).info).toBe("Task file late does not exists");
});

test("run() finds the packages and the environment of the functions, and not the agent's own secrets [GC-23]", async () => {
  const { answer } = await functions(
    {
      "uses.ts": 'import { word } from "pack"; export default () => [word, process.env];',
      "node_modules/pack/package.json": '{"name":"pack","main":"index.js"}',
      "node_modules/pack/index.js": "exports.word = 'packed';",
      ".env": "FROM_FILE=1",
    },
    { env: { COLOUR: "green" } },
  );
  process.env["GRIDLIKE_TEST_SECRET"] = "secret";
  try {
    const [word, env] = JSON.parse(await answer("uses"));
    expect(word).toBe("packed");
    expect(env).toMatchObject({
      COLOUR: "green",
      TASK_INSTANCE: "1",
      TASK_PATH: `${place.folder}/uses.ts`,
    });
    expect(env).not.toHaveProperty("GRIDLIKE_TEST_SECRET");
    expect(env).not.toHaveProperty("BUN_BE_BUN");
    expect(env).not.toHaveProperty("FROM_FILE");
  } finally {
    delete process.env["GRIDLIKE_TEST_SECRET"];
  }
});

test("run() fails the job of a function that ends its process, and starts another one [GC-29]", async () => {
  const { runner, call, answer } = await functions({
    "end.js": `module.exports = (data, cb) => {
      if (data === "exit") { console.error("bye"); process.exit(3); }
      if (data === "kill") process.kill(process.pid, "SIGKILL");
      if (data === "throw") setTimeout(() => { throw new Error("too late"); }, 1);
      if (data === "reject") void Promise.reject(new Error("nobody cares"));
      if (data === "fine") cb(null, 1);
    };`,
  });
  expect(failureOf(await call("end", '"exit"'))).toEqual({
    kind: "failed",
    info: "The process of the function ended with exit code 3 before it answered. Its last words: bye",
    exitCode: 3,
    signal: null,
    retryable: true,
  });
  expect(failureOf(await call("end", '"kill"'))).toMatchObject({
    exitCode: null,
    signal: "SIGKILL",
  });
  expect(failureOf(await call("end", '"throw"')).info).toContain("error: too late");
  expect(failureOf(await call("end", '"reject"')).info).toContain("error: nobody cares");
  expect(await answer("end", '"fine"')).toBe("1");
  expect(runner.stats()).toMatchObject([{ restarts: 4, jobsDone: 1, state: "idle" }]);
});

test("run() ends a function that hangs, or whose job is cancelled", async () => {
  const { runner, call, answer } = await functions({
    "hang.js":
      "module.exports = (data, cb) => { if (data === 1) for (;;); if (data === 3) cb(); };",
  });
  const hung = failureOf(await call("hang", "1", { timeoutMs: 200 }));
  expect(hung.info).toBe("The function ran for longer than its limit of 0.2 s, and was ended.");
  const stop = new AbortController();
  const job = await place.job({ type: "hang", text: "2" });
  const running = runner.run(job, deaf, stop.signal);
  await until(() => runner.stats()[0]?.state === "busy");
  const pid = runner.stats()[0]?.pid ?? 0;
  const waiting = runner.run(await place.job({ type: "hang", text: "2" }), deaf, stop.signal);
  stop.abort();
  expect(await running).toEqual({ kind: "stopped" });
  expect(await waiting).toEqual({ kind: "stopped" });
  expect(isRunning(pid)).toBe(false);
  expect(await answer("hang", "3")).toBe("null");
});

test("run() runs as many jobs of a function at one time as it has instances [GC-28]", async () => {
  const { runner, call } = await functions(
    { "slow.js": "module.exports = async (ms) => { await Bun.sleep(ms); return process.pid; };" },
    { instances: 2 },
  );
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => call("slow", "150")));
  const pids = new Set(await Promise.all(outcomes.map((outcome) => resultOf(outcome))));
  expect(pids.size).toBe(2);
  expect(runner.stats().map(({ jobsDone }) => jobsDone)).toEqual([2, 2]);
});

test("run() ends a function that uses more memory than it may [GC-121]", async () => {
  const memoryBytesMax = 250 * 1024 * 1024;
  const { call } = await functions(
    { "grow.js": "module.exports = (data, cb) => { global.kept = Buffer.alloc(data, 1); };" },
    { memoryBytesMax },
  );
  const { info } = failureOf(await call("grow", String(400 * 1024 * 1024)));
  expect(info).toContain(`more than its bound of ${memoryBytesMax}`);
});

test("run() hands over what a function prints and how far it is", async () => {
  const { runner } = await functions({
    "talk.js": `module.exports = (data, context) => {
      console.log("out"); console.error("err"); context.progress(40, "meshing");
      process.stdout.write("last"); context.succeed();
    };
    exports = module.exports; exports.fail = () => { throw new Error("with a stack"); };`,
  });
  const { report, text, notes } = createListener();
  for (let n = 0; n < 20; n += 1) {
    await runner.run(await place.job({ type: "talk" }), report, never);
  }
  const lines = text();
  for (const word of ["out\n", "err\n", "last"]) expect(lines.split(word).length).toBe(21);
  expect(notes[0]).toEqual([40, "meshing"]);
  expect(runner.output(1)).toContain("out\n");
  const failing = createListener();
  await runner.run(await place.job({ type: "talk.fail" }), failing.report, never);
  expect(failing.text()).toContain("talk.js:");
});

test("stats() tells the processor time and the memory of each process", async () => {
  const { runner, call } = await functions({
    "burn.js":
      "module.exports = (ms) => { const end = Date.now() + ms; while (Date.now() < end); };",
  });
  await call("burn", "50");
  const [facts] = runner.stats();
  expect(facts).toMatchObject({ instance: 1, name: "burn", port: null, jobsDone: 1 });
  expect(facts?.cpuSeconds).toBeGreaterThan(0);
  expect(facts?.memoryBytes).toBeGreaterThan(1_000_000);
});

test("close() leaves no process and no file, and gives running jobs back", async () => {
  const { runner, call } = await functions({ "wait.js": "module.exports = (data, cb) => {};" });
  const running = call("wait");
  await until(() => runner.stats()[0]?.state === "busy");
  const pid = runner.stats()[0]?.pid ?? 0;
  await runner.close();
  expect(await running).toEqual({ kind: "released", why: "preempted" });
  expect(isRunning(pid)).toBe(false);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("gridlike-host-"))).toEqual([]);
});
