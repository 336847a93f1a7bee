// `gridlike wait` and `progress`: their flags. What they do is in jobs/, loaded when they are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import { exitCodesHelp, withServer, type Inherited } from "./shared.ts";

type Values = ServerFlags & { readonly json?: true };

export function waitCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("wait")))
    .summary("Wait until jobs are settled.")
    .description(
      "Wait until jobs are done, failed or cancelled. Ctrl-C ends the waiting and leaves the jobs alone.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--json", "Print the counts and the failures as JSON.")
    .addHelpText(
      "after",
      `${exitCodesHelp}\n\nExample:\n  gridlike wait group:film && gridlike get group:film`,
    )
    .action(async (selectors: string[], values: Values) => {
      const { wait } = await import("../jobs/wait.ts");
      await wait(values, { selectors, isJson: values.json === true });
    });
}

export function progressCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("progress")))
    .summary("Show how far jobs are.")
    .description(
      "Show how far jobs are: a bar that moves until all are settled on a terminal, else one line of the\n" +
        "moment. Ctrl-C leaves the jobs alone.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--json", "Print the figures of the moment as JSON.")
    .addHelpText("after", `${exitCodesHelp}\n\nExample:\n  gridlike progress group:film`)
    .action(async (selectors: string[], values: Values) => {
      const { progress } = await import("../jobs/progress.ts");
      await progress(values, { selectors, isJson: values.json === true });
    });
}
