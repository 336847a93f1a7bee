// `gridlike note`: its flags. What it does is in note.ts, loaded when it is called.

import { Command } from "commander";

/** `inherited` gives a command what all commands share. */
export function noteCommand(inherited: (command: Command) => Command): Command {
  return inherited(new Command("note"))
    .summary("Tell how far a job is, from inside it.")
    .description(
      "Tell how far the job is that this command runs in. People see it on the page and in the listings.",
    )
    .argument("[text...]", "A line for people; a new one replaces the last.")
    .option("-p, --percent <number>", "How much is done, from 0 to 100.")
    .addHelpText("after", help)
    .action(async (text: readonly string[], values: Values) => {
      const { note } = await import("../note.ts");
      const info = text.join(" ");
      await note({ percent: values.percent ?? null, info: info === "" ? null : info });
    });
}

type Values = { readonly percent?: string };

const help = `
Exit codes: 0 told, 2 usage or not inside a job, 3 the worker does not answer, 4 the job has ended.

Examples:
  gridlike note --percent 40 meshing
  curl -d percent=40 -d info=meshing "$GRIDLIKE_API/note"    the same without this program`;
