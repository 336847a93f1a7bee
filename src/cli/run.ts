// The command line: which commands there are, and what becomes of a mistake. Commands load what they need when
// they are called, so that help and version answer at once.

import { Command, CommanderError } from "commander";

import { GridError } from "../domain/errors.ts";
import {
  exitAfterOutput,
  exitWhenDone,
  outliveReaders,
  writeStderr,
  writeStdout,
} from "../platform/program.ts";
import { version } from "../platform/version.ts";
import { writtenOut } from "./arguments.ts";
import {
  cancelCommand,
  holdCommand,
  retryCommand,
  rmCommand,
  unholdCommand,
} from "./commands/act.ts";
import { backupCommand } from "./commands/backup.ts";
import { completionCommand } from "./commands/completion.ts";
import { contextCommand } from "./commands/context.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { catCommand, getCommand } from "./commands/fetch.ts";
import { progressCommand, waitCommand } from "./commands/follow.ts";
import { groupCommand } from "./commands/group.ts";
import { explainCommand, infoCommand, logsCommand, lsCommand } from "./commands/look.ts";
import { mapCommand } from "./commands/map.ts";
import { noteCommand } from "./commands/note.ts";
import { restoreCommand } from "./commands/restore.ts";
import { selectorsCommand } from "./commands/selectors.ts";
import { serverCommand } from "./commands/server-start.ts";
import { serverInfoCommand, serverStopCommand } from "./commands/server.ts";
import { submitCommand } from "./commands/submit.ts";
import { topCommand } from "./commands/top.ts";
import { upCommand } from "./commands/up.ts";
import { workerCommand } from "./commands/worker.ts";
import { exitCode } from "./exit-code.ts";
import { printNotice } from "./output.ts";

const columns = 100;

/** Runs the command that the words name. Sets the exit code; never throws. */
export async function run(words: readonly string[]): Promise<void> {
  outliveReaders(); // What reads only the beginning, such as head, is no reason to fail.
  const program = createProgram();
  try {
    await program.parseAsync(writtenOut(words, program), { from: "user" });
  } catch (error) {
    const code = codeOf(error);
    // After a bug something may still be open that would keep the process waiting.
    if (code === exitCode.internal) exitAfterOutput(code);
    else exitWhenDone(code);
  }
}

/** The tree of all commands. */
export function createProgram(): Command {
  const program = inherited(new Command("gridlike"))
    .description(
      "Turns any pile of machines into a grid: takes payloads over HTTP, keeps them safe, and hands\n" +
        "each to a connected worker at once. One executable, one static configuration file.",
    )
    .version(`gridlike ${version}`, "-V, --version", "Print the version.")
    .addHelpCommand(
      inherited(new Command("help"))
        .argument("[command...]")
        .description("Show the help of a command.")
        .helpGroup("Other commands:"),
    )
    .enablePositionalOptions() // The flags behind a command that map runs are that command's.
    .addHelpText("after", examples);
  const add = (command: Command) => program.addCommand(command);
  program.commandsGroup("Jobs:");
  for (const create of jobCommands) add(create(inherited));
  program.commandsGroup("The grid:");
  add(upCommand(inherited));
  add(
    serverCommand(inherited)
      .addCommand(serverStopCommand(inherited))
      .addCommand(serverInfoCommand(inherited)),
  );
  for (const create of gridCommands) add(create(inherited));
  program.commandsGroup("Other commands:");
  add(noteCommand(inherited));
  add(completionCommand(inherited, program));
  add(selectorsCommand(inherited));
  for (const command of program.commands) pointToOwnHelp(command, "gridlike");
  return program;
}

/** After a mistake the help of the very command is worth more than that of all. */
function pointToOwnHelp(command: Command, above: string): void {
  const words = `${above} ${command.name()}`;
  command.showHelpAfterError(`Run ${words} --help for what it takes.`);
  for (const below of command.commands) pointToOwnHelp(below, words);
}

const jobCommands = [
  submitCommand,
  mapCommand,
  lsCommand,
  infoCommand,
  explainCommand,
  logsCommand,
  catCommand,
  getCommand,
  waitCommand,
  progressCommand,
  cancelCommand,
  holdCommand,
  unholdCommand,
  retryCommand,
  rmCommand,
  groupCommand,
];

const gridCommands = [
  topCommand,
  workerCommand,
  contextCommand,
  backupCommand,
  restoreCommand,
  doctorCommand,
];

const examples = `
Examples:
  gridlike map 'gzip -k {}' ::: *.csv     a command for each file; nothing needs to be started before
  gridlike up                            a server and a worker on this machine, nothing to configure
  gridlike --config gridlike.toml        the same as: gridlike server start --config gridlike.toml
  gridlike submit photo.raw              submit a job
  gridlike ls --status failed            which jobs failed
  gridlike top                           the whole grid, as it changes
  gridlike explain last                  why the job that you submitted last does not run
  gridlike get group:film -o frames      all results of a group as files
  gridlike help server start             every flag of a command
  gridlike help selectors                how jobs are named`;

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
