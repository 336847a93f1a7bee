// `gridlike submit`: its flags. What it does is in submit.ts, loaded when it is called.

import { Command, Option } from "commander";

import type { ServerFlags } from "../connect.ts";
import type { SubmitValues } from "../submit/read-options.ts";
import { parseCount, withServer, type Inherited } from "./shared.ts";

export function submitCommand(inherited: Inherited): Command {
  const command = withServer(inherited(new Command("submit")))
    .summary("Submit jobs.")
    .description(
      "Submit jobs: a payload from each file or from standard input, or a command behind --. Prints the key of\n" +
        "each job; of several jobs of one submission the group.",
    )
    .argument(
      "[words...]",
      "The type, then files; - is standard input. With a command: the files that travel along.",
    );
  addPayloadFlags(command);
  addJobFlags(command);
  return command
    .option("--wait", "Wait until all are settled; exit code 1 when one failed.")
    .option("--json", "Print a JSON object on a line for each job.")
    .option("--parsable", "Print the number of each job, and nothing else.")
    .addHelpText("after", help)
    .action(async (words: string[], values: ServerFlags & SubmitValues) => {
      const { submit } = await import("../submit.ts");
      await submit(values, splitAtDashes(command, words));
    });
}

function addPayloadFlags(command: Command): void {
  command
    .option("--type <type>", "The job type, where it is not the first word.")
    .option("--content-type <type>", "The media type of the payload.")
    .option(
      "--array <ranges>",
      "A job for each number: 1-100:2, and %10 behind it for ten at a time.",
    )
    .option("--each-line <file>", "A job for each line of a file; - is standard input.")
    .option("--from-json <file>", "A job for each element of a JSON list.")
    .option(
      "--return <pattern>",
      "Files that a command makes and that come back; may be given again.",
      collected,
    )
    .option("--env <name[=value]>", "A variable for a command; may be given again.", collected);
}

function addJobFlags(command: Command): void {
  command
    .option("--key <key>", "The job's own key: submitted twice, it is one job.")
    .option("--group <group>", "The group of the jobs.")
    .option("--label <name=value>", "A label; may be given again.", collected)
    .addOption(new Option("--priority <priority>", "How soon.").choices(["immediate", "batch"]))
    .option("--description <text>", "A line for people.")
    .option("--max-attempts <count>", "Failures after which the job has failed.", parseCount)
    .option("--timeout <span>", "Longest run of one attempt: 90s, 5m, 2h.")
    .option("--not-before <when>", "It does not start before: an instant, or such as 10m from now.")
    .addOption(new Option("--begin <when>").hideHelp())
    .option("--deadline <when>", "It fails when it has not started by then.")
    .option("--hold", "It does not start until gridlike unhold.")
    .option("--requires <list>", "What a worker must have: cpus=4,tag:gpu.");
}

/** Commander drops the first `--` itself: how many words stood behind it tells the command from the rest. */
function splitAtDashes(command: Command, words: readonly string[]) {
  let root = command;
  while (root.parent !== null) root = root.parent;
  // The words as they were typed: a type says that they are the program's own, which commander keeps.
  const typed = (root as Command & { readonly rawArgs: readonly string[] }).rawArgs;
  const at = typed.indexOf("--");
  if (at < 0) return { words, command: null };
  const count = typed.length - at - 1;
  const cut = words.length - count;
  return { words: words.slice(0, cut), command: words.slice(cut) };
}

function collected(value: string, former: readonly string[] | undefined): readonly string[] {
  return [...(former ?? []), value];
}

const help = `
A command is run by workers whose owner allowed it. One word behind -- is a line for the shell, several are a
program and its arguments. In jobs of --array, --each-line and --from-json {} is the number, the line or the
element; GRIDLIKE_INDEX and GRIDLIKE_ENTRY have it, too.

Exit codes: 0 ok, 1 a job failed (with --wait), 2 usage, 3 the server cannot be reached or failed, 4 refused.

Examples:
  gridlike submit sample part-*.bin --group film
  generate | gridlike submit sample -
  gridlike submit --wait --return sorted.csv data.csv -- sort -o sorted.csv data.csv
  gridlike submit --array 1-100%10 -- ./simulate --seed {}`;
