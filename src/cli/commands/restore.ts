// `gridlike restore`: its flags. What it does is in restore.ts, loaded when it is called.

import { Command } from "commander";

/** `inherited` gives a command what all commands share. */
export function restoreCommand(inherited: (command: Command) => Command): Command {
  return inherited(new Command("restore"))
    .summary("Put a backup into an empty data directory.")
    .description(
      "Put a backup into an empty data directory, from which a server can then be started. Every byte is\n" +
        "checked first; of a backup that is not whole nothing is put back.",
    )
    .argument("<file>", "A file that gridlike backup wrote.")
    .requiredOption("-d, --data-dir <folder>", "An empty folder, or one that is not there yet.")
    .option("--json", "Print what was put back as JSON.")
    .addHelpText("after", help)
    .action(async (file: string, values: Values) => {
      const { restoreFile } = await import("../restore.ts");
      await restoreFile({ file, dataDir: values.dataDir, isJson: values.json === true });
    });
}

type Values = { readonly dataDir: string; readonly json?: true };

const help = `
Exit codes: 0 ok, 1 restored without bytes that were lost before the backup, 2 usage or the folder is
not empty, 3 a file or folder cannot be used, 4 the backup is not whole.

Example:
  gridlike restore grid-monday.tar --data-dir data`;
