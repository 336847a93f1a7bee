// One look at the whole grid: everything is asked for side by side, through the published client alone.

import type { WireGroup } from "../../client/index.ts";
import { ClientError } from "../../client/index.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Grid } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { millisecondsOf } from "../jobs/words.ts";
import { codeOfError, isAboutOne } from "../trouble.ts";
import { topGroupCountMax } from "./limits.ts";
import type { News } from "./news.ts";
import { isOpenGroup, type TopState } from "./state.ts";

export async function lookAt(
  { client, address, signal }: Grid,
  news: Pick<News, "groupNames" | "dropGroup" | "failures">,
  clock: Clock,
): Promise<TopState> {
  const group = async (name: string): Promise<readonly WireGroup[]> => {
    const found = await client.groups.get(name, { signal }).catch(nullWhenGone);
    if (found !== null && isOpenGroup(found)) return [found];
    news.dropGroup(name);
    return [];
  };
  const [stats, workers, ...groups] = await Promise.all([
    client.stats({ signal }),
    client.workers({ signal }),
    ...news.groupNames().slice(0, topGroupCountMax).map(group),
  ]);
  return {
    url: address.url,
    stats,
    workers,
    groups: groups
      .flat()
      .toSorted((a, b) => millisecondsOf(a.first_submitted) - millisecondsOf(b.first_submitted)),
    failures: news.failures(),
    nowMs: clock.now(),
    silentMs: null,
  };
}

/** It has lost its last job meanwhile. */
function nullWhenGone(error: unknown): null {
  if (isAboutOne(error)) return null;
  throw error;
}

/** True for a server that cannot be reached or fails at this moment. */
export function isAway(error: unknown): boolean {
  return error instanceof ClientError && codeOfError(error) === exitCode.unavailable;
}
