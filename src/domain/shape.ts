// A shape: what jobs have in common that decides where and whether they may run. Jobs of one shape can be passed
// over together, so that those which fit nobody now cost a claim nothing. Its requirements are kept as text.

import { assert } from "./assert.ts";
import type { Job, NewJob } from "./job.ts";

/** A type, and what its jobs require beside it: "" for nothing, else text as `requirementsOf` writes it. */
export type Shape = { readonly type: string; readonly requires: string };

/** Nothing starts under it while so many jobs of the group run. */
export type GroupLimit = { readonly group: string; readonly runningMax: number };

export type Requirements = {
  readonly groupLimit: GroupLimit | null;
  /** No job of the shape has a payload smaller than this. */
  readonly payloadBytesMin: number;
};

type Asking = {
  readonly group: string | null;
  readonly options: Pick<NewJob["options"], "groupRunningMax">;
  readonly payload: Pick<NewJob["payload"], "size">;
};

const nothing: Requirements = { groupLimit: null, payloadBytesMin: 0 };

const firstStepBytes = 1024 * 1024;

/** Payloads up to the first step have no class of their own; each further class is four times as wide. */
const stepCount = 12;

/** The text is the same for the same requirements: it names the shape in the store. */
export function requirementsOf({ group, options, payload }: Asking): string {
  const { groupRunningMax } = options;
  // Nearly all jobs: this is asked of each on its way in.
  if (groupRunningMax === null && payload.size <= firstStepBytes) return "";
  assert(groupRunningMax === null || group !== null, "a limited job has a group");
  const payloadBytesMin = payloadClassOf(payload.size);
  return JSON.stringify({
    ...(groupRunningMax !== null && { group, group_running_max: groupRunningMax }),
    ...(payloadBytesMin > 0 && { payload_bytes_min: payloadBytesMin }),
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
  if (group === undefined || runningMax === undefined) return { ...nothing, payloadBytesMin };
  return { groupLimit: { group, runningMax }, payloadBytesMin };
}

type Written = {
  readonly group?: string;
  readonly group_running_max?: number;
  readonly payload_bytes_min?: number;
};

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
