// `gridlike group`: its commands and their flags. What they do is in jobs/, loaded when they are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import type { Action } from "../jobs/act.ts";
import { groupCountDefault } from "../limits.ts";
import { parseCount, withServer, type Inherited } from "./shared.ts";

type Values = ServerFlags & { readonly json?: true; readonly force?: true };

export function groupCommand(inherited: Inherited): Command {
  return inherited(new Command("group"))
    .summary("Look at groups of jobs and act on them.")
    .description(
      "Look at groups of jobs and act on them. Elsewhere a group is the selector group:NAME.",
    )
    .helpCommand(false)
    .addCommand(lsCommand(inherited))
    .addCommand(infoCommand(inherited))
    .addCommand(
      actCommand(inherited, "cancel", "cancel").description(
        "Cancel what is not settled of groups.",
      ),
    )
    .addCommand(
      actCommand(inherited, "retry-failed", "retry").description(
        "Give the failed jobs of groups another life.",
      ),
    )
    .addCommand(resultsCommand(inherited))
    .addCommand(
      actCommand(inherited, "rm", "rm")
        .description("Delete the settled jobs of groups.")
        .option("--force", "Cancel and delete also jobs that are not settled."),
    )
    .addHelpText("after", "\nExample:\n  gridlike group info film");
}

function lsCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("ls")))
    .description("List the groups of the newest jobs.")
    .option("-n, --limit <count>", "How many groups at most.", parseCount, groupCountDefault)
    .option("--json", "Print one JSON array.")
    .addHelpText("after", "\nExample:\n  gridlike group ls")
    .action(async (values: Values & { readonly limit: number }) => {
      const { groupLs } = await import("../jobs/group.ts");
      await groupLs(values, { limit: values.limit, isJson: values.json === true });
    });
}

function infoCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("info")))
    .description("Tell how far groups are.")
    .argument("<groups...>", "Names of groups.")
    .option("--json", "Print a JSON object on a line for each group.")
    .addHelpText("after", "\nExample:\n  gridlike group info film")
    .action(async (groups: string[], values: Values) => {
      const { groupInfo } = await import("../jobs/group.ts");
      await groupInfo(values, { groups, isJson: values.json === true });
    });
}

function actCommand(inherited: Inherited, name: string, action: Action): Command {
  return withServer(inherited(new Command(name)))
    .argument("<groups...>", "Names of groups.")
    .option("--json", "Print how many jobs were found, changed and refused as JSON.")
    .addHelpText("after", `\nExample:\n  gridlike group ${name} film`)
    .action(async (groups: string[], values: Values) => {
      const { act } = await import("../jobs/act.ts");
      await act(values, action, {
        selectors: groups.map((group) => `group:${group}`),
        isNarrow: true,
        isForced: values.force === true,
        isJson: values.json === true,
      });
    });
}

function resultsCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("results")))
    .description("Save the results of a group as one tar file, behind a manifest.")
    .argument("<group>", "The name of a group.")
    .argument("<file>", "The tar file; - is standard output.")
    .option("--force", "Replace the file if it is there.")
    .addHelpText("after", "\nExample:\n  gridlike group results film film.tar")
    .action(async (group: string, file: string, values: Values) => {
      const { get } = await import("../jobs/get.ts");
      await get(values, {
        selectors: [`group:${group}`],
        folder: ".",
        tar: file,
        isWaiting: false,
        isEndOfChain: false,
        isForced: values.force === true,
        isJson: false,
      });
    });
}
