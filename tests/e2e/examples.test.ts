// The examples that run real programs with `gridlike map`: on this machine alone, where nothing was started, and on a
// grid, where files travel. What comes of them is computed here a second time.
import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { buildOnce } from "../support/binary.ts";

const examples = join(import.meta.dir, "../../examples");
const cleanups: (() => Promise<void> | void)[] = [];
let binary = "";

beforeAll(async () => {
  binary = await buildOnce();
}, 120_000);
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

type Place = { readonly folder: string; readonly env: { readonly [name: string]: string } };

function aPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-example-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const { PATH = "" } = process.env;
  return { folder, env: { PATH, HOME: folder, GRIDLIKE: binary } };
}

/** A server and a worker, which commands in this place find by themselves. */
async function startGrid({ folder, env }: Place): Promise<void> {
  const words = [binary, "up", "--port", "0", "--allow-root"];
  const up = Bun.spawn(words, { cwd: folder, env, stdout: "ignore", stderr: "pipe" });
  cleanups.push(() => end(up));
  let said = "";
  for await (const piece of up.stderr) {
    said += Buffer.from(piece).toString();
    if (said.includes("Connected to")) return;
  }
  throw new Error(`The grid ended before it was there:\n${said}`);
}

async function end(up: Subprocess): Promise<void> {
  up.kill("SIGTERM");
  const timer = setTimeout(() => up.kill("SIGKILL"), 20_000);
  await up.exited;
  clearTimeout(timer);
}

async function run(place: Place, words: readonly string[]): Promise<string> {
  const { folder, env } = place;
  const script = Bun.spawn([...words], { cwd: folder, env, stdin: "ignore", stderr: "pipe" });
  const [said, errors] = await Promise.all([script.stdout.text(), script.stderr.text()]);
  expect({ code: await script.exited, errors }).toEqual({ code: 0, errors: "" });
  return said;
}

const example = (path: string) => join(examples, path);

/** Jobs that the grid of this place has done. */
async function doneOnGrid(place: Place): Promise<number> {
  const stats = JSON.parse(await run(place, [binary, "server", "info", "--json"])) as {
    readonly jobs: readonly { readonly status: string; readonly count: number }[];
  };
  return stats.jobs.reduce((sum, { status, count }) => sum + (status === "done" ? count : 0), 0);
}

async function checkPictures(place: Place): Promise<void> {
  const said = await run(place, [example("images/halve.sh"), "pictures", "3"]);
  expect(said).toBe("3 pictures halved, all of them on pictures/sheet.png\n");
  const folder = join(place.folder, "pictures");
  expect(readdirSync(folder).toSorted()).toEqual(
    ["picture-1.jpg", "picture-2.jpg", "picture-3.jpg", "sheet.png", "small"].toSorted(),
  );
  const small = readdirSync(join(folder, "small")).toSorted();
  expect(small).toEqual(["picture-1.png", "picture-2.png", "picture-3.png"]);
  for (const name of small) expect(sizeOfPng(join(folder, "small", name))).toEqual([320, 240]);
}

/** Width and height, from the head of the file. */
function sizeOfPng(path: string): readonly number[] {
  const bytes = readFileSync(path);
  expect(bytes.toString("latin1", 1, 4)).toBe("PNG");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

async function checkEpidemics(place: Place): Promise<void> {
  const said = await run(place, [example("parameter-sweep/sweep.sh"), "table.csv"]);
  expect(said).toStartWith(`20 towns in ${place.folder}/table.csv. The worst:\n0.4,14.0,0.99`);
  const [head, ...lines] = readFileSync(join(place.folder, "table.csv"), "utf8").trim().split("\n");
  expect(head).toBe("contacts,days,ever_sick,worst_day,sick_on_worst_day");
  const rows = lines.map((line) => line.split(",").map(Number));
  const pairs = [0.08, 0.12, 0.2, 0.3, 0.4].flatMap((contacts) =>
    [4, 7, 10, 14].map((days) => [contacts, days]),
  );
  expect(rows.map((row) => row.slice(0, 2))).toEqual(pairs);
  for (const [contacts = 0, days = 0, everSick = 0] of rows) {
    if (contacts * days < 0.8) expect(everSick).toBeLessThan(0.1);
    if (contacts * days > 1.8) expect(everSick).toBeCloseTo(finalSize(contacts * days), 1);
  }
}

/** The share ever sick of a large town, where each infects `r` others: z = 1 - exp(-r z). */
function finalSize(r: number): number {
  let z = 1;
  for (let round = 0; round < 200; round += 1) z = 1 - Math.exp(-r * z);
  return z;
}

async function checkSearch(place: Place): Promise<void> {
  const said = await run(place, [example("text-search/search.sh"), "dna", "TATA", "5"]);
  const folder = join(place.folder, "dna");
  const names = readdirSync(folder).filter((name) => name.endsWith(".fa.gz"));
  expect(names.length).toBe(5);
  const counted = names.toSorted().map((name) => [name, ...countIn(join(folder, name))]);
  const table = readFileSync(join(folder, "counts.tsv"), "utf8");
  expect(table).toBe(counted.map((row) => `${row.join("\t")}\n`).join(""));
  const sum = (at: number) => counted.reduce((total, row) => total + Number(row[at]), 0);
  const share = ((100 * sum(3)) / sum(2)).toFixed(1);
  expect(sum(2)).toBe(5 * 30_000);
  expect(said).toBe(
    `${sum(1)} times TATA in ${sum(2)} bases of 5 sequences, ${share} % of them G or C\n`,
  );
}

/** TATA, overlaps included; bases; G and C. */
function countIn(path: string): readonly number[] {
  const text = Buffer.from(Bun.gunzipSync(readFileSync(path))).toString();
  const bases = text.split("\n").slice(1).join("");
  return [
    [...bases.matchAll(/(?=TATA)/g)].length,
    bases.length,
    bases.length - bases.replaceAll(/[GC]/g, "").length,
  ];
}

/** What an example needs beside the shell; missing programs are named in the title of the skipped test. */
const each = [
  { name: "images", needs: ["convert", "montage"], check: checkPictures },
  { name: "parameter-sweep", needs: ["python3"], check: checkEpidemics },
  { name: "text-search", needs: ["awk", "gzip", "zcat"], check: checkSearch },
] as const;

describe.each(each)("examples/$name", ({ needs, check }) => {
  const missing = needs.filter((program) => Bun.which(program) === null);
  const skipped = missing.length === 0 ? "" : ` (skipped: ${missing.join(", ")} missing)`;

  test.skipIf(missing.length > 0)(
    `runs where nothing was started, on this machine alone${skipped}`,
    async () => {
      const place = aPlace();
      await check(place);
    },
    60_000,
  );

  test.skipIf(missing.length > 0)(
    `runs on a grid, to which its files travel${skipped}`,
    async () => {
      const place = aPlace();
      await startGrid(place);
      await check(place);
      expect(await doneOnGrid(place)).toBeGreaterThanOrEqual(3);
    },
    60_000,
  );
});
