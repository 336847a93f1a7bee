// Exports of src that no other file takes: what nobody uses is deleted, or is no export. A type that describes
// another export of its file stays, because whoever calls that export may need the name.
import { dirname, join } from "node:path";
import type { Files } from "./project-files.ts";
import { codeOf, exportsOf, importsOf } from "./source-text.ts";

/** Their exports are for programs outside of this project. */
const published = new Set(["src/client/index.ts"]);

/** `files`: src and all that may use it. */
export function deadExports(files: Files): readonly string[] {
  const used = new Set<string>();
  for (const [path, text] of files) {
    for (const { from, names } of importsOf(text)) {
      if (!from.startsWith(".")) continue;
      const target = join(dirname(path), from).replaceAll("\\", "/");
      for (const name of names) used.add(`${target}#${name}`);
    }
  }
  return [...files]
    .filter(([path]) => path.startsWith("src/") && !published.has(path))
    .flatMap(([path, text]) =>
      used.has(`${path}#*`)
        ? []
        : exportsOf(text)
            .filter((name) => !used.has(`${path}#${name}`) && !isDescription(text, name))
            .map((name) => `${path}: nobody uses its export ${name}`),
    );
}

/** True for a type that its own file mentions beside declaring it. */
function isDescription(text: string, name: string): boolean {
  const code = codeOf(text);
  if (!new RegExp(String.raw`\b(?:type|interface)\s+${name}\b`).test(code)) return false;
  return [...code.matchAll(new RegExp(String.raw`(?<![\w$.])${name}(?![\w$])`, "g"))].length > 1;
}
