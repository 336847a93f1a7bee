// `gridlike help selectors`: how jobs are named on the command line. A page of its own, because many commands share it.

import { Command } from "commander";

import { writeStdout } from "../../platform/program.ts";
import type { Inherited } from "./shared.ts";

export function selectorsCommand(inherited: Inherited): Command {
  const command = inherited(new Command("selectors"))
    .summary("How jobs are named on the command line.")
    .description(page);
  return command.action(() => writeStdout(`${page}\n`));
}

const page = `Jobs are named by selectors, as many as you like:

  12  1-5  1-9:2  1,3,5-8    numbers and ranges of them
  frame-0001  key:last       a key; with key: also one that looks like something else
  0199b6a2-...               an id
  last                       the group or jobs you submitted last, else the newest on the server
  group:film                 all jobs of a group
  label:user=pat             all jobs with this label
  @render                    all jobs of a type
  all                        all jobs

Examples:
  gridlike info 12 frame-0001
  gridlike cancel group:film 40-49`;
