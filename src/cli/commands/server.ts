// `gridlike server info` and `stop`: their flags. What they do is in grid/, loaded when they are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import { withServer, type Inherited } from "./shared.ts";

export function serverInfoCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("info")))
    .description("Tell how a server is: its jobs, its workers, its pace, its disk.")
    .option("--json", "Print it as JSON.")
    .addHelpText("after", "\nExample:\n  gridlike server info")
    .action(async (values: ServerFlags & { readonly json?: true }) => {
      const { serverInfo } = await import("../grid/server-info.ts");
      await serverInfo(values, values.json === true);
    });
}

export function serverStopCommand(inherited: Inherited): Command {
  return inherited(new Command("stop"))
    .description(
      "Stop a server of this machine and wait until it has ended. Nothing that it has acknowledged is\n" +
        "lost; workers come back when it is started again.",
    )
    .option("-s, --server <name>", "Which server of your context.toml.")
    .option("-d, --data-dir <folder>", "The data directory of the server.")
    .option("-c, --config <file>", "The configuration that names the data directory.")
    .addHelpText("after", "\nExample:\n  gridlike server stop")
    .action(async (values: StopValues) => {
      const { serverStop } = await import("../grid/server-stop.ts");
      await serverStop({
        server: values.server ?? null,
        dataDir: values.dataDir ?? null,
        file: values.config ?? null,
      });
    });
}

type StopValues = { readonly server?: string; readonly dataDir?: string; readonly config?: string };
