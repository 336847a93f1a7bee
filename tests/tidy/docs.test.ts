// Holds the documents against the tree: what they name is there.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesOf, root } from "./project-files.ts";

/** Paths in backticks that begin with a folder of ours and have an ending or a slash at their end. */
function pathsNamed(text: string): readonly string[] {
  const pattern = /`((?:docs|examples|tests|src|\.ci)\/[A-Za-z0-9_./-]*(?:\.[a-z]+|\/))`/g;
  return Array.from(text.matchAll(pattern), ([, path = ""]) => path);
}

function missingPaths(texts: ReadonlyMap<string, string>, exists: (path: string) => boolean) {
  return [...texts].flatMap(([file, text]) =>
    pathsNamed(text)
      .filter((path) => !exists(path))
      .map((path) => `${file} names ${path}, which is not there`),
  );
}

test("missingPaths() finds a name that leads nowhere", () => {
  const texts = new Map([["README.md", "see `docs/map.md`, `docs/no-such.md` and `tests/tidy/`"]]);
  expect(missingPaths(texts, (path) => path !== "docs/no-such.md")).toEqual([
    "README.md names docs/no-such.md, which is not there",
  ]);
});

test("every file that a document names is there [GL-92]", () => {
  // What a run makes is named before it is there.
  const made = (path: string) => path.startsWith("examples/robot-reach/output/");
  const texts = filesOf("README.md", "CHANGELOG.md", "docs/**/*.md", "examples/**/*.md");
  const exists = (path: string) => made(path) || existsSync(join(root, path));
  expect(missingPaths(texts, exists)).toEqual([]);
});
