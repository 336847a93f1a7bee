// How many jobs of each group are in each status: a small table, kept in step by the commits that change jobs, so
// that a group of a million is counted without looking at it. Changes of one commit are added up before it.

import { statuses } from "../../domain/job.ts";
import type { GroupCount } from "../job-store.ts";
import type { Statements } from "./statements.ts";
import { statusNumbers } from "./stored-numbers.ts";

export type GroupCounts = {
  /** Inside a transaction: a job of the group enters or leaves a status. Jobs without a group are not counted. */
  note(group: string | null, state: number, by: 1 | -1): void;
  /** Writes what was noted, inside the transaction that noted it. */
  persist(): void;
  discard(): void;
  get(group: string): GroupCount | null;
};

export function createGroupCounts(statements: Statements): GroupCounts {
  const changesByGroup = new Map<string, number[]>();

  function persistOne(group: string, changes: readonly number[]): void {
    let sum = 0;
    for (const [state, by] of changes.entries()) {
      sum += by;
      if (by === 0) continue;
      const isThere = statements.addGroupCount.run({ group, state, by }).changes === 1;
      if (!isThere) statements.insertGroupCount.run({ group, state, by });
    }
    if (sum < 0) statements.deleteEmptyGroup.run({ group });
  }

  return {
    note: (group, state, by) => {
      if (group === null) return;
      const changes = changesByGroup.get(group) ?? statuses.map(() => 0);
      changesByGroup.set(group, changes);
      changes[state] = (changes[state] ?? 0) + by;
    },
    persist: () => {
      for (const [group, changes] of changesByGroup) persistOne(group, changes);
      changesByGroup.clear();
    },
    discard: () => changesByGroup.clear(),
    get: (group) => {
      const firstSubmittedAt = statements.groupFirst.get({ group })?.at ?? null;
      const lastSubmittedAt = statements.groupLast.get({ group })?.at ?? null;
      if (firstSubmittedAt === null || lastSubmittedAt === null) return null;
      const rows = statements.groupCounts.all({ group });
      const countOf = (state: number) => rows.find((row) => row.state === state)?.count ?? 0;
      const counts = {
        pending: countOf(statusNumbers.pending),
        running: countOf(statusNumbers.running),
        done: countOf(statusNumbers.done),
        failed: countOf(statusNumbers.failed),
        cancelled: countOf(statusNumbers.cancelled),
      };
      return { counts, firstSubmittedAt, lastSubmittedAt };
    },
  };
}
