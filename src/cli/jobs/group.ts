// Groups: which there are, how far each is. What is done to a group's jobs is in act.ts.

import type { WireGroup } from "../../client/index.ts";
import { createSystemClock } from "../../platform/clock.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { inOrder } from "../in-order.ts";
import { groupScanCountMax, listPageSize } from "../limits.ts";
import { printJson, printNotice, writeLines } from "../output.ts";
import { toSafeJson } from "../safe-text.ts";
import { toFacts, toTable, type Column } from "../table.ts";
import { ageText, spanText } from "../time-text.ts";
import { createTrouble, isAboutOne } from "../trouble.ts";
import { countText, millisecondsOf, rateText } from "./words.ts";

export type GroupLsOptions = { readonly limit: number; readonly isJson: boolean };

/** The groups of the newest jobs, newest first. */
export async function groupLs(flags: ServerFlags, options: GroupLsOptions): Promise<void> {
  await useServer(flags, async (grid) => {
    const { names, isAll } = await newestGroups(grid, options.limit);
    const groups: WireGroup[] = [];
    for await (const group of inOrder(names, (name) => groupOrNull(grid, name))) {
      if (group !== null) groups.push(group);
    }
    if (options.isJson) printJson(groups);
    else if (groups.length > 0)
      await writeLines(toTable(columns(createSystemClock().now()), groups));
    else printNotice("No groups.");
    if (!isAll) {
      printNotice(
        names.length === options.limit
          ? `The newest ${countText(names.length, "group")}; --limit shows more.`
          : `Groups of the newest ${groupScanCountMax} jobs; gridlike group info knows older ones by name.`,
      );
    }
    return exitCode.ok;
  });
}

async function newestGroups({ client, signal }: Grid, limit: number) {
  const names = new Set<string>();
  let count = 0;
  for await (const { group } of client.list({ order: "newest", limit: listPageSize, signal })) {
    if (count === groupScanCountMax) return { names: [...names], isAll: false };
    count += 1;
    if (group === null || names.has(group)) continue;
    if (names.size === limit) return { names: [...names], isAll: false };
    names.add(group);
  }
  return { names: [...names], isAll: true };
}

/** Null for one that has lost its last job meanwhile. */
async function groupOrNull({ client, signal }: Grid, name: string): Promise<WireGroup | null> {
  try {
    return await client.groups.get(name, { signal });
  } catch (error) {
    if (!isAboutOne(error)) throw error;
    return null;
  }
}

export type GroupInfoOptions = { readonly groups: readonly string[]; readonly isJson: boolean };

export async function groupInfo(flags: ServerFlags, options: GroupInfoOptions): Promise<void> {
  await useServer(flags, async ({ client, signal }) => {
    const trouble = createTrouble();
    let isFirst = true;
    for (const name of options.groups) {
      try {
        const group = await client.groups.get(name, { signal });
        const lines = options.isJson ? [toSafeJson(group)] : toFacts(factsOf(group));
        await writeLines(isFirst || options.isJson ? lines : ["", ...lines]);
        isFirst = false;
      } catch (error) {
        trouble.addRefusal(error, "");
      }
    }
    return trouble.code();
  });
}

function factsOf(group: WireGroup): readonly (readonly [string, string | null])[] {
  const { pending, running, done, failed, cancelled } = group.jobs;
  const nowMs = createSystemClock().now();
  return [
    ["group", group.group],
    ["jobs", String(group.total)],
    ["pending", String(pending)],
    ["running", String(running)],
    ["done", String(done)],
    ["failed", String(failed)],
    ["cancelled", String(cancelled)],
    ["first job", group.first_submitted],
    ["last job", group.last_submitted],
    ["rate", rateText(group.done_rate) || null],
    ["left", leftText(group, nowMs) || null],
  ];
}

function leftText({ estimated_end: end }: WireGroup, nowMs: number): string {
  return end === null ? "" : spanText(Math.max(0, millisecondsOf(end) - nowMs));
}

function columns(nowMs: number): readonly Column<WireGroup>[] {
  const count = (name: string, of: (group: WireGroup) => number): Column<WireGroup> => ({
    name,
    text: (group) => String(of(group)),
    isRight: true,
  });
  return [
    { name: "GROUP", text: ({ group }) => group, columnsMax: 60 },
    count("JOBS", ({ total }) => total),
    count("PENDING", ({ jobs }) => jobs.pending),
    count("RUNNING", ({ jobs }) => jobs.running),
    count("DONE", ({ jobs }) => jobs.done),
    count("FAILED", ({ jobs }) => jobs.failed),
    count("CANCELLED", ({ jobs }) => jobs.cancelled),
    { name: "AGE", text: ({ first_submitted: at }) => ageText(nowMs - millisecondsOf(at)) },
    { name: "LEFT", text: (group) => leftText(group, nowMs) },
  ];
}
