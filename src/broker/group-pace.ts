// How fast the jobs of each group are done, over the last minute. In memory alone and for a bounded number of groups:
// after a restart the pace is known again as soon as jobs are done.

import type { Instant } from "../domain/job.ts";
import { groupPaceCountMax } from "../domain/limits.ts";
import type { News } from "./feed.ts";

export type GroupPace = {
  note(news: News): void;
  /** Jobs of the group done per second: over the last minute, or since the first was done when that is less. */
  doneRate(group: string, at: Instant): number;
};

const windowSeconds = 60;

type Pace = { readonly since: number; newest: number; readonly doneBySecond: Map<number, number> };

export function createGroupPace(): GroupPace {
  const pacesByGroup = new Map<string, Pace>();

  /** Groups whose jobs were done longest ago come first, and are forgotten first. */
  const touch = (group: string, second: number): Pace => {
    const known = pacesByGroup.get(group);
    const isFresh = known !== undefined && known.newest >= second - windowSeconds;
    const pace = isFresh ? known : { since: second, newest: second, doneBySecond: new Map() };
    pace.newest = Math.max(pace.newest, second);
    pacesByGroup.delete(group);
    pacesByGroup.set(group, pace);
    const [oldest] = pacesByGroup.keys();
    if (pacesByGroup.size > groupPaceCountMax && oldest !== undefined) pacesByGroup.delete(oldest);
    return pace;
  };

  return {
    note({ job, event }) {
      if (event.change !== "completed" || job.group === null) return;
      const second = Math.floor(event.at / 1000);
      const { doneBySecond } = touch(job.group, second);
      doneBySecond.set(second, (doneBySecond.get(second) ?? 0) + 1);
      if (doneBySecond.size <= windowSeconds) return;
      for (const past of doneBySecond.keys()) {
        if (past < second - windowSeconds) doneBySecond.delete(past);
      }
    },
    doneRate(group, at) {
      const pace = pacesByGroup.get(group);
      if (pace === undefined) return 0;
      const now = Math.floor(at / 1000);
      let doneCount = 0;
      for (const [second, count] of pace.doneBySecond) {
        if (second > now - windowSeconds && second <= now) doneCount += count;
      }
      const seconds = Math.min(windowSeconds, Math.max(1, now - pace.since + 1));
      return doneCount / seconds;
    },
  };
}
