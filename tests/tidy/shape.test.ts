import { expect, test } from "bun:test";
import { deadExports } from "./dead-exports.ts";
import { filesOf } from "./project-files.ts";
import { exportProblems, lengthProblems, openingProblems } from "./shape.ts";

const planted = (path: string, text: string) => new Map([[path, text]]);
const lines = (count: number) => "x;\n".repeat(count);

test("openingProblems() finds a file that does not say what it is, or says too much", () => {
  const problemsOf = (text: string) => openingProblems(planted("src/a.ts", text));
  expect(problemsOf('import "x";\n// Later.')).toHaveLength(1);
  expect(problemsOf("/** A block. */\nx;")).toHaveLength(1);
  expect(problemsOf(`${"// One line.\n".repeat(7)}x;`)).toHaveLength(1);
  expect(problemsOf("// no sentence\n\nx;")).toHaveLength(1);
  expect(problemsOf("")).toHaveLength(1);
  expect(problemsOf("// What it is, why it is\n// apart.\n\nx;")).toEqual([]);
});

test("lengthProblems() finds files that are too long", () => {
  expect(lengthProblems(planted("src/a.ts", lines(300)))).toEqual([]);
  expect(lengthProblems(planted("src/a.ts", lines(301)))).toHaveLength(1);
  expect(lengthProblems(planted("tests/a.ts", lines(600)))).toEqual([]);
  expect(lengthProblems(planted("tests/a.ts", lines(601)))).toHaveLength(1);
});

test("exportProblems() finds default exports and exports of everything", () => {
  const problemsOf = (text: string) => exportProblems(planted("src/a.ts", text));
  expect(problemsOf("export default function x() {}")).toHaveLength(1);
  expect(problemsOf("const x = 1;\nexport { x as default };")).toHaveLength(1);
  expect(problemsOf('export * from "./b.ts";')).toHaveLength(1);
  expect(problemsOf('export const x = "export default";')).toEqual([]);
});

test("deadExports() finds what no other file takes", () => {
  const dead = (user: string) =>
    deadExports(
      new Map([
        ["src/a.ts", "export const x = 1;\nexport type Y = 2;\nconst z = x;\nexport { z };"],
        ["src/c.ts", "export type Deps = 1;\nexport function make(deps: Deps) {}"],
        ["src/d.ts", 'import { make } from "./c.ts";'],
        ["tests/b.test.ts", user],
      ]),
    ).map((problem) => problem.split(" ").at(-1));
  expect(dead("")).toEqual(["x", "Y", "z"]);
  expect(dead('import { x, type Y } from "../src/a.ts";')).toEqual(["z"]);
  expect(
    dead('import type { Y } from "../src/a.ts";\nimport { x as q, z } from "../src/a.ts";'),
  ).toEqual([]);
  expect(dead('import * as a from "../src/a.ts";')).toEqual([]);
  expect(dead('const { x } = await import("../src/a.ts");')).toEqual([]);
  expect(dead('import { x } from "./a.ts";')).toHaveLength(3);
});

test("every file of src says first what it is", () => {
  expect(openingProblems(filesOf("src/**/*.ts"))).toEqual([]);
});

test("no file of src or tests is too long", () => {
  expect(lengthProblems(filesOf("src/**/*", "tests/**/*.ts"))).toEqual([]);
});

test("nothing has a default export", () => {
  expect(exportProblems(filesOf("src/**/*.ts", "tests/**/*.ts"))).toEqual([]);
});

test("every export of src is used by another file", () => {
  const all = filesOf("src/**/*.ts", "tests/**/*.ts", "examples/**/*.ts", ".ci/*.ts", "build.ts");
  expect(deadExports(all)).toEqual([]);
});
