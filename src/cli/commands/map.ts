// `gridlike map`: its flags, which are those of GNU parallel wherever it has the same. What it does is in map.ts,
// loaded when it is called.

import { Command, InvalidArgumentError, Option } from "commander";

import type { ServerFlags } from "../connect.ts";
import type { MapValues } from "../map/read-options.ts";
import { parseCount, withServer, type Inherited } from "./shared.ts";

/** The program must read flags by their place (`enablePositionalOptions`): those behind the command are the command's. */
export function mapCommand(inherited: Inherited): Command {
  const command = withServer(inherited(new Command("map")))
    .summary("Run a command for each of many arguments.")
    .description(
      "Run a command for each of many arguments, as GNU parallel does, on all machines of the grid. Without a\n" +
        "server, on this machine, and nothing needs to be started before.",
    )
    .argument(
      "[words...]",
      "The command, then ::: ARGUMENTS, :::: FILES, or lines on standard input.",
    )
    .passThroughOptions();
  addInputFlags(command);
  addRunFlags(command);
  addShowFlags(command);
  addFileFlags(command);
  return command
    .option("--own", "Use this machine alone, also where a server is known.")
    .addHelpText("after", help)
    .action(async (words: string[], values: ServerFlags & MapValues & { readonly own?: true }) => {
      const { map } = await import("../map.ts");
      await map(words, values);
    });
}

function addInputFlags(command: Command): void {
  command
    .option("-a, --arg-file <file>", "Read arguments from a file; may be given again.", collected)
    .option("-0, --null", "Arguments end with NUL in place of a newline.")
    .option("-d, --delimiter <character>", "Arguments end with this character.")
    .option("-C, --colsep <pattern>", "Split each argument into columns {1} {2} … at this pattern.")
    .option("--header <pattern>", "With : the first line names the columns: {name}.")
    .option("-n, --max-args <count>", "So many arguments for each job.", parseCount)
    .option("-N, --max-replace-args <count>", "The same as -n.", parseCount)
    .option("-I <text>", "Stands for the argument in place of {}.")
    .option("-q, --quote", "Quote the command itself, so that no shell takes it apart.")
    .option("-r, --no-run-if-empty", "Pass over empty arguments.");
}

function addRunFlags(command: Command): void {
  command
    .option("-j, --jobs <count>", "Jobs that run at a time: 4, and on this machine 50% or +1.")
    .option("--dry-run", "Print the commands and run nothing.")
    .addOption(new Option("--dryrun").hideHelp())
    .option("--retries <count>", "Tries of a job whose command fails.", parseCount)
    .option("--halt <when>", "End early: now,fail=1, soon,fail=10%, now,success=1, never.")
    .option("--timeout <seconds>", "End a command that runs for longer.", parseSeconds)
    .option("--delay <seconds>", "Time between two starts.", parseSeconds)
    .option(
      "--joblog <file>",
      "Write a line for each job, in the columns of GNU parallel; +FILE appends.",
    )
    .option("--resume", "Pass over the jobs that the joblog has.")
    .option("--resume-failed", "Pass over those that did not fail.")
    .option("--retry-failed", "Run the commands of the joblog that failed, and no others.");
}

function addShowFlags(command: Command): void {
  command
    .option("-k, --keep-order", "Print output in the order of the arguments.")
    .option("--tag", "Print the argument before each line of output.")
    .option("--tagstring <text>", "Print this before each line; replacement strings work.")
    .option("-v, --verbose", "Print each command above its output.")
    .option("--bar", "Show a bar.")
    .option("--eta", "Show when all will be done.")
    .option("--progress", "Show how many are done and running.")
    .addOption(new Option("--group").hideHelp())
    .addOption(new Option("--will-cite").hideHelp());
}

function addFileFlags(command: Command): void {
  command
    .option(
      "--return <pattern>",
      "Bring back these files, and no others; may be given again.",
      collected,
    )
    .option("--no-return", "Bring back no files.")
    .option("--no-transfer", "Send no files of themselves.")
    .option("--transfer", "Send the file that the argument names: what happens anyway.")
    .option(
      "--tf, --transferfile <file>",
      "Send this file with each job; may be given again.",
      collected,
    )
    .addOption(new Option("--input <file>").argParser(collected).hideHelp())
    .option(
      "--bf, --basefile <file>",
      "Send this file with every job; may be given again.",
      collected,
    )
    .option("--trc <pattern>", "The same as --transfer --return PATTERN.", collected)
    .addOption(new Option("--cleanup").hideHelp())
    .option("--env <name>", "Give commands this variable; may be given again.", collected);
}

function collected(value: string, former: readonly string[] | undefined): readonly string[] {
  return [...(former ?? []), value];
}

function parseSeconds(text: string): number {
  const [, number = "", unit = ""] = /^([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)$/.exec(text) ?? [];
  const factor = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 }[unit];
  if (number === "" || factor === undefined) {
    throw new InvalidArgumentError("Write seconds, such as 10 or 2.5, or 5m or 1h.");
  }
  return Number(number) * factor;
}

const help = `
Replacement strings: {} the argument, {.} without its extension, {/} without its folder, {//} the folder,
{/.} neither, {#} the number of the job, {%} the number of the slot, {2} {2.} … of several arguments.
Without any, {} stands at the end. Arguments are quoted for the shell.

On a grid of several machines, files that arguments name travel to the workers, and files that a command
makes come back into this folder, as if it had run here.

Exit codes: 0 ok, 1 a job failed, 2 usage, 3 the server cannot be reached or failed, 4 refused, 130 interrupted.

Examples:
  gridlike map 'convert {} -resize 50% {/.}.png' ::: *.jpg
  seq 100 | gridlike map -k 'echo {}; sleep 1'
  gridlike map --joblog log --resume ./simulate {1} {2} ::: 1 2 3 ::: a b`;
