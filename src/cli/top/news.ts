// What `gridlike top` knows from the feed of events: the groups that have something to do, and the newest failures. What
// was before the feed is looked up once, and again when events were missed.

import type { WireEvent } from "../../client/index.ts";
import type { Grid } from "../connect.ts";
import {
  topFailureCountFirst,
  topFailureCountMax,
  topGroupNamesMax,
  topOpenJobCountMax,
} from "./limits.ts";
import { failureOfEvent, failureOfJob, newestFirst, type Failure } from "./state.ts";

export type News = {
  /** Groups that may have open jobs; those shown already stay in front. */
  groupNames(): readonly string[];
  /** Nothing is left to do in it. */
  dropGroup(name: string): void;
  failures(): readonly Failure[];
  /** Takes what stands in the lists of jobs. */
  lookUp(grid: Pick<Grid, "client" | "signal">): Promise<void>;
  /** Takes what happens, until the signal fires. */
  follow(grid: Pick<Grid, "client" | "signal">): Promise<void>;
};

export function createNews(): News {
  const groups = new Set<string>();
  const failuresBySeq = new Map<number, Failure>();
  const addGroup = (name: string | null) => {
    if (name !== null && groups.size < topGroupNamesMax) groups.add(name);
  };
  const addFailure = (failure: Failure) => {
    failuresBySeq.delete(failure.seq); // The newest of a job stands at the end.
    failuresBySeq.set(failure.seq, failure);
    const [oldest] = failuresBySeq.keys();
    if (failuresBySeq.size > topFailureCountMax && oldest !== undefined) {
      failuresBySeq.delete(oldest);
    }
  };
  const take = (event: WireEvent) => {
    if (event.change === "deleted") failuresBySeq.delete(event.job);
    if (event.status === "pending" || event.status === "running") addGroup(event.group);
    const failure = failureOfEvent(event);
    if (failure !== null) addFailure(failure);
  };
  const lookUp: News["lookUp"] = async ({ client, signal }) => {
    for (const status of ["running", "pending"] as const) {
      const pages = client.pages({ status, order: "oldest", limit: topOpenJobCountMax, signal });
      const { value: page } = await pages.next();
      for (const { group } of page?.jobs ?? []) addGroup(group);
    }
    const failed = { status: "failed", order: "newest", limit: topFailureCountFirst } as const;
    const { value: page } = await client.pages({ ...failed, signal }).next();
    const known = (page?.jobs ?? []).map(failureOfJob).filter(({ seq }) => !failuresBySeq.has(seq));
    for (const failure of newestFirst(known).toReversed()) addFailure(failure);
  };
  return {
    groupNames: () => [...groups],
    dropGroup: (name) => void groups.delete(name),
    failures: () => newestFirst(failuresBySeq.values()),
    lookUp,
    async follow(grid) {
      for await (const item of grid.client.events({ signal: grid.signal })) {
        if (item.kind === "event") take(item.event);
        else await lookUp(grid);
      }
    },
  };
}
