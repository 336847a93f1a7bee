import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFirstRun } from "../../../src/cli/first-run.ts";
import { findEntry } from "../../../src/config/context.ts";

const made = { apiKey: "gla_secret", workerToken: "glw_secret" };
let folder = "";
let printed: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gridlike-first-run-"));
  printed = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const own = () => join(folder, "home/gridlike/context.toml");
const dataDir = () => join(folder, "data");
const entryIn = (path: string) => findEntry(readFileSync(path, "utf8"), dataDir());

function aFirstRun(options: {
  readonly contextPath?: string | null;
  readonly isUnwatched?: boolean;
}) {
  return createFirstRun({
    server: { name: "closet", dataDir: dataDir() },
    contextPath: own(),
    isUnwatched: false,
    print: (line) => printed.push(line),
    ...options,
  });
}

test("keep() enters the secrets into a file for the user alone, and prints them", async () => {
  await aFirstRun({}).keep(made);
  expect(entryIn(own())).toMatchObject({ ...made, name: "closet", url: null });
  expect(statSync(own()).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "home/gridlike")).mode & 0o777).toBe(0o700);
  expect(printed.join("\n")).toContain("gla_secret");
  expect(printed.join("\n")).toContain("glw_secret");
  expect(printed.join("\n")).toContain(own());
});

test("keep() prints no secret in a container that nobody watches, only the file's name", async () => {
  await aFirstRun({ isUnwatched: true }).keep(made);
  expect(printed.join("\n")).not.toContain("secret");
  expect(printed.join("\n")).toContain(own());
  expect(entryIn(own())).toMatchObject(made);
});

test("keep() takes the data directory where there is no home or it cannot be written", async () => {
  const fallback = () => join(dataDir(), "context.toml");
  await aFirstRun({ contextPath: null }).keep(made);
  expect(entryIn(fallback())).toMatchObject(made);
  rmSync(fallback());
  writeFileSync(join(folder, "home"), "a file where a folder should be");
  await aFirstRun({}).keep(made);
  expect(entryIn(fallback())).toMatchObject(made);
  expect(printed.at(-1)).toContain(fallback());
});

test("keep() leaves a context alone that is no TOML", async () => {
  const broken = join(folder, "broken.toml");
  writeFileSync(broken, "= mine");
  await aFirstRun({ contextPath: broken }).keep(made);
  expect(readFileSync(broken, "utf8")).toBe("= mine");
  expect(entryIn(join(dataDir(), "context.toml"))).toMatchObject(made);
});

test("keep() leaves a secret standing that was made at an earlier start", async () => {
  await aFirstRun({}).keep({ apiKey: "gla_old", workerToken: null });
  await aFirstRun({}).keep({ apiKey: null, workerToken: "glw_new" });
  expect(entryIn(own())).toMatchObject({ apiKey: "gla_old", workerToken: "glw_new" });
});

const pin = `sha256:${"ab".repeat(32)}`;

test("listening() notes the address of a server that stands in the context, and of no other", async () => {
  const firstRun = aFirstRun({});
  expect(await firstRun.listening({ url: "https://127.0.0.1:1/", pin })).toBeNull();
  expect(() => statSync(own())).toThrow();
  await firstRun.keep(made);
  await firstRun.listening({ url: "https://127.0.0.1:2/", pin });
  expect(entryIn(own())).toMatchObject({ ...made, url: "https://127.0.0.1:2/", pin });
});

test("listening() forgets the pin of a server that has none any more", async () => {
  const firstRun = aFirstRun({});
  await firstRun.keep(made);
  await firstRun.listening({ url: "https://127.0.0.1:2/", pin });
  await firstRun.keep({ apiKey: null, workerToken: "glw_new" });
  expect(entryIn(own())).toMatchObject({
    pin,
    url: "https://127.0.0.1:2/",
    workerToken: "glw_new",
  });
  await firstRun.listening({ url: "http://127.0.0.1:2/", pin: null });
  expect(entryIn(own())).toMatchObject({ pin: null, url: "http://127.0.0.1:2/" });
});

test("listening() answers with the token that was kept, and whether commands find it", async () => {
  const at = { url: "https://127.0.0.1:2/", pin };
  await aFirstRun({}).keep(made);
  expect(await aFirstRun({}).listening(at)).toEqual({
    workerToken: made.workerToken,
    isInContext: true,
  });
  rmSync(own());
  await aFirstRun({ contextPath: null }).keep({ ...made, workerToken: "glw_here" });
  expect(await aFirstRun({}).listening(at)).toEqual({
    workerToken: "glw_here",
    isInContext: false,
  });
});
