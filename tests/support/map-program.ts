// The command line with `map` and `submit` alone, as a program for tests to start.

import { Command } from "commander";
import { mapCommand } from "../../src/cli/commands/map.ts";
import { outliveReaders } from "../../src/platform/program.ts";
import { submitCommand } from "../../src/cli/commands/submit.ts";

outliveReaders();
const program = new Command("gridlike").enablePositionalOptions();
program.addCommand(mapCommand((command) => command));
program.addCommand(submitCommand((command) => command));
await program.parseAsync(process.argv.slice(2), { from: "user" });
