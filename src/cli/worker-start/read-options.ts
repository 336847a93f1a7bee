// From the flags of `gridlike worker start` to what the worker is to be. Every flag is judged here, before anything is
// connected or started.

import { isTypeName } from "../../domain/job-type.ts";
import {
  warmInstanceCountMax,
  workerNameCharactersMax,
  workerSlotCountMax,
  workerWindowMax,
} from "../../domain/limits.ts";
import { parseSize } from "../../domain/size.ts";
import { commandType } from "../../protocol/shipped-command.ts";
import type { OwnCommand } from "../../wiring/runners.ts";
import { parseSpan } from "../submit/when.ts";
import { UsageMistake } from "../trouble.ts";
import type { GridFlags } from "./find-grid.ts";

/** As commander hands them over. */
export type WorkerStartValues = {
  readonly server?: string;
  readonly join?: string;
  readonly tokenFile?: string;
  readonly pin?: string;
  readonly type?: readonly string[];
  readonly service?: true;
  readonly contract?: string;
  readonly functions?: string;
  readonly commands?: true;
  readonly instances?: string;
  readonly env?: readonly string[];
  readonly slots?: string;
  readonly window?: string;
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly cpus?: string;
  readonly memory?: string;
  readonly gpus?: string;
  readonly policy?: string;
  readonly timeLimit?: string;
  readonly allowRoot?: true;
  readonly idleTimeout?: string;
  readonly lifetime?: string;
  readonly drain?: string;
  readonly once?: true;
  readonly stateDir?: string;
  readonly log?: string;
  readonly untilStdinEnds?: true;
};

export type WorkerStartOptions = {
  readonly grid: GridFlags;
  readonly worker: {
    readonly command: OwnCommand | null;
    readonly functions: string | null;
    readonly types: readonly string[];
    readonly instances: number | null;
    readonly passedNames: readonly string[];
    readonly setVariables: { readonly [name: string]: string };
    readonly slots: number | null;
    readonly window: number | null;
    readonly name: string | null;
    readonly tags: readonly string[];
    readonly cpus: number | null;
    readonly memoryBytes: number | null;
    readonly gpus: number | null;
    readonly timeLimitMs: number | null;
    readonly isRootAllowed: boolean;
  };
  /** Whether the owner says here that commands of clients are served; the policy may say so as well. */
  readonly isCommandServed: boolean;
  readonly policyFile: string | null;
  readonly idleTimeoutMs: number | null;
  readonly lifetimeMs: number | null;
  /** Null is as usual: without limit at a terminal, a while for a service manager. */
  readonly drainMs: number | null;
  readonly isOnce: boolean;
  readonly stateFolder: string | null;
  readonly logForm: "text" | "json";
  readonly isUntilStdinEnds: boolean;
};

/** Throws `UsageMistake`. */
export function readWorkerOptions(
  words: readonly string[],
  values: WorkerStartValues,
): WorkerStartOptions {
  const command = readCommand(words, values);
  return {
    grid: {
      server: values.server ?? null,
      token: values.join ?? null,
      tokenFile: values.tokenFile ?? null,
      pin: values.pin ?? null,
    },
    worker: {
      command,
      functions: values.functions ?? null,
      types: readTypes(values.type ?? [], command !== null || values.functions !== undefined),
      instances: readInstances(values),
      ...readVariables(values.env ?? []),
      slots: count("--slots", values.slots, 1, workerSlotCountMax),
      window: count("--window", values.window, 1, workerWindowMax),
      name: readName(values.name),
      tags: readTags(values.tag ?? []),
      cpus: readCpus(values.cpus),
      memoryBytes: readMemory(values.memory),
      gpus: count("--gpus", values.gpus, 0, gpuCountMax),
      timeLimitMs: span("--time-limit", values.timeLimit),
      isRootAllowed: values.allowRoot === true,
    },
    isCommandServed: values.commands === true,
    policyFile: values.policy ?? null,
    idleTimeoutMs: span("--idle-timeout", values.idleTimeout),
    lifetimeMs: span("--lifetime", values.lifetime),
    drainMs: values.drain === "0" ? 0 : span("--drain", values.drain),
    isOnce: values.once === true,
    stateFolder: values.stateDir ?? null,
    logForm: readLogForm(values.log),
    isUntilStdinEnds: values.untilStdinEnds === true,
  };
}

/** What to say where nothing is to be run. */
export const nothingToRun = `This worker has nothing to run. Say what, such as
  gridlike worker start -- ./work.sh           this command for each job
  gridlike worker start --functions FOLDER     the functions of a folder
  gridlike worker start --commands             the commands that clients send`;

/** More than any machine has; the server counts them as whole numbers. */
const gpuCountMax = 1_024;
const tagCountMax = 32;
const tagCharactersMax = 64;
const ourPrefix = "GRIDLIKE_";

