// `gridlike top`: its flags. What it does is in top/, loaded when it is called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import { withServer, type Inherited } from "./shared.ts";

type Values = ServerFlags & { readonly once?: true; readonly json?: true };

export function topCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("top")))
    .summary("Watch the whole grid.")
    .description(
      "Watch the whole grid: jobs, groups and when they will be done, workers and how busy their machines are,\n" +
        "the newest failures. Drawn once a second on a terminal; q or Ctrl-C ends it and changes nothing.\n" +
        "Anywhere else one picture of it is printed.",
    )
    .option("--once", "Print one picture and end.")
    .option("--json", "Print what is seen as JSON and end.")
    .addHelpText("after", "\nExamples:\n  gridlike top\n  gridlike top --once | head -3")
    .action(async (values: Values) => {
      const { top } = await import("../top/top.ts");
      await top(values, { isOnce: values.once === true, isJson: values.json === true });
    });
}
