// The demo as a user runs it, small: real server, real workers in two languages, a real picture.
// Its second run loses its server half way and must not show it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { pythonCommand } from "../../examples/robot-reach/processes.ts";
import { buildOnce } from "../support/binary.ts";

const demo = join(import.meta.dir, "../../examples/robot-reach/demo.ts");
const hasPython = pythonCommand() !== null;
const cellCount = 196;
let folder = "";

beforeAll(async () => {
  await buildOnce();
  folder = mkdtempSync(join(tmpdir(), "gridlike-test-"));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The demo keeps its own temporary files in the test's folder, so that leftovers are seen. */
function startDemo(words: readonly string[]) {
  return Bun.spawn([process.execPath, demo, ...words], {
    cwd: folder,
    env: { ...process.env, TMPDIR: folder },
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function runDemo(words: readonly string[]) {
  const picture = join(folder, `${words.length}.png`);
  const run = startDemo(["--quick", "--output", picture, ...words]);
  const [report, notices] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect(await run.exited, notices).toBe(0);
  const value = (name: string) => {
    const line = report.split("\n").find((text) => text.startsWith(name));
    if (line === undefined) throw new Error(`The report has no line "${name}":\n${report}`);
    return line.slice(name.length).trim();
  };
  return { report, notices, value, picture: readFileSync(picture) };
}

describe("npm run demo", () => {
  test("computes both chained stages with workers of each type in two languages [GL-64] [GL-65]", async () => {
    const { report, value, picture } = await runDemo([]);
    expect(value("cells")).toBe(String(cellCount));
    expect(value("jobs")).toContain(`${2 * cellCount} in`);
    expect(Number.parseFloat(value("within reach"))).toBeWithin(25, 45);
    expect(Number.parseFloat(value("without collision"))).toBeWithin(12, 30);

    // Each worker is given jobs of its own type alone, and every cell went through both types.
    expect(doneBy(report, /sample/)).toBe(cellCount);
    expect(doneBy(report, /collide/)).toBe(cellCount);
    if (hasPython) expect(doneBy(report, /Python/)).toBeGreaterThan(0);

    const { width, height, colourCount } = readPng(picture);
    expect(width).toBeGreaterThan(1_000);
    expect(height).toBeGreaterThan(800);
    expect(colourCount).toBeGreaterThan(20);
    expect(leftovers()).toEqual([]);
  }, 60_000);

  test("gives the same results although its server is killed half way", async () => {
    const { value, report, notices } = await runDemo(["--pull-the-plug"]);
    expect(notices).toContain(`Killed the server with ${cellCount / 2} cells done`);
    expect(value("results sha256")).toBe(value("without a grid"));
    expect(report).toContain("identical");
    expect(doneBy(report, /sample/)).toBe(cellCount);
    expect(doneBy(report, /collide/)).toBe(cellCount);
    expect(leftovers()).toEqual([]);
  }, 60_000);

  test.skipIf(process.platform !== "linux")(
    "ends its server and its workers when it is interrupted",
    async () => {
      const run = startDemo([]);
      const url = await findUrl(run.stderr);
      const children = readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, "utf8");
      const pids = children.trim().split(" ").map(Number);
      expect(pids.length).toBeGreaterThanOrEqual(hasPython ? 4 : 3);
      expect(leftovers()).toHaveLength(1);
      run.kill("SIGINT");
      expect(await run.exited).toBe(130);
      expect(pids.filter(isAlive)).toEqual([]);
      const answer = await fetch(url).catch(() => "nobody listens");
      expect(answer).toBe("nobody listens");
      expect(leftovers()).toEqual([]);
    },
    60_000,
  );

  test("refuses what it does not know, and says how it is used", async () => {
    const run = startDemo(["--cels", "5"]);
    const said = await run.stderr.text();
    expect(said).toContain("--cels");
    expect(said).toContain("Usage: npm run demo");
    expect(await run.exited).toBe(2);
  });
});

/** Jobs done by the workers whose line in the report matches. */
function doneBy(report: string, worker: RegExp): number {
  return [...report.matchAll(/(\d+) by .*/g)]
    .filter(([line]) => worker.test(line))
    .reduce((total, [, count]) => total + Number(count), 0);
}

const leftovers = () => readdirSync(folder).filter((name) => name.startsWith("gridlike-demo-"));

async function findUrl(words: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const piece of words) {
    said += decoder.decode(piece, { stream: true });
    const url = /listens at (\S+);/.exec(said)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`The demo ended before its server was up:\n${said}`);
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

/** Reads the kind of PNG that the demo writes: 8-bit RGB, one filter a row: none or "left". */
function readPng(file: Buffer) {
  expect(file.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < file.length;) {
    const size = file.readUInt32BE(at);
    const named = file.subarray(at + 4, at + 8 + size);
    expect(file.readUInt32BE(at + 8 + size)).toBe(Bun.hash.crc32(named));
    chunks.set(named.toString("latin1", 0, 4), named.subarray(4));
    at += 12 + size;
  }
  expect([...chunks.keys()]).toEqual(["IHDR", "IDAT", "IEND"]);
  const header = chunks.get("IHDR")!;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  expect([...header.subarray(8)]).toEqual([8, 2, 0, 0, 0]);
  const rows = inflateSync(chunks.get("IDAT")!);
  expect(rows.length).toBe(height * (1 + 3 * width));
  const colours = new Set<number>();
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * (1 + 3 * width), (y + 1) * (1 + 3 * width));
    const isLeft = row[0] === 1;
    for (let x = 1; x < row.length; x++) {
      if (isLeft && x > 3) row[x] = row[x]! + row[x - 3]!;
    }
    for (let x = 1; x < row.length; x += 3) colours.add(row.readUIntBE(x, 3));
  }
  return { width, height, colourCount: colours.size };
}
