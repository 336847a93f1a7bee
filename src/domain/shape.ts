// A shape: what jobs have in common that decides where and whether they may run. Jobs of one shape can be passed
// over together, so that those which fit nobody now cost a claim nothing. Its requirements are kept as text.

import { assert } from "./assert.ts";
import { needsOf, roughly, type Needs } from "./requirements.ts";
import type { Job, NewJob } from "./job.ts";

/** A type, and what its jobs require beside it: "" for nothing, else text as `requirementsOf` writes it. */
export type Shape = { readonly type: string; readonly requires: string };

/** Nothing starts under it while so many jobs of the group run. */
export type GroupLimit = { readonly group: string; readonly runningMax: number };

export type Requirements = {
  readonly groupLimit: GroupLimit | null;
  /** No job of the shape has a payload smaller than this. */
  readonly payloadBytesMin: number;
  /** No job of the shape needs less than this of its worker; null where it needs nothing. */
  readonly needs: Needs | null;
};

type Asking = {
  readonly group: string | null;
  readonly options: Pick<NewJob["options"], "groupRunningMax" | "requires">;
  readonly payload: Pick<NewJob["payload"], "size">;
};

const nothing: Requirements = { groupLimit: null, payloadBytesMin: 0, needs: null };

const firstStepBytes = 1024 * 1024;

/** Payloads up to the first step have no class of their own; each further class is four times as wide. */
const stepCount = 12;

/** The text is the same for the same requirements: it names the shape in the store. */
export function requirementsOf({ group, options, payload }: Asking): string {
  const { groupRunningMax, requires } = options;
  // Nearly all jobs: this is asked of each on its way in.
  if (groupRunningMax === null && requires === null && payload.size <= firstStepBytes) return "";
  assert(groupRunningMax === null || group !== null, "a limited job has a group");
  const payloadBytesMin = payloadClassOf(payload.size);
  return JSON.stringify({
    ...(groupRunningMax !== null && { group, group_running_max: groupRunningMax }),
    ...(payloadBytesMin > 0 && { payload_bytes_min: payloadBytesMin }),
    ...(requires !== null && writeNeeds(roughly(needsOf(requires)))),
  });
}

export function groupLimitOf({
  group,
  options,
}: Pick<Job, "group" | "options">): GroupLimit | null {
  const { groupRunningMax } = options;
  if (groupRunningMax === null) return null;
  assert(group !== null, "a limited job has a group");
  return { group, runningMax: groupRunningMax };
}

export function parseRequirements(text: string): Requirements {
  if (text === "") return nothing;
  const said = JSON.parse(text) as Written; // Written by requirementsOf alone.
  const { group, group_running_max: runningMax, payload_bytes_min: payloadBytesMin = 0 } = said;
  const isLimited = group !== undefined && runningMax !== undefined;
  const groupLimit = isLimited ? { group, runningMax } : null;
  return { groupLimit, payloadBytesMin, needs: readNeeds(said) };
}

type Written = WrittenNeeds & {
  readonly group?: string;
  readonly group_running_max?: number;
  readonly payload_bytes_min?: number;
};

type WrittenNeeds = {
  readonly cpus_thousandths?: number;
  readonly memory_bytes?: number;
  readonly gpus?: number;
  readonly tags?: readonly string[];
  readonly worker?: string;
};

function writeNeeds({ milliCpus, memoryBytes, gpus, tags, workerId }: Needs): WrittenNeeds {
  return {
    ...(milliCpus > 0 && { cpus_thousandths: milliCpus }),
    ...(memoryBytes > 0 && { memory_bytes: memoryBytes }),
    ...(gpus > 0 && { gpus }),
    ...(tags.length > 0 && { tags }),
    ...(workerId !== null && { worker: workerId }),
  };
}

function readNeeds(said: WrittenNeeds): Needs | null {
  const { cpus_thousandths: milliCpus = 0, memory_bytes: memoryBytes = 0, gpus = 0 } = said;
  const { tags = [], worker: workerId = null } = said;
  const isNothing = milliCpus + memoryBytes + gpus + tags.length === 0 && workerId === null;
  return isNothing ? null : { milliCpus, memoryBytes, gpus, tags, workerId };
}

/** The smallest size of the class: one byte more than a step, for a limit of workers is mostly a round number. */
function payloadClassOf(size: number): number {
  let payloadBytesMin = 0;
  let step = firstStepBytes;
  for (let count = 0; count < stepCount && size > step; count += 1) {
    payloadBytesMin = step + 1;
    step *= 4;
  }
  return payloadBytesMin;
}
