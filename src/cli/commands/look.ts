// `gridlike ls`, `info`, `explain` and `logs`: their flags. What they do is in jobs/, loaded when they are called.

import { Command, Option } from "commander";

import { statuses, type Status } from "../../domain/job.ts";
import type { ServerFlags } from "../connect.ts";
import { listCountDefault } from "../limits.ts";
import { parseCount, withServer, type Inherited } from "./shared.ts";

export function lsCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("ls")))
    .summary("List jobs, newest first.")
    .description("List jobs, newest first: all, or those that selectors or flags name.")
    .argument("[selectors...]", "Which jobs; see gridlike help selectors.")
    .addOption(new Option("--status <status>", "Only jobs of this status.").choices(statuses))
    .option("--type <type>", "Only jobs of this type.")
    .option("--group <group>", "Only jobs of this group.")
    .option("-n, --limit <count>", "How many at most.", parseCount, listCountDefault)
    .option("-a, --all", "All of them, however many.")
    .option("--json", "Print one JSON array, a job on each line.")
    .addHelpText("after", lsHelp)
    .action(async (selectors: string[], values: LsValues) => {
      const { ls } = await import("../jobs/ls.ts");
      await ls(values, {
        selectors,
        status: values.status ?? null,
        type: values.type ?? null,
        group: values.group ?? null,
        limit: values.all === true ? null : values.limit,
        isJson: values.json === true,
      });
    });
}

type LsValues = ServerFlags & {
  readonly status?: Status;
  readonly type?: string;
  readonly group?: string;
  readonly limit: number;
  readonly all?: true;
  readonly json?: true;
};

const lsHelp = `
Examples:
  gridlike ls --status failed
  gridlike ls group:film --all --json`;

type JsonValues = ServerFlags & { readonly json?: true };

export function infoCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("info")))
    .summary("Tell all that is known of jobs.")
    .description("Tell all that is known of jobs, with every attempt at them.")
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--json", "Print a JSON object on a line for each job.")
    .addHelpText("after", "\nExample:\n  gridlike info 12")
    .action(async (selectors: string[], values: JsonValues) => {
      const { info } = await import("../jobs/info.ts");
      await info(values, { selectors, isJson: values.json === true });
    });
}

export function explainCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("explain")))
    .summary("Say why a job does not run.")
    .description(
      "Say why a job does not run, what each worker means to it, and what would change that.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("--json", "Print a JSON object on a line for each job.")
    .addHelpText("after", "\nExample:\n  gridlike explain last")
    .action(async (selectors: string[], values: JsonValues) => {
      const { explain } = await import("../jobs/explain.ts");
      await explain(values, { selectors, isJson: values.json === true });
    });
}

export function logsCommand(inherited: Inherited): Command {
  return withServer(inherited(new Command("logs")))
    .summary("Show what workers said of failures.")
    .description(
      "Show what workers said of failures, attempt by attempt. Control characters are left out, so that\n" +
        "nothing in it steers your terminal.",
    )
    .argument("<selectors...>", "Which jobs; see gridlike help selectors.")
    .option("-f, --follow", "Go on until the job is settled.")
    .option("--raw", "Leave every byte as it is.")
    .addHelpText("after", "\nExample:\n  gridlike logs -f 12")
    .action(async (selectors: string[], values: LogsValues) => {
      const { logs } = await import("../jobs/logs.ts");
      const isFollowing = values.follow === true;
      await logs(values, { selectors, isFollowing, isRaw: values.raw === true });
    });
}

type LogsValues = ServerFlags & { readonly follow?: true; readonly raw?: true };
