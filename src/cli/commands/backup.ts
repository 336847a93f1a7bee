// `gridlike backup`: its flags. What it does is in back-up.ts, loaded when it is called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import { withServer, type Inherited } from "./shared.ts";

export function backupCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("backup")))
    .summary("Copy all that a running server keeps into one file.")
    .description(
      "Copy all that a running server keeps, as of one moment, into one file. The file is checked while it\n" +
        "arrives and appears only when it is whole. The server goes on working meanwhile.",
    )
    .argument("<file>", "The file to write; it must not be there yet.")
    .option("--force", "Replace the file if it is there.")
    .option("--json", "Print what was saved as JSON.")
    .addHelpText("after", help)
    .action(async (file: string, values: Values) => {
      const { backUp } = await import("../back-up.ts");
      await backUp(values, {
        file,
        isForced: values.force === true,
        isJson: values.json === true,
      });
    });
}

type Values = ServerFlags & { readonly force?: true; readonly json?: true };

const help = `
The server and its key are those of GRIDLIKE_URL and GRIDLIKE_TOKEN, else those that a server of this
machine entered in your context.toml.

Exit codes: 0 ok, 1 saved but the server itself has lost bytes of jobs, 2 usage, 3 the server cannot be
reached or failed, 4 the server refused.

Example:
  gridlike backup grid-monday.tar`;
