// `gridlike cancel`, `hold`, `unhold`, `retry` and `rm`: their flags. What they do is in jobs/act.ts, loaded when they
// are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import type { Action } from "../jobs/act.ts";
import { withServer, type Inherited } from "./shared.ts";

type Values = ServerFlags & {
  readonly failed?: true;
  readonly force?: true;
  readonly json?: true;
};

export function cancelCommand(inherited: Inherited): Command {
  return actCommand(inherited, "cancel")
    .summary("Cancel jobs.")
    .description("Cancel jobs that are not settled. Those that run are ended.")
    .addHelpText("after", "\nExamples:\n  gridlike cancel 12\n  gridlike cancel group:film");
}

export function holdCommand(inherited: Inherited): Command {
  return actCommand(inherited, "hold")
    .summary("Keep pending jobs from being given out.")
    .description("Keep pending jobs from being given out, until gridlike unhold.")
    .addHelpText("after", "\nExample:\n  gridlike hold @render");
}

export function unholdCommand(inherited: Inherited): Command {
  return actCommand(inherited, "unhold")
    .summary("Let held jobs be given out.")
    .description("Let jobs be given out that gridlike hold, or their submission, kept back.")
    .addHelpText("after", "\nExample:\n  gridlike unhold @render");
}

export function retryCommand(inherited: Inherited): Command {
  return actCommand(inherited, "retry")
    .summary("Give failed and cancelled jobs another life.")
    .description(
      "Give failed and cancelled jobs another life: they are pending again, with all attempts.",
    )
    .option("--failed", "Leave cancelled jobs, and all others, alone.")
    .addHelpText("after", "\nExamples:\n  gridlike retry 12\n  gridlike retry --failed group:film");
}

export function rmCommand(inherited: Inherited): Command {
  return actCommand(inherited, "rm")
    .summary("Delete jobs with their payloads and results.")
    .description("Delete settled jobs with their payloads and results. Their keys are free then.")
    .option("--force", "Cancel and delete also jobs that are not settled.")
    .addHelpText("after", "\nExamples:\n  gridlike rm 1-99\n  gridlike rm --force group:film");
}

function actCommand(inherited: Inherited, action: Action): Command {
  return withServer(inherited(new Command(action)))
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--json", "Print how many jobs were found, changed and refused as JSON.")
    .action(async (selectors: string[], values: Values) => {
      const { act } = await import("../jobs/act.ts");
      await act(values, action, toOptions(selectors, values));
    });
}

function toOptions(selectors: readonly string[], values: Values) {
  return {
    selectors,
    isNarrow: values.failed === true,
    isForced: values.force === true,
    isJson: values.json === true,
  };
}
