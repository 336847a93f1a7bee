// `gridlike worker`: the commands for those who look after workers. What they do is in grid/workers.ts, loaded when
// they are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import type { WorkerVerb } from "../grid/workers.ts";
import { withServer, type Inherited } from "./shared.ts";
import { workerStartCommand } from "./worker-start.ts";

type Values = ServerFlags & { readonly json?: true };

export function workerCommand(inherited: Inherited): Command {
  return inherited(new Command("worker"))
    .summary("Start and look after workers.")
    .description("Start workers, and look after those of a grid.")
    .helpCommand(false)
    .addCommand(workerStartCommand(inherited))
    .addCommand(listCommand(inherited))
    .addCommand(infoCommand(inherited))
    .addCommand(
      actCommand(inherited, "drain", "Let workers end what they have, and give them nothing new."),
    )
    .addCommand(actCommand(inherited, "undrain", "Give drained workers jobs again."))
    .addCommand(actCommand(inherited, "kick", "Disconnect workers; their jobs are lost at once."))
    .addHelpText("after", "\nExample:\n  gridlike worker list");
}

function listCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("list")))
    .description("List the workers that are connected, or were a moment ago.")
    .option("--json", "Print one JSON array.")
    .addHelpText("after", "\nExample:\n  gridlike worker list")
    .action(async (values: Values) => {
      const { workerList } = await import("../grid/workers.ts");
      await workerList(values, values.json === true);
    });
}

const workersArgument = "Ids, connections or names of workers.";

function infoCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("info")))
    .description("Tell what is known of workers.")
    .argument("<workers...>", workersArgument)
    .option("--json", "Print a JSON object on a line for each worker.")
    .addHelpText("after", "\nExample:\n  gridlike worker info closet-2")
    .action(async (workers: string[], values: Values) => {
      const { workerInfo } = await import("../grid/workers.ts");
      await workerInfo(values, workers, values.json === true);
    });
}

function actCommand(inherited: Inherited, verb: WorkerVerb, description: string): Command {
  return withServer(inherited(new Command(verb)))
    .description(description)
    .argument("<workers...>", workersArgument)
    .option("--json", "Print each worker as it then is as a line of JSON.")
    .addHelpText("after", `\nExample:\n  gridlike worker ${verb} closet-2`)
    .action(async (workers: string[], values: Values) => {
      const { workerAct } = await import("../grid/workers.ts");
      await workerAct(values, verb, workers, values.json === true);
    });
}
