// A worker of this machine: looks at what the machine has, puts the runners together, and is then ready to join a
// server. Apart from starting it, so that a mistake is told before anybody is asked anything.

import {
  lookAtMachine,
  machineLine,
  slotsOf,
  toResources,
  type Machine,
} from "../agent/machine.ts";
import { machineEnvironment } from "../agent/command/job-environment.ts";
import { rootProblem } from "../agent/policy.ts";
import { createVitals, readingsOf } from "../agent/vitals.ts";
import { workerNameCharactersMax, workerSlotCountMax } from "../domain/limits.ts";
import type { Log } from "../platform/log.ts";
import { currentFolder, environment } from "../platform/program.ts";
import { isInContainer, isRoot } from "../platform/user-facts.ts";
import { startAgent, type AgentOptions, type RunningAgent } from "./agent.ts";
import { createRunners, type RunnersOptions } from "./runners.ts";

/** What the owner says of the worker; null leaves it to the machine. */
export type WorkerOptions = Pick<
  RunnersOptions,
  "command" | "functions" | "isCommandServed" | "types" | "timeLimitMs" | "policy" | "onFailure"
> & {
  readonly name: string | null;
  readonly slots: number | null;
  readonly window: number | null;
  readonly instances: number | null;
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly gpus: number | null;
  readonly tags: readonly string[];
  /** Variables of the owner's that programs get, and ones with values of their own. */
  readonly passedNames: readonly string[];
  readonly setVariables: { readonly [name: string]: string };
  readonly isRootAllowed: boolean;
  readonly log: Log;
};

/** The rest: which server it joins, and how it ends. */
export type JoinOptions = Pick<
  AgentOptions,
  | "url"
  | "token"
  | "tls"
  | "stateFolder"
  | "drainMs"
  | "idleTimeoutMs"
  | "lifetimeMs"
  | "once"
  | "onNotice"
>;

export type ReadyWorker = {
  readonly name: string;
  /** None on a server without types. */
  readonly types: readonly string[];
  readonly slots: number;
  /** What the machine is, in a line. */
  readonly machine: string;
  /** Sentences about what will probably go wrong. */
  readonly notices: readonly string[];
  /** Once. The worker is closed when the agent has ended. */
  join(options: JoinOptions): RunningAgent;
  /** For a worker that joins nobody after all. */
  close(): Promise<void>;
};

/** A sentence says why there is none. */
export async function prepareWorker(options: WorkerOptions): Promise<ReadyWorker | string> {
  const { policy, log } = options;
  const root = rootProblem({
    isRoot: isRoot(),
    isInContainer: isInContainer(),
    isAllowed: options.isRootAllowed || policy.runAsRoot,
  });
  if (root !== null) return root;
  const machine = asOwned(await lookAtMachine(), options);
  const slots = options.slots ?? Math.min(slotsOf(machine), workerSlotCountMax);
  const runners = await createRunners({
    ...options,
    slots,
    instances: options.instances ?? slots,
    environment: environmentOf(options),
    folder: currentFolder(),
  });
  if (typeof runners === "string") return runners;
  const name = options.name ?? machine.name.slice(0, workerNameCharactersMax);
  return {
    name,
    types: runners.types,
    slots: runners.slots,
    machine: machineLine(machine),
    notices: runners.notices,
    join: (joining) =>
      startAgent({
        ...joining,
        name,
        types: runners.types,
        slots: runners.slots,
        ...(options.window === null ? {} : { window: options.window }),
        resources: toResources(machine, options.tags),
        arch: machine.facts.arch,
        os: machine.facts.os,
        runner: runners.runner,
        vitals: createVitals(readingsOf(machine), machine.memoryBytes),
        log,
      }),
    close: () => runners.runner.close(),
  };
}

/** What the owner lends of it, where that is said. */
function asOwned(
  machine: Machine,
  { cpus, memoryBytes, gpus }: Pick<WorkerOptions, "cpus" | "memoryBytes" | "gpus">,
): Machine {
  return {
    ...machine,
    cpus: cpus ?? machine.cpus,
    memoryBytes: memoryBytes ?? machine.memoryBytes,
    gpus: gpus ?? machine.gpus,
  };
}

function environmentOf({ policy, passedNames, setVariables }: WorkerOptions) {
  const names = [...policy.environmentNames, ...passedNames];
  return { ...machineEnvironment(environment(), names), ...setVariables };
}
