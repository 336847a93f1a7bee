// One command for a whole grid: what it prints, what runs on it, that it is the same grid everywhere, how it ends.
import { afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildOnce } from "../support/binary.ts";
import { openProgramPlace, type ProgramPlace, type Started } from "../support/started-program.ts";

let place: ProgramPlace;

beforeAll(async () => {
  await buildOnce();
}, 120_000);
beforeEach(async () => {
  place = await openProgramPlace();
});
afterEach(() => place[Symbol.asyncDispose]());

const up = (...words: readonly string[]) =>
  place.start("up", "--allow-root", "--port", "0", ...words);
const output = async (...words: readonly string[]) => place.start(...words).run.stdout.text();

/** The processes that were started by this one, by their words. */
function childrenOf({ run }: Started): readonly { readonly pid: number; readonly words: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (Number(parent) !== run.pid || state === "Z") return [];
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), words }];
      } catch {
        return []; // It ended meanwhile.
      }
    });
}

test("gridlike up runs what clients send, on this machine, with nothing typed", async () => {
  const grid = up("--slots", "2");
  await grid.until(/^Connected/m);
  expect(grid.said()).toContain("gridlike up --host 0.0.0.0");
  expect(await output("map", "-k", "echo {}", ":::", "hello", "grid")).toBe("hello\ngrid\n");
  const submitted = place.start("submit", "--key", "a", "--wait", "--", "echo", "submitted");
  expect(await submitted.end()).toBe(0);
  expect(await output("cat", "a")).toBe("submitted\n");

  grid.run.kill("SIGINT");
  expect(await grid.end()).toBe(0);
  expect(grid.said()).toContain("Drained.");
  expect(await grid.run.stdout.text()).toBe("");
}, 30_000);

test("gridlike up keeps its data with the user, the same in every folder, and takes no words of the token", async () => {
  const first = up();
  const home = await first.until(/keeps its data in (\S+)/);
  expect(home).toBe(join(place.folder, ".local/share/gridlike/gridlike"));
  await first.until(/^Connected/m);
  const token = /worker token {2}(\S+)/.exec(first.said())?.[1] ?? "";
  expect(token).not.toBe("");
  const words = childrenOf(first).map((child) => child.words);
  expect(words).toEqual([expect.stringContaining("worker start --commands")]);
  expect(words.join(" ")).not.toContain(token);
  first.run.kill("SIGTERM");
  expect(await first.end()).toBe(0);
  expect(existsSync(join(place.folder, "data"))).toBe(false);

  mkdirSync(join(place.folder, "elsewhere"));
  const other = up("--name", "attic");
  expect(await other.until(/keeps its data in (\S+)/)).toBe(
    join(place.folder, ".local/share/gridlike/attic"),
  );
}, 30_000);

test("gridlike up goes on when its worker is killed, and starts another", async () => {
  const grid = up();
  await grid.until(/^Connected/m);
  const [worker] = childrenOf(grid);
  expect(worker).toBeDefined();
  process.kill(worker!.pid, "SIGKILL");
  await grid.until(/was killed\. Starting it again\.[^]*Connected/);
  const next = childrenOf(grid).map(({ pid }) => pid);
  expect(next).toHaveLength(1);
  expect(next).not.toContain(worker!.pid);
  expect(await output("map", "echo", ":::", "still there")).toBe("still there\n");
}, 30_000);

test("gridlike up takes its worker with it when it is killed", async () => {
  const grid = up();
  await grid.until(/^Connected/m);
  const [worker] = childrenOf(grid);
  grid.run.kill("SIGKILL");
  await grid.end(); // Its standard error is the worker's as well: it ends when both have.
  expect(existsSync(`/proc/${worker!.pid}/cwd`)).toBe(false);
}, 30_000);

test("gridlike up --host 0.0.0.0 prints the line with which other machines join, and its own worker joins by the pin", async () => {
  const grid = up("--host", "0.0.0.0");
  const line = await grid.until(/^ {2}(gridlike worker start --server https:.*)$/m);
  await grid.until(/^Connected/m);
  expect(line).toMatch(/ --join glw_\S+ --pin sha256:[0-9a-f]{64} --commands$/);
  const words = line.split(" ").slice(1);
  const port = new URL(words[words.indexOf("--server") + 1] ?? "").port;
  const local = words.map((word) =>
    word.startsWith("https:") ? `https://127.0.0.1:${port}` : word,
  );
  const joined = place.start(...local, "--allow-root", "--name", "other");
  await joined.until(/^Connected/m);
}, 30_000);

test("gridlike up says why it cannot start", async () => {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  try {
    const grid = place.start("up", "--allow-root", "--port", String(taken.port));
    expect(await grid.end()).toBe(3);
    expect(grid.said()).toMatch(/^gridlike: .*listens at .*--port/m);
  } finally {
    await taken.stop(true);
  }
  const wrong = up("--slots", "none");
  expect(await wrong.end()).toBe(2);
  expect(wrong.said()).toContain("--slots");
}, 30_000);
