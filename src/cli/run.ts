// The command line: which commands there are, and what becomes of a mistake. Commands load what they need when
// they are called, so that help and version answer at once.

import { Command, CommanderError } from "commander";

import { GridError } from "../domain/errors.ts";
import { exitAfterOutput, exitWhenDone, writeStderr, writeStdout } from "../platform/program.ts";
import { version } from "../platform/version.ts";
import { writtenOut } from "./arguments.ts";
import { backupCommand } from "./commands/backup.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { restoreCommand } from "./commands/restore.ts";
import { serverCommand } from "./commands/server-start.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice } from "./output.ts";

const columns = 100;

/** Runs the command that the words name. Sets the exit code; never throws. */
export async function run(words: readonly string[]): Promise<void> {
  const program = inherited(new Command("gridlike"))
    .description(
      "Turns any pile of machines into a grid: takes payloads over HTTP, keeps them safe, and hands\n" +
        "each to a connected worker at once. One executable, one static configuration file.",
    )
    .version(`gridlike ${version}`, "-V, --version", "Print the version.")
    .helpCommand("help [command...]", "Show the help of a command.")
    .addHelpText("after", examples);
  program.addCommand(serverCommand(inherited));
  program.addCommand(backupCommand(inherited));
  program.addCommand(restoreCommand(inherited));
  program.addCommand(doctorCommand(inherited));
  try {
    await program.parseAsync(writtenOut(words, program), { from: "user" });
  } catch (error) {
    const code = codeOf(error);
    // After a bug something may still be open that would keep the process waiting.
    if (code === exitCode.internal) exitAfterOutput(code);
    else exitWhenDone(code);
  }
}

const examples = `
Examples:
  gridlike server start                  a server for this machine alone, nothing to configure
  gridlike --config gridlike.toml        the same as: gridlike server start --config gridlike.toml
  gridlike backup grid.tar               a copy of all that a running server keeps
  gridlike doctor                        what is wrong with the data of a stopped server
  gridlike help server start             every flag of a command`;

/** What every command shares: how it speaks, and that a mistake is thrown rather than fatal. */
function inherited(command: Command): Command {
  return command
    .exitOverride()
    .showHelpAfterError("Run gridlike --help for what there is.")
    .helpOption("-h, --help", "Show this help.")
    .configureOutput({
      writeOut: writeStdout,
      writeErr: writeStderr,
      getOutHelpWidth: () => columns,
      getErrHelpWidth: () => columns,
      outputError: (text, write) => write(text.replace(/^error: /, "gridlike: ")),
    });
}

/** The exit code of what ended a command, which is told here unless it was already. */
function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof GridError) {
    printNotice(`gridlike: ${error.message}`);
    return exitCode.refused;
  }
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printNotice(`gridlike: This is a bug of GridLike. ${told}`);
  return exitCode.internal;
}
