import { expect, test } from "bun:test";
import { codeOf, exportsOf, importsOf } from "./source-text.ts";

test("codeOf() keeps code and the place of every line", () => {
  const text = 'a; // b\n/* c\nd */ e("f", \'g\', `h ${i + `j`} k`); l / m / n; /[/"]o/.test(p);';
  const code = codeOf(text);
  expect(code).toHaveLength(text.length);
  expect(wordsOf(code)).toBe("a e i l m n test p");
  expect(code.split("\n")).toHaveLength(3);
});

test("codeOf() finds its way out of braces within templates and escaped quotes", () => {
  expect(wordsOf(codeOf('`${ { a: { b: 1 } } } c` ; d; "\\" e"; f'))).toBe("a b d f");
});

test("importsOf() reads every way to import, with the names taken", () => {
  const text = `
    import { a, type B as C } from "./one.ts";
    import type { D } from './two.ts';
    import * as v from "three";
    import first, { e } from "four";
    import "five";
    export { f } from "./six.ts";
    const { g } = await import("./seven.ts");
    import {
      h,
      i,
    } from "./eight.ts";
    // import { x } from "no";
    const text = 'import { x } from "no"';
  `;
  expect(
    importsOf(text)
      .map(({ from, names }) => [from, ...names])
      .toSorted(byName),
  ).toEqual([
    ["./eight.ts", "h", "i"],
    ["./one.ts", "a", "B"],
    ["./seven.ts", "*"],
    ["./six.ts", "f"],
    ["./two.ts", "D"],
    ["five"],
    ["four", "default", "e"],
    ["three", "*"],
  ]);
});

test("exportsOf() reads every way to export", () => {
  const text = `
    export const a = 1; export async function b() {} export function* c() {}
    export type D = 1; export interface E {} export class F {}
    export { g, h as i }; export type { J };
    // export const no = 1;
  `;
  expect(exportsOf(text).toSorted()).toEqual(
    ["D", "E", "F", "J", "a", "b", "c", "g", "i"].toSorted(),
  );
});

function byName([a = ""]: readonly string[], [b = ""]: readonly string[]): number {
  return a < b ? -1 : 1;
}

function wordsOf(code: string): string {
  return (code.match(/[a-z]+/g) ?? []).join(" ");
}
