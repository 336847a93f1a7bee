// The job types of the configuration, with what [jobs] says filled in, and the checks that their chains have an
// end and lead to types that exist.

import { findCircle } from "../domain/chain.ts";
import { commandType, type JobType } from "../domain/job-type.ts";
import { chainDepthMax } from "../domain/limits.ts";
import { didYouMean } from "../domain/nearest.ts";
import type { GivenType } from "./collect.ts";
import { inFile } from "./given.ts";
import type { Problem } from "./given.ts";
import { judgeType } from "./judge.ts";
import type { Settings, TypeSettings } from "./schema.ts";

/** Reads the types; without any there is one, unnamed. Beside them there is always that of commands. Problems are told to `refuse`. */
export function readJobTypes(
  types: readonly GivenType[],
  jobs: Settings["jobs"],
  refuse: (problem: Problem) => void,
): readonly JobType[] {
  const read = types.map(({ name, given }) => jobType(name, judgeType(name, given, refuse), jobs));
  const configured = types.length === 0 ? [jobType("", null, jobs)] : read;
  if (types.some(({ name }) => name === commandType)) return configured;
  const about = "A command that a client sends, for workers that allow it.";
  return [...configured, { ...jobType(commandType, null, jobs), description: about }];
}

/** Chains that lead nowhere, in circles or too far. Needs no valid limits, so that all is told at once. */
export function chainProblems(types: readonly GivenType[]): readonly Problem[] {
  const next = new Map(types.map(({ name, given }) => [name, target(given.get("result_becomes"))]));
  const unknown = types.flatMap(({ name, given }) => {
    const becomes = next.get(name) ?? null;
    if (becomes === null || next.has(becomes)) return [];
    return {
      origin: given.get("result_becomes")?.origin ?? null,
      sentence: `The job type "${name}" specifies a transition into type "${becomes}", but that type does not exist in the configuration.${didYouMean(becomes, next.keys())}`,
    };
  });
  const circle = findCircle(next);
  if (circle !== null) {
    const way = circle.map((name) => `"${name}"`).join(" → ");
    const sentence = `The types become one another in a circle: ${way}. Remove one result_becomes of it.`;
    return [...unknown, { origin: becomesAt(types, circle.at(-2)), sentence }];
  }
  const long = longestChain(next);
  if (long.length <= chainDepthMax) return unknown;
  const sentence = `The chain from "${long[0]}" to "${long.at(-1)}" has ${long.length} types; the most is ${chainDepthMax}. Join some of its steps.`;
  return [...unknown, { origin: becomesAt(types, long[0]), sentence }];
}

function jobType(name: string, own: TypeSettings | null, jobs: Settings["jobs"]): JobType {
  return {
    name,
    description: own?.description ?? null,
    resultBecomes: own?.result_becomes ?? null,
    timeoutMs: own?.timeout_s ?? jobs.timeout_s,
    maxAttempts: own?.max_attempts ?? jobs.max_attempts,
    maxCrashes: own?.max_crashes ?? jobs.max_crashes,
    resumeGraceMs: own?.resume_grace_s ?? jobs.resume_grace_s,
    payloadBytesMax: own?.payload_bytes_max ?? jobs.payload_bytes_max,
  };
}

/** The names along the longest chain. There is no circle. */
function longestChain(next: ReadonlyMap<string, string | null>): readonly string[] {
  let longest: readonly string[] = [];
  for (const start of next.keys()) {
    const chain = [start];
    for (let name = next.get(start) ?? null; name !== null; name = next.get(name) ?? null) {
      chain.push(name);
    }
    if (chain.length > longest.length) longest = chain;
  }
  return longest;
}

function becomesAt(types: readonly GivenType[], name: string | undefined): Problem["origin"] {
  const type = types.find((candidate) => candidate.name === name);
  if (type === undefined) return null;
  return type.given.get("result_becomes")?.origin ?? inFile(type.at);
}

function target(given: { readonly value: unknown } | undefined): string | null {
  return typeof given?.value === "string" ? given.value : null;
}
