// `gridlike server start`: its flags. What it does is in serve.ts, loaded when it is called.

import { Command } from "commander";

import type { ConfigFlag } from "../../config/read-config.ts";

/** The flags that stand for a setting. */
const settingFlags = [
  { flags: "--host <address>", name: "server.host", about: "Address to listen on." },
  { flags: "--port <number>", name: "server.port", about: "TCP port; 0 is any free one." },
  {
    flags: "--data-dir <folder>",
    name: "server.data_dir",
    about: "Where the server keeps its data.",
  },
  {
    flags: "--insecure-http",
    name: "server.insecure_http",
    about: "Accept plain HTTP on an address that other machines reach.",
  },
] as const;

/** `inherited` gives a command what all commands share. */
export function serverCommand(inherited: (command: Command) => Command): Command {
  const start = inherited(new Command("start"))
    .summary("Start a server.")
    .description(
      "Start a server. Without a configuration file it listens on this machine alone, keeps its data\n" +
        "in the folder `data`, and makes its own credentials at the first start.",
    )
    .option("-c, --config <file>", "Configuration file; config.example.toml has every key.")
    .option(
      "--check-config",
      "Check the configuration and say what is wrong with it; start nothing.",
    )
    .addHelpText("after", help);
  for (const { flags, about } of settingFlags) start.option(flags, about);
  start.action(async (values: { readonly [name: string]: string | boolean | undefined }) => {
    const { serve } = await import("../serve.ts");
    await serve({
      file: typeof values["config"] === "string" ? values["config"] : null,
      isCheck: values["checkConfig"] === true,
      flags: configFlags(start),
    });
  });
  return inherited(new Command("server"))
    .summary("Start, stop and look at a server.")
    .description("Start, stop and look at a server.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  gridlike server info")
    .addCommand(start);
}

const help = `
Examples:
  gridlike server start
  gridlike server start --config gridlike.toml`;

/** What the flags set, as text: the configuration judges it. */
function configFlags(start: Command): readonly ConfigFlag[] {
  return settingFlags.flatMap(({ flags, name }) => {
    const option = start.options.find((candidate) => candidate.flags === flags);
    const value: unknown = start.getOptionValue(option?.attributeName() ?? "");
    const text = typeof value === "string" ? value : value === true ? "true" : null;
    return option === undefined || text === null
      ? []
      : [{ flag: option.long ?? flags, name, text }];
  });
}
