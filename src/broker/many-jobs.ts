// The verbs of the broker that concern many jobs at once: taking them in, following a group, acting on all that a
// filter finds.

import { GridError } from "../domain/errors.ts";
import type { NewContent } from "../domain/blob-ref.ts";
import type { Instant, Job, Status } from "../domain/job.ts";
import type { Submission } from "./broker.ts";
import { actOnMany, type ManyAction, type ManyDone } from "./act-on-many.ts";
import { stageWhole } from "./bytes.ts";
import type { GroupPace } from "./group-pace.ts";
import type { OperateDeps } from "./operate.ts";
import { submitMany, type SubmitOutcome } from "./submit-many.ts";
import type { SubmitDeps } from "./submit.ts";
import { walk, wholeStretch, type Stretch, type Wanted } from "./walk.ts";

export type GroupView = {
  readonly group: string;
  readonly counts: Readonly<Record<Status, number>>;
  readonly firstSubmittedAt: Instant;
  readonly lastSubmittedAt: Instant;
  /** Jobs done per second, over the last minute. */
  readonly doneRate: number;
  /** When the rest will be done at this rate; null when nothing is left or nothing moves. */
  readonly estimatedEndAt: Instant | null;
};

export type ManyJobs = {
  /** The same as `stage`, for bytes that are at hand. */
  stageWhole(bytes: Uint8Array): Promise<NewContent>;
  /** Adds what can be added, with one commit: at most `submissionsPerCommitMax` at a time. */
  submitMany(submissions: readonly Submission[]): Promise<readonly SubmitOutcome[]>;
  /** How far a group is, or `no-such-job`. */
  group(name: string): Promise<GroupView>;
  /** The jobs that stand now and fit, oldest first, in pages of bounded size; some may be empty. */
  pages(wanted: Wanted): AsyncGenerator<readonly Job[], void, void>;
  /** Acts on all that fit, for a bounded time: `next` is what is left then. */
  actOnMany(
    action: ManyAction,
    wanted: Wanted,
    stretch: Stretch | null,
    stop: AbortSignal,
  ): Promise<ManyDone>;
};

export type ManyJobsDeps = SubmitDeps &
  OperateDeps & {
    readonly pace: GroupPace;
    /** Told of each job that was added. */
    readonly onAdded: (submission: Submission) => void;
    /** Told once after some were added. */
    readonly onSomeAdded: () => void;
  };

export function createManyJobs(deps: ManyJobsDeps): ManyJobs {
  const { jobs, clock, pace } = deps;
  return {
    stageWhole: (bytes) => stageWhole(deps, bytes),
    async submitMany(submissions) {
      const outcomes = await submitMany(deps, submissions);
      let addedCount = 0;
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.kind === "refused" || outcome.submitted.isReplay) continue;
        deps.onAdded(submissions[index]!);
        addedCount += 1;
      }
      if (addedCount > 0) deps.onSomeAdded();
      return outcomes;
    },
    async group(name) {
      const count = await jobs.group(name);
      if (count === null) throw noSuchGroup(name);
      const at = clock.now();
      const doneRate = pace.doneRate(name, at);
      const left = count.counts.pending + count.counts.running;
      const isMoving = left > 0 && doneRate > 0;
      const estimatedEndAt = isMoving ? at + Math.round((left / doneRate) * 1000) : null;
      return { ...count, group: name, doneRate, estimatedEndAt };
    },
    async *pages(wanted) {
      for await (const stride of walk(jobs, wanted, await wholeStretch(jobs))) yield stride.jobs;
    },
    actOnMany: (action, wanted, stretch, stop) => actOnMany(deps, action, wanted, stretch, stop),
  };
}

function noSuchGroup(name: string): GridError {
  return new GridError(
    "no-such-job",
    `There is no job in the group ${name}. Submit jobs with group=… first.`,
  );
}