function readCommand(
  words: readonly string[],
  { service, contract, functions }: WorkerStartValues,
): OwnCommand | null {
  if (contract !== undefined && service === undefined) {
    throw new UsageMistake("--contract is how a service is asked. Add --service, or leave it out.");
  }
  if (contract !== undefined && contract !== "plain" && contract !== "gridcontrol") {
    throw new UsageMistake(
      `--contract is ${JSON.stringify(contract)}. Write plain or gridcontrol.`,
    );
  }
  if (words.length > 0) {
    if (service === undefined) return { kind: "each-job", words };
    return { kind: "service", words, contract: contract ?? "plain" };
  }
  if (service === undefined) return null;
  const also = functions === undefined ? "" : " Functions are kept warm without it.";
  throw new UsageMistake(
    `--service keeps a program warm. Say after -- which one, such as: -- python3 serve.py${also}`,
  );
}

function readTypes(types: readonly string[], hasProgram: boolean): readonly string[] {
  const wrong = types.find((type) => !isTypeName(type));
  if (wrong !== undefined) {
    throw new UsageMistake(
      `--type is ${JSON.stringify(wrong)}, which cannot name a type. Names have letters, digits, ".", "_" and "-".`,
    );
  }
  if (types.includes(commandType)) {
    throw new UsageMistake(
      `The type "${commandType}" is for commands that clients send. Serve it with --commands.`,
    );
  }
  if (types.length > 0 && !hasProgram) {
    throw new UsageMistake(
      "--type says which jobs a command or functions are for, and there are neither. Say after -- what to run.",
    );
  }
  return [...new Set(types)];
}

function readInstances({ instances, service, functions }: WorkerStartValues): number | null {
  const read = count("--instances", instances, 1, warmInstanceCountMax);
  if (read === null || service !== undefined || functions !== undefined) return read;
  throw new UsageMistake("--instances is for --service and --functions. For commands use --slots.");
}

function readVariables(texts: readonly string[]) {
  const passedNames: string[] = [];
  const setVariables: Record<string, string> = {};
  for (const text of texts) {
    const [, name = "", value] = /^([A-Za-z_][A-Za-z0-9_]{0,255})(?:=(.*))?$/s.exec(text) ?? [];
    if (name === "") {
      throw new UsageMistake(`--env is ${JSON.stringify(text)}. Write NAME or NAME=VALUE.`);
    }
    if (name.startsWith(ourPrefix)) {
      throw new UsageMistake(`--env: ${name} is GridLike's own and may be a secret. Leave it out.`);
    }
    if (value === undefined) passedNames.push(name);
    else setVariables[name] = value;
  }
  return { passedNames, setVariables };
}

function readName(name: string | undefined): string | null {
  if (name === undefined) return null;
  if (name.trim() !== "" && name.length <= workerNameCharactersMax) return name;
  throw new UsageMistake(`--name has 1 to ${workerNameCharactersMax} characters.`);
}

function readTags(tags: readonly string[]): readonly string[] {
  const wrong = tags.find((tag) => tag === "" || tag.length > tagCharactersMax);
  if (wrong !== undefined) {
    throw new UsageMistake(`--tag is ${JSON.stringify(wrong)}. A tag has 1 to 64 characters.`);
  }
  if (tags.length <= tagCountMax) return tags;
  throw new UsageMistake(`A worker has at most ${tagCountMax} tags.`);
}

function readCpus(text: string | undefined): number | null {
  if (text === undefined) return null;
  const cpus = /^[0-9]{1,6}(?:\.[0-9]{1,3})?$/.test(text) ? Number(text) : 0;
  if (cpus > 0) return cpus;
  throw new UsageMistake(`--cpus is ${JSON.stringify(text)}. Write a number such as 4 or 0.5.`);
}

function readMemory(text: string | undefined): number | null {
  if (text === undefined) return null;
  const bytes = parseSize(text);
  if (bytes !== null && bytes > 0) return bytes;
  throw new UsageMistake(`--memory is ${JSON.stringify(text)}. Write such as 8GiB or 512MB.`);
}

function readLogForm(text: string | undefined): "text" | "json" {
  if (text === undefined || text === "text") return "text";
  if (text === "json") return "json";
  throw new UsageMistake(`--log is ${JSON.stringify(text)}. Write text or json.`);
}

function count(flag: string, text: string | undefined, min: number, max: number): number | null {
  if (text === undefined) return null;
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1;
  if (number >= min && number <= max) return number;
  throw new UsageMistake(
    `${flag} is ${JSON.stringify(text)}. Write a whole number from ${min} to ${max}.`,
  );
}

function span(flag: string, text: string | undefined): number | null {
  return text === undefined ? null : parseSpan(flag, text);
}
