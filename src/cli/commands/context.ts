// `gridlike context`: its commands and their flags. What they do is in grid/context.ts, loaded when they are called.

import { Command } from "commander";

import type { Inherited } from "./shared.ts";

export function contextCommand(inherited: Inherited): Command {
  return inherited(new Command("context"))
    .summary("Choose which server commands talk to.")
    .description(
      "Look after your list of servers, context.toml. A server that makes its own credentials enters\n" +
        "itself there; others are added here.",
    )
    .helpCommand(false)
    .addCommand(listCommand(inherited))
    .addCommand(useCommand(inherited))
    .addCommand(addCommand(inherited))
    .addCommand(rmCommand(inherited))
    .addHelpText("after", "\nExample:\n  gridlike context use closet");
}

function listCommand(inherited: Inherited): Command {
  return inherited(new Command("list"))
    .description("List your servers; * marks the one that commands talk to.")
    .option("--json", "Print one JSON array. Keys are never shown.")
    .addHelpText("after", "\nExample:\n  gridlike context list")
    .action(async (values: { readonly json?: true }) => {
      const { contextList } = await import("../grid/context.ts");
      await contextList(values.json === true);
    });
}

function useCommand(inherited: Inherited): Command {
  return inherited(new Command("use"))
    .description("Choose the server that commands talk to unless they are told otherwise.")
    .argument("<name>", "Its name; its address where several have the same name.")
    .addHelpText("after", "\nExample:\n  gridlike context use closet")
    .action(async (name: string) => {
      const { contextUse } = await import("../grid/context.ts");
      await contextUse(name);
    });
}

function addCommand(inherited: Inherited): Command {
  return inherited(new Command("add"))
    .description(
      "Add a server of another machine, or change it. Its API key comes from a file or from standard\n" +
        "input, never from the command line, where others could read it.",
    )
    .argument("<name>", "How you want to call it.")
    .requiredOption("--url <address>", "Where it is, such as https://closet:7171.")
    .option("--token-file <file>", "The file with its API key; - is standard input.")
    .option("--pin <pin>", "Of the certificate that it made itself; it prints it when it starts.")
    .addHelpText(
      "after",
      "\nExample:\n  gridlike context add closet --url https://closet:7171 --token-file key.txt",
    )
    .action(async (name: string, values: AddValues) => {
      const { contextAdd } = await import("../grid/context.ts");
      const { url, tokenFile = null, pin = null } = values;
      await contextAdd({ name, url, tokenFile, pin });
    });
}

type AddValues = { readonly url: string; readonly tokenFile?: string; readonly pin?: string };

function rmCommand(inherited: Inherited): Command {
  return inherited(new Command("rm"))
    .description("Take a server off the list. The server itself stays as it is.")
    .argument("<name>", "Its name or its address.")
    .addHelpText("after", "\nExample:\n  gridlike context rm closet")
    .action(async (name: string) => {
      const { contextRm } = await import("../grid/context.ts");
      await contextRm(name);
    });
}
