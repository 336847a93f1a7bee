import { expect, test } from "bun:test";
import { createSayings } from "../../../../src/cli/worker-start/say.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";

function listening(form: "text" | "json") {
  const said: string[] = [];
  const clock = createVirtualClock();
  const say = createSayings(form, { clock, write: (text) => said.push(text) });
  return { said, clock, say };
}

const failure = { key: "a", type: "", info: "It ended with 3." };

test("createSayings() tells failures one by one, and counts those of a bad second", () => {
  const { said, clock, say } = listening("text");
  for (let count = 0; count < 10; count += 1) say.jobFailed(failure);
  expect(said).toEqual(Array(3).fill("Job a failed: It ended with 3.\n"));
  clock.advance(1_000);
  expect(said.slice(3)).toEqual(["7 more jobs failed.\n"]);
  say.jobFailed({ ...failure, type: "render" });
  expect(said.at(-1)).toBe("Job a (render) failed: It ended with 3.\n");
});

test("createSayings() lets nothing through that steers a terminal", () => {
  const { said, say } = listening("text");
  say.jobFailed({ ...failure, key: "\u001b[2J", info: "two\nlines\u202e" });
  say.notice("Connected to \u001b[31mred.");
  expect(said).toEqual(["Job [2J failed: two lines\n", "Connected to [31mred.\n"]);
});

test("createSayings() tells a person of what is wrong, and not of what an operator counts", () => {
  const { said, say } = listening("text");
  say.log.info("link.welcomed", { server: "x" });
  say.log.warn("disk.failed", { full: true });
  say.log.error("agent.broken", new Error("no way"));
  expect(said).toEqual([
    "gridlike: warning: disk.failed full=true\n",
    "gridlike: error: agent.broken no way\n",
  ]);
});

test("createSayings() speaks JSON to machines, a line each", () => {
  const { said, say } = listening("json");
  say.notice("Connected.");
  say.log.info("link.welcomed", { server: "x" });
  const lines: unknown[] = said.map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { event: "worker.says", text: "Connected." },
    { event: "link.welcomed", server: "x" },
  ]);
});
