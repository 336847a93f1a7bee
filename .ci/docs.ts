// Writes the pages and files that are generated from the code: run it after the schema has changed.
import { exampleFile, referencePage } from "../src/config/written.ts";

const written: readonly (readonly [string, string])[] = [
  ["config.example.toml", exampleFile()],
  ["docs/config.md", referencePage()],
];
for (const [name, text] of written) {
  await Bun.write(new URL(`../${name}`, import.meta.url), text);
  console.error(`docs: wrote ${name}`);
}
