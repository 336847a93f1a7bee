// `gridlike up`: its flags. What it does is in up.ts, loaded when it is called.

import { Command } from "commander";

import type { Inherited } from "./shared.ts";

const settingFlags = [
  { key: "host", flag: "--host", name: "server.host" },
  { key: "port", flag: "--port", name: "server.port" },
] as const;

export function upCommand(inherited: Inherited): Command {
  return inherited(new Command("up"))
    .summary("Start a whole grid: a server, and a worker for this machine.")
    .description(
      "Start a whole grid: a server, and a worker for this machine that runs the commands that clients\n" +
        "send, such as those of gridlike map and gridlike submit. Ctrl-C ends both. Without a configuration\n" +
        "file its data is in ~/.local/share/gridlike/NAME, so that it is the same grid in every folder.",
    )
    .option(
      "-c, --config <file>",
      "Configuration file of the server; it then says where the data is.",
    )
    .option("--host <address>", "Address to listen on; 0.0.0.0 lets other machines join.")
    .option("--port <number>", "TCP port; 7171 unless you say.")
    .option("--name <name>", "Which of your grids; gridlike unless you say.")
    .option("--slots <count>", "Jobs at a time; one for each processor unless you say.")
    .option("--allow-root", "Run although you are root.")
    .addHelpText("after", help)
    .action(async (values: Values) => {
      const { up } = await import("../up.ts");
      const flags = settingFlags.flatMap(({ key, flag, name }) => {
        const text = values[key];
        return text === undefined ? [] : [{ flag, name, text }];
      });
      await up({
        file: values.config ?? null,
        flags,
        name: values.name ?? null,
        workerWords: [
          ...(values.slots === undefined ? [] : ["--slots", values.slots]),
          ...(values.allowRoot === undefined ? [] : ["--allow-root"]),
        ],
      });
    });
}

type Values = {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly name?: string;
  readonly slots?: string;
  readonly allowRoot?: true;
};

const help = `
Exit codes: 0 ended as asked, 2 usage, 3 the server cannot start, 4 the worker was refused.

Examples:
  gridlike up
  gridlike up --host 0.0.0.0     prints the line with which other machines join`;
