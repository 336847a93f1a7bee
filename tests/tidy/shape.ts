// What every file looks like: an opening comment in src, a bounded length, named exports.
import type { Files } from "./project-files.ts";
import { exportsOf } from "./source-text.ts";

const openingLinesMax = 6;
const sourceLinesMax = 300;
const testLinesMax = 600;

export function openingProblems(files: Files): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split("\n");
    const count = lines.findIndex((line) => !/^\/\/ \S/.test(line));
    if (count === 0) return [`${path}: begins without a comment that says what it is`];
    if (count === -1 || count > openingLinesMax) {
      return [`${path}: its opening comment has more than ${openingLinesMax} lines`];
    }
    const said = lines.slice(0, count).join(" ");
    return /[.!?]$/.test(said.trim()) ? [] : [`${path}: its opening comment is no sentence`];
  });
}

export function lengthProblems(files: Files): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const max = path.startsWith("src/") ? sourceLinesMax : testLinesMax;
    const count = text.trimEnd().split("\n").length;
    return count > max ? [`${path}: has ${count} lines, at most ${max}`] : [];
  });
}

export function exportProblems(files: Files): readonly string[] {
  return [...files].flatMap(([path, text]) => {
    const isDefault = exportsOf(text).includes("default") ? [`${path}: has a default export`] : [];
    const isStar = /^export\s+\*/m.test(text) ? [`${path}: exports everything of another`] : [];
    return [...isDefault, ...isStar];
  });
}
