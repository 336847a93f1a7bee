// Loaded before build.ts: gives its one call of Bun.build a plugin that rewrites sources, and another outfile.
// So a sabotaged binary is built by the very options of the real one.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Edit } from "./sabotage.ts";

const root = join(import.meta.dir, "../../..");
const edits = JSON.parse(process.env["SABOTAGE_EDITS"] ?? "[]") as readonly Edit[];
const outfile = process.env["SABOTAGE_OUTFILE"] ?? "";
const build = Bun.build;

Bun.build = async (options) => {
  const applied = new Set<Edit>();
  const result = await build({
    ...options,
    compile: { ...(options as { readonly compile: object }).compile, outfile },
    plugins: [{ name: "sabotage", setup: (builder) => rewrite(builder, applied) }],
  });
  for (const edit of edits) {
    if (!applied.has(edit)) fail(`${edit.file} is not part of the build.`);
  }
  return result;
};

function rewrite(builder: Bun.PluginBuilder, applied: Set<Edit>): void {
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const path = join(root, file);
    const filter = new RegExp(`^${path.replaceAll(/[.\\/]/g, "\\$&")}$`);
    builder.onLoad({ filter }, () => {
      let contents = readFileSync(path, "utf8");
      for (const edit of edits.filter((one) => one.file === file)) {
        if (contents.split(edit.find).length !== 2)
          fail(`${file} does not hold once: ${edit.find}`);
        contents = contents.replace(edit.find, () => edit.put);
        applied.add(edit);
      }
      return { contents, loader: "ts" };
    });
  }
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}
