// What a worker runs, put together from what its owner asked for: a command for each job or kept warm as a service,
// the functions of a folder, commands that clients send. One runner comes of it, within the owner's policy.

import { checkCommand } from "../agent/command/check-command.ts";
import { createJobDoor } from "../agent/job-door.ts";
import type { Environment } from "../agent/command/job-environment.ts";
import { narrowOffer } from "../agent/policy.ts";
import { createTypeRunner } from "../agent/run-by-type.ts";
import { createRunCommand } from "../agent/command/run-command.ts";
import { createFunctionRunner } from "../agent/functions/run-function.ts";
import { createServiceRunner } from "../agent/service/run-service.ts";
import { createShippedCommandRunner } from "../agent/command/run-shipped-command.ts";
import type { Runner } from "../agent/runner.ts";
import type { ServiceContract } from "../agent/service/service-contract.ts";
import { unreachable } from "../domain/assert.ts";
import { GridError } from "../domain/errors.ts";
import type { WorkerPolicy } from "../domain/worker-policy.ts";
import { createSystemClock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { serveLoopback } from "../platform/loopback.ts";
import { createProcessTrees } from "../platform/process-tree.ts";
import { createSystemRandom } from "../platform/random.ts";
import { commandType } from "../protocol/shipped-command.ts";
import { createAllowedRunner, type FailureNotice } from "./allowed-runner.ts";

/** What the owner's own command is for. */
export type OwnCommand =
  | { readonly kind: "each-job"; readonly words: readonly string[] }
  | {
      readonly kind: "service";
      readonly words: readonly string[];
      readonly contract: ServiceContract;
    };

export type RunnersOptions = {
  readonly command: OwnCommand | null;
  /** A folder of functions, or null. */
  readonly functions: string | null;
  /** Whether the type of commands that clients send is served. */
  readonly isCommandServed: boolean;
  /** Those of the command; without a command, those of the functions that are wanted. None is all there are. */
  readonly types: readonly string[];
  readonly slots: number;
  /** Copies of a service, and of each file of functions. */
  readonly instances: number;
  readonly policy: WorkerPolicy;
  readonly timeLimitMs: number | null;
  /** What programs find in their environment. */
  readonly environment: Environment;
  /** Where the owner stands. */
  readonly folder: string;
  readonly log: Log;
  readonly onFailure: (failure: FailureNotice) => void;
};

export type Runners = {
  readonly runner: Runner;
  /** As the server is told: none on a server without types. */
  readonly types: readonly string[];
  readonly slots: number;
  /** Sentences about what will probably go wrong. */
  readonly notices: readonly string[];
};

/** A sentence says why there is none. Nothing of it runs then. */
export async function createRunners(options: RunnersOptions): Promise<Runners | string> {
  try {
    return await assemble(options);
  } catch (error) {
    if (error instanceof GridError) return error.message;
    throw error;
  }
}

async function assemble(options: RunnersOptions): Promise<Runners | string> {
  const { command, functions, isCommandServed, policy, folder } = options;
  const path = options.environment["PATH"] ?? "";
  const checked = command === null ? null : checkCommand(command.words, { folder, path });
  if (checked?.kind === "refused") return checked.sentence;
  await using opened = new AsyncDisposableStack();
  const deps = createDeps(options);
  const runnersByType = new Map<string, Runner>();

  if (functions !== null) {
    const runner = createFunctionRunner(
      { kind: "functions", folder: functions, instances: options.instances, env: {} },
      deps,
    );
    opened.defer(() => runner.close());
    const served = chooseTypes(await runner.types(), options);
    if (typeof served === "string") return served;
    for (const type of served) runnersByType.set(type, runner);
  }
  if (isCommandServed) runnersByType.set(commandType, createShippedCommandRunner(deps));
  const own = command === null ? [] : options.types.length > 0 ? options.types : [unnamedType];
  const taken = own.find((type) => runnersByType.has(type));
  if (taken !== undefined) {
    return `The type "${taken}" is served already without the command. Name another one with --type, or leave one of the two out.`;
  }
  const offer = narrowOffer(policy, {
    types: toldTypes([...own, ...runnersByType.keys()]),
    slots: options.slots,
  });
  if (typeof offer === "string") return offer;

  // A service starts now, so it comes last.
  let fallback: Runner | null = null;
  if (command !== null && checked !== null) {
    fallback = openOwn(command, checked.command, { options, deps, opened });
  }
  const all = createAllowedRunner(createTypeRunner(runnersByType, fallback), options);
  const running = opened.move();
  return {
    runner: { run: all.run, close: () => running.disposeAsync() },
    // A policy that lists the type allows it; whether it is served is said elsewhere.
    types: offer.types.filter((type) => isCommandServed || type !== commandType),
    slots: offer.slots,
    notices: checked?.kind === "ready" && checked.notice !== null ? [checked.notice] : [],
  };
}

/** The one type of a server without types. */
const unnamedType = "";

/** Who has only that one names none. */
function toldTypes(types: readonly string[]): readonly string[] {
  return types.length === 1 && types[0] === unnamedType ? [] : types;
}

function chooseTypes(
  found: readonly string[],
  { command, types, functions }: RunnersOptions,
): readonly string[] | string {
  if (found.length === 0) return `The folder ${functions} holds no functions: .js or .ts files.`;
  if (command !== null || types.length === 0) return found;
  const missing = types.find((type) => !found.includes(type));
  if (missing === undefined) return types;
  return `The functions of ${functions} serve ${found.join(", ")}, and not ${JSON.stringify(missing)}.`;
}

function createDeps({ policy, environment, log }: RunnersOptions) {
  const clock = createSystemClock();
  const { resultBytesMax } = policy;
  const trees = createProcessTrees({ clock });
  return { clock, random: createSystemRandom(), log, trees, environment, resultBytesMax };
}

function openOwn(
  command: OwnCommand,
  words: readonly string[],
  {
    options,
    deps,
    opened,
  }: {
    readonly options: RunnersOptions;
    readonly deps: ReturnType<typeof createDeps>;
    readonly opened: AsyncDisposableStack;
  },
): Runner {
  switch (command.kind) {
    case "each-job": {
      const door = createJobDoor({ serve: serveLoopback, random: deps.random });
      opened.defer(() => door.stop());
      return createRunCommand({ ...deps, command: words, door });
    }
    case "service": {
      const { instances, types, folder } = options;
      const runner = createServiceRunner(
        {
          kind: "service",
          argv: words,
          instances,
          env: {},
          contract: command.contract,
          type: types[0] ?? unnamedType,
          folder,
        },
        deps,
      );
      opened.defer(() => runner.close());
      return runner;
    }
    default:
      return unreachable(command);
  }
}
