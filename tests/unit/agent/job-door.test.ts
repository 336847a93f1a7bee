import { afterEach, beforeEach, expect, test } from "bun:test";
import { createJobDoor, type JobDoor } from "../../../src/agent/job-door.ts";
import { serveLoopback } from "../../../src/platform/loopback.ts";
import { createSystemRandom } from "../../../src/platform/random.ts";

let door: JobDoor;
let told: (readonly [number | null, string | null])[] = [];
const report = {
  progress: (percent: number | null, info: string | null) => void told.push([percent, info]),
  log: () => {},
};

beforeEach(() => {
  told = [];
  door = createJobDoor({ serve: serveLoopback, random: createSystemRandom() });
});
afterEach(() => door.stop());

const json = (value: unknown) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});
const form = (body: string) => ({
  method: "POST",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body,
});

test("open() takes notes as JSON and as a form [GL-26]", async () => {
  const { url } = door.open(report);
  expect((await fetch(`${url}/note`, json({ percent: 12.5, info: "meshing" }))).status).toBe(204);
  expect((await fetch(`${url}/note`, json({ info: "only words" }))).status).toBe(204);
  expect((await fetch(`${url}/note`, form("percent=40"))).status).toBe(204);
  expect((await fetch(`${url}/note`, form("percent=41&info=two+words"))).status).toBe(204);
  expect(told).toEqual([
    [12.5, "meshing"],
    [null, "only words"],
    [40, null],
    [41, "two words"],
  ]);
});

test("open() takes away what would steer a terminal, and cuts long text", async () => {
  const { url } = door.open(report);
  await fetch(`${url}/note`, json({ info: "\u001b[31mred\u202e\nnext" }));
  await fetch(`${url}/note`, json({ info: "x".repeat(1000) }));
  expect(told[0]).toEqual([null, "[31mred next"]);
  expect(told[1]?.[1]).toHaveLength(256);
});

test("open() says what is wrong with a note", async () => {
  const { url } = door.open(report);
  for (const [note, words] of [
    [json({ percent: 101 }), "0 to 100"],
    [json({ percent: "many" }), "0 to 100"],
    [json({ percent: true }), "0 to 100"],
    [form("percent="), "0 to 100"],
    [json({ info: 3 }), "text"],
    [json({}), "percent, info or both"],
    [json({ info: "\u0007" }), "percent, info or both"],
    [json([]), "no JSON object"],
    [json({ precent: 3 }), "precent"],
  ] as const) {
    const answer = await fetch(`${url}/note`, note);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(words)]);
  }
  expect(told).toEqual([]);
});

test("open() gives each job an address of its own that ends with it", async () => {
  const [one, two] = [door.open(report), door.open(report)];
  expect(one.url).not.toBe(two.url);
  one.close();
  expect((await fetch(`${one.url}/note`, json({ percent: 1 }))).status).toBe(404);
  expect((await fetch(`${two.url}/note`, json({ percent: 2 }))).status).toBe(204);
  const origin = new URL(two.url).origin;
  expect((await fetch(`${origin}/note`, json({ percent: 3 }))).status).toBe(404);
  expect((await fetch(`${origin}//note`, json({ percent: 3 }))).status).toBe(404);
  expect(told).toEqual([[2, null]]);
});

test("open() takes nothing but small notes", async () => {
  const { url } = door.open(report);
  expect((await fetch(`${url}/note`)).status).toBe(405);
  expect((await fetch(`${url}/call`, json({}))).status).toBe(404);
  expect((await fetch(`${url}/note`, json({ info: "x".repeat(100_000) }))).status).toBe(413);
  expect(told).toEqual([]);
});
