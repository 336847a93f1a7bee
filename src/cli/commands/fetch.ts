// `gridlike cat` and `get`: their flags. What they do is in jobs/, loaded when they are called.

import { Command } from "commander";

import type { ServerFlags } from "../connect.ts";
import { exitCodesHelp, withServer, type Inherited } from "./shared.ts";

type FetchValues = ServerFlags & { readonly wait?: true; readonly endOfChain?: true };

function withResults(command: Command): Command {
  return withServer(command)
    .option("-w, --wait", "Wait for jobs that are not settled.")
    .option("--end-of-chain", "The result of the last job of the chain that a job began.");
}

export function catCommand(inherited: Inherited): Command {
  return withResults(inherited(new Command("cat")))
    .summary("Write results to standard output.")
    .description(
      "Write results to standard output, byte for byte and one behind the other. On a terminal control\n" +
        "characters are left out.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--raw", "Leave every byte as it is, on a terminal too.")
    .addHelpText(
      "after",
      `${exitCodesHelp}\n\nExamples:\n  gridlike cat 12 > picture.png\n  gridlike cat --wait last`,
    )
    .action(async (selectors: string[], values: FetchValues & { readonly raw?: true }) => {
      const { cat } = await import("../jobs/cat.ts");
      await cat(values, {
        selectors,
        isWaiting: values.wait === true,
        isEndOfChain: values.endOfChain === true,
        isRaw: values.raw === true,
      });
    });
}

export function getCommand(inherited: Inherited): Command {
  return withResults(inherited(new Command("get")))
    .summary("Save results as files.")
    .description(
      "Save results as files, each named by its job's key. What a name cannot hold is written as %XX. A\n" +
        "file that is there with the same bytes is left alone, so the command can be given again.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("-o, --output <folder>", "Where the files go.", ".")
    .option("--tar <file>", "One tar file with the results of a group; - is standard output.")
    .option("--force", "Replace files that hold other bytes.")
    .option("--json", "Print a JSON object on a line for each file.")
    .addHelpText("after", getHelp)
    .action(async (selectors: string[], values: GetValues) => {
      const { get } = await import("../jobs/get.ts");
      await get(values, {
        selectors,
        folder: values.output,
        tar: values.tar ?? null,
        isWaiting: values.wait === true,
        isEndOfChain: values.endOfChain === true,
        isForced: values.force === true,
        isJson: values.json === true,
      });
    });
}

type GetValues = FetchValues & {
  readonly output: string;
  readonly tar?: string;
  readonly force?: true;
  readonly json?: true;
};

const getHelp = `${exitCodesHelp}

Examples:
  gridlike get group:film -o frames
  gridlike get group:film --tar - | tar -x`;
