// The numbers that stand on disk for states, changes, reasons and classes.
// They are never changed or used again; new ones are appended.

import { assert } from "../../domain/assert.ts";
import type { ChangeName } from "../../domain/event.ts";
import type { FailReason, Priority, Status } from "../../domain/job.ts";

export const statusNumbers = {
  pending: 0,
  running: 1,
  done: 2,
  failed: 3,
  cancelled: 4,
} as const satisfies Record<Status, number>;

export const priorityNumbers = { immediate: 0, batch: 1 } as const satisfies Record<
  Priority,
  number
>;

export const changeNumbers = {
  submitted: 0,
  claimed: 1,
  completed: 2,
  failed: 3,
  timed_out: 4,
  lost: 5,
  not_delivered: 6,
  released: 7,
  cancelled: 8,
  retried: 9,
  expired: 10,
  held: 11,
  unheld: 12,
  damaged: 13,
  deleted: 14,
  reopened: 15,
} as const satisfies Record<ChangeName, number>;

export const reasonNumbers = {
  error: 0,
  exhausted: 1,
  crashes: 2,
  timeout: 3,
  expired: 4,
  prerequisite: 5,
  payload_damaged: 6,
} as const satisfies Record<FailReason, number>;

export const statusNames = namesOf<Status>(statusNumbers);
export const priorityNames = namesOf<Priority>(priorityNumbers);
export const changeNames = namesOf<ChangeName>(changeNumbers);
export const reasonNames = namesOf<FailReason>(reasonNumbers);

function namesOf<Name extends string>(numbers: Record<Name, number>): readonly Name[] {
  const names: Name[] = [];
  for (const name of Object.keys(numbers) as Name[]) names[numbers[name]] = name;
  return names;
}

/** The name that a number from disk stands for. */
export function nameOf<Name>(names: readonly Name[], number: number): Name {
  const name = names[number];
  assert(name !== undefined, `the number ${number} has a name`);
  return name;
}
