import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { createProgram } from "../../../src/cli/run.ts";

/** Every command with the words that lead to it. */
function commandsOf(
  command: Command,
  path: readonly string[],
): readonly (readonly [string, Command])[] {
  const below = command.commands.flatMap((one) => commandsOf(one, [...path, one.name()]));
  return path.length === 0 ? below : [[path.join(" "), command], ...below];
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    ...command.configureOutput(),
    writeOut: (part) => void (text += part),
  });
  command.outputHelp();
  return text;
}

test("every help page has an example", () => {
  const bare = commandsOf(createProgram(), []).filter(
    ([path, command]) =>
      !new RegExp(`Examples?:\n(.*\n)*  .*gridlike ${path.split(" ")[0]}`).test(helpOf(command)),
  );
  expect(bare.map(([path]) => path)).toEqual(["selectors"]); // A page of examples itself.
});

test("every command has a description that ends as a sentence", () => {
  const bad = commandsOf(createProgram(), []).filter(
    ([path, command]) => path !== "selectors" && !/[.:]$/.test(command.description()),
  );
  expect(bad.map(([path]) => path)).toEqual([]);
});

test("docs/cli.md names every command of the daily work", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/cli.md"), "utf8");
  const missing = commandsOf(createProgram(), [])
    .map(([path]) => path)
    .filter(
      (path) =>
        !page.includes(`gridlike ${path}`) && !page.includes(`\`${path.split(" ").at(-1)}\``),
    );
  // Their pages come with them.
  const ofOthers = ["submit", "map", "note", "server", "group", "worker", "context", "selectors"];
  expect(missing.filter((path) => !ofOthers.includes(path))).toEqual([]);
});
