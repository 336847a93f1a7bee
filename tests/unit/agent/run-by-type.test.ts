import { expect, test } from "bun:test";
import { createTypeRunner } from "../../../src/agent/run-by-type.ts";
import type { Assignment, Runner } from "../../../src/agent/runner.ts";
import { deaf, never } from "../../support/warm-jobs.ts";

function aRunner(name: string, said: string[]): Runner {
  return {
    async run({ type }) {
      said.push(`${name} runs "${type}"`);
      return { kind: "stopped" };
    },
    async close() {
      said.push(`${name} closes`);
    },
  };
}

// What it hands on is not looked at.
const aJob = (type: string) => ({ type }) as Assignment;

test("createTypeRunner() hands each job to the runner of its type, and others to the fallback", async () => {
  const said: string[] = [];
  const [a, b] = [aRunner("a", said), aRunner("b", said)];
  const runner = createTypeRunner(
    new Map([
      ["echo", a],
      ["echo.loud", a],
    ]),
    b,
  );
  for (const type of ["echo.loud", "other", ""]) await runner.run(aJob(type), deaf, never);
  expect(said).toEqual(['a runs "echo.loud"', 'b runs "other"', 'b runs ""']);
});

test("createTypeRunner() gives back a job that nobody is there for", async () => {
  const runner = createTypeRunner(new Map(), null);
  expect(await runner.run(aJob("x"), deaf, never)).toEqual({
    kind: "released",
    why: "unsupported",
  });
});

test("close() closes a runner of several types once", async () => {
  const said: string[] = [];
  const a = aRunner("a", said);
  await createTypeRunner(
    new Map([
      ["x", a],
      ["y", a],
    ]),
    aRunner("b", said),
  ).close();
  expect(said.toSorted()).toEqual(["a closes", "b closes"]);
});
