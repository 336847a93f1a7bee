// `gridlike worker start`: its flags. What it does is in worker-start.ts, loaded when it is called.

import { Command, Option } from "commander";

import type { WorkerStartValues } from "../worker-start/read-options.ts";
import type { Inherited } from "./shared.ts";

export function workerStartCommand(inherited: Inherited): Command {
  const command = inherited(new Command("start"))
    .summary("Let this machine work for a grid.")
    .description(
      "Let this machine work for a grid: run a command for each job, keep a service or functions warm, or run\n" +
        "what clients send. On the server's own machine no server needs to be named. It comes back by itself\n" +
        "when the server was away, and loses no result meanwhile.",
    )
    .argument("[command...]", "Behind --: the command that runs the jobs, and its words.");
  addServerFlags(command);
  addWorkFlags(command);
  addMachineFlags(command);
  addEndFlags(command);
  return command
    .addHelpText("after", help)
    .action(async (words: string[], values: WorkerStartValues) => {
      const { workerStart } = await import("../worker-start.ts");
      await workerStart(words, values);
    });
}

function addServerFlags(command: Command): void {
  command
    .optionsGroup("The server:")
    .option(
      "-s, --server <server>",
      "Address such as https://closet:7171, or a name of your context.toml.",
    )
    .option("--join <token>", "The worker token; other users of this machine may see it.")
    .option("--token-file <file>", "The file that holds it.")
    .option("--pin <pin>", "What the server's own certificate is known by: sha256:…");
}

function addWorkFlags(command: Command): void {
  command
    .optionsGroup("What it runs:")
    .option("-t, --type <type>", "Type of the command's jobs; may be given again.", collected)
    .option("--service", "Keep the command running; it serves HTTP on the port TASK_PORT.")
    .option("--contract <name>", "How a service is asked: plain, or gridcontrol's way.")
    .option("--functions <folder>", "Serve each function of a folder as a type of its name.")
    .option("--commands", "Run commands that clients send. They may do whatever you may.")
    .option("--instances <count>", "Copies of a service, and of each file of functions.")
    .option("--env <name>", "NAME passes a variable on, NAME=VALUE sets one.", collected)
    .option("--time-limit <time>", "End a job that runs for longer, such as 90s, 5m or 2h.");
}

function addMachineFlags(command: Command): void {
  command
    .optionsGroup("What it lends of this machine:")
    .option("--slots <count>", "Jobs at a time; one for each processor unless you say.")
    .option("--window <count>", "Jobs that it holds, waiting ones included.")
    .option("--name <name>", "What people call this worker; the machine's name unless you say.")
    .option("--tag <tag>", "A word that jobs may ask for; may be given again.", collected)
    .option("--cpus <number>", "Processors that it offers.")
    .option("--memory <size>", "Memory that it offers, such as 8GiB.")
    .option("--gpus <count>", "Graphics cards that it offers.")
    .option("--policy <file>", "What may run here; ~/.config/gridlike/worker.toml unless you say.")
    .option("--allow-root", "Run although you are root.");
}

function addEndFlags(command: Command): void {
  command
    .optionsGroup("How it lives and ends:")
    .option("--once", "End after one job; the exit code is then the job's.")
    .option("--idle-timeout <time>", "End after so long without a job.")
    .option("--lifetime <time>", "Take no new jobs after so long, and end.")
    .option(
      "--drain <time>",
      "How long running jobs may go on when it is asked to end; 0 gives them back at once.",
    )
    .option("--state-dir <folder>", "Where it keeps who it is, and results that wait.")
    .option("--log <form>", "What it says: text for people, or json for machines.")
    .addOption(new Option("--until-stdin-ends").hideHelp());
}

function collected(value: string, former: readonly string[] | undefined): readonly string[] {
  return [...(former ?? []), value];
}

const help = `
The payload of a job is the command's standard input, its standard output the result. {payload} among its words
stands for a file with the payload, $GRIDLIKE_RESULT names one for the result. Each job runs in a fresh folder.

Without flags, the server comes from GRIDLIKE_URL and GRIDLIKE_PIN, the token from GRIDLIKE_WORKER_TOKEN, GRIDLIKE_TOKEN
or GRIDLIKE_TOKEN_FILE, and what is missing from your context.toml.

Ctrl-C or SIGTERM: no new jobs; what runs may go on as --drain says, else without limit at the terminal and for 30 s
after SIGTERM. Asked a second time, it gives its jobs back, which costs them no attempt.

Exit codes: 0 ended as asked, 1 the one job of --once failed, 2 usage, 3 the server was never reached, 4 refused.

Examples:
  gridlike worker start -- ./work.sh
  gridlike worker start --server https://closet:7171 --join TOKEN --pin sha256:… -- ./work.sh
  gridlike worker start --type render --type mesh --slots 2 -- blender -b {payload}
  gridlike worker start --service --type score -- python3 serve.py
  gridlike worker start --functions ./functions --commands`;
