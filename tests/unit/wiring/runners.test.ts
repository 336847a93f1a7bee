import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { policyDefault } from "../../../src/config/worker-policy.ts";
import { createSilentLog } from "../../../src/platform/log.ts";
import { createRunners, type Runners, type RunnersOptions } from "../../../src/wiring/runners.ts";

let folder = "";
const opened: Runners[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-runners-"));
});
afterEach(async () => {
  for (const { runner } of opened.splice(0)) await runner.close();
  rmSync(folder, { recursive: true });
});

const cat = { kind: "each-job", words: ["cat"] } as const;

async function create(options: Partial<RunnersOptions>): Promise<Runners | string> {
  const created = await createRunners({
    command: null,
    functions: null,
    isCommandServed: false,
    types: [],
    slots: 2,
    instances: 1,
    policy: policyDefault,
    timeLimitMs: null,
    environment: { PATH: process.env["PATH"] ?? "" },
    folder,
    log: createSilentLog(),
    onFailure: () => {},
    ...options,
  });
  if (typeof created !== "string") opened.push(created);
  return created;
}

test("createRunners() serves the unnamed type unless types are named", async () => {
  expect(await create({ command: cat })).toMatchObject({ types: [], slots: 2 });
  expect(await create({ command: cat, types: ["a", "b"] })).toMatchObject({ types: ["a", "b"] });
});

test("createRunners() serves clients' commands beside the owner's", async () => {
  expect(await create({ isCommandServed: true })).toMatchObject({ types: ["command"] });
  const both = await create({ command: cat, isCommandServed: true });
  expect(both).toMatchObject({ types: ["", "command"] });
});

test("createRunners() serves every function of a folder, or those that are named [GC-20] [GC-22]", async () => {
  writeFileSync(
    join(folder, "echo.js"),
    "module.exports = (data, cb) => cb(null, data); module.exports.loud = (data, cb) => cb(null, data);",
  );
  expect(await create({ functions: folder })).toMatchObject({ types: ["echo", "echo.loud"] });
  expect(await create({ functions: folder, types: ["echo"] })).toMatchObject({ types: ["echo"] });
  expect(await create({ functions: folder, types: ["sing"] })).toContain("echo, echo.loud");
  const both = await create({ functions: folder, command: cat, types: ["other"] });
  expect(both).toMatchObject({ types: ["other", "echo", "echo.loud"] });
  const twice = await create({ functions: folder, command: cat, types: ["echo"] });
  expect(twice).toContain('"echo" is served already');
}, 20_000);

test("createRunners() offers no more than the policy allows", async () => {
  const policy = { ...policyDefault, types: ["a", "command"], slotsMax: 1 };
  expect(await create({ command: cat, types: ["a", "b"], policy })).toMatchObject({
    types: ["a"],
    slots: 1,
  });
  expect(await create({ command: cat, types: ["b"], policy })).toContain("policy allows");
  // A list of types is no wish for commands of clients.
  expect(await create({ command: cat, policy })).toMatchObject({ types: ["a"] });
});

test("createRunners() says what is wrong before anything runs", async () => {
  expect(await create({ command: { kind: "each-job", words: ["./none"] } })).toContain("./none");
  expect(await create({ functions: join(folder, "none") })).toContain("cannot be read");
  expect(await create({ functions: folder })).toContain("holds no functions");
  const service = { kind: "service", words: ["./none"], contract: "plain" } as const;
  expect(await create({ command: service })).toContain("./none");
});

test("createRunners() tells of a word that names a file here, where no job will look", async () => {
  writeFileSync(join(folder, "work.py"), "");
  const created = await create({ command: { kind: "each-job", words: ["cat", "work.py"] } });
  expect(created).toMatchObject({ notices: [expect.stringContaining("work.py")] });
});
