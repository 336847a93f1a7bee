// What a program finds in its environment: what it needs of the machine, by a list of what is allowed, and what it
// is told of its job. Everything else of the agent's own environment stays there, its token first of all.

import type { Assignment } from "../runner.ts";

const passedOn = new Set(
  "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ SYSTEMROOT NUMBER_OF_PROCESSORS".split(" "),
);

/** Variables of GridLike are said here and never passed on: some of them are secrets. */
const ourPrefix = "GRIDLIKE_";

/** Where a system says nothing. */
const pathDefault = "/usr/local/bin:/usr/bin:/bin";

export type Environment = { readonly [name: string]: string };

/** What is the same for every job. `more`: names that the machine's owner adds. */
export function machineEnvironment(
  own: { readonly [name: string]: string | undefined },
  more: readonly string[],
): Environment {
  const added = new Set(more);
  const passed = Object.entries(own).flatMap(([name, value]) => {
    const isPassed = passedOn.has(name) || name.startsWith("LC_") || added.has(name);
    return value !== undefined && isPassed && !name.startsWith(ourPrefix)
      ? [[name, value] as const]
      : [];
  });
  return { PATH: pathDefault, ...Object.fromEntries(passed) };
}

/** The files of a job that its program is told of, and its door to the agent. */
export type JobPlaces = { readonly payload: string; readonly result: string; readonly api: string };

/** What one job's program is told. */
export function jobEnvironment(
  machine: Environment,
  { job, attempt, key, type, slot, directory }: Assignment,
  { payload, result, api }: JobPlaces,
): Environment {
  return {
    ...machine,
    TMPDIR: directory,
    GRIDLIKE_JOB: job,
    GRIDLIKE_ATTEMPT: String(attempt),
    GRIDLIKE_KEY: key,
    GRIDLIKE_TYPE: type,
    GRIDLIKE_SLOT: String(slot),
    GRIDLIKE_PAYLOAD: payload,
    GRIDLIKE_RESULT: result,
    GRIDLIKE_API: api,
  };
}
