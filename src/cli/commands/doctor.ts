// `gridlike doctor`: its flags. What it does is in doctor.ts, loaded when it is called.

import { Command } from "commander";

/** `inherited` gives a command what all commands share. */
export function doctorCommand(inherited: (command: Command) => Command): Command {
  return inherited(new Command("doctor"))
    .summary("Examine the data of a stopped server.")
    .description(
      "Examine the data directory of a stopped server, and say what to do for each thing that is wrong.\n" +
        "Nothing in it is changed.",
    )
    .option("-d, --data-dir <folder>", "The data directory.")
    .option("-c, --config <file>", "The configuration that names the data directory.")
    .option("--deep", "Read all payloads and results, and hold them against their hashes.")
    .option("--json", "Print the findings as JSON.")
    .addHelpText("after", help)
    .action(async (values: Values) => {
      const { doctor } = await import("../doctor.ts");
      await doctor({
        dataDir: values.dataDir ?? null,
        file: values.config ?? null,
        isDeep: values.deep === true,
        isJson: values.json === true,
      });
    });
}

type Values = {
  readonly dataDir?: string;
  readonly config?: string;
  readonly deep?: true;
  readonly json?: true;
};

const help = `
Exit codes: 0 nothing is wrong, 1 something was found, 2 usage, 3 it cannot be examined.

Example:
  gridlike doctor --data-dir data --deep`;
