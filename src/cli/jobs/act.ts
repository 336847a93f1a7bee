// What is done to jobs: cancelled, retried, deleted, held and given free. What the server can find by itself it does
// in one go; all else is asked for job by job.

import type { ManyDone, ManyFilter, WireJob } from "../../client/index.ts";
import { unreachable } from "../../domain/assert.ts";
import type { Status } from "../../domain/job.ts";
import { useServer, type Grid, type ServerFlags } from "../connect.ts";
import { exitCode } from "../exit-code.ts";
import { findJobs, isKnown } from "../find-jobs.ts";
import { inOrder } from "../in-order.ts";
import { printJson, printResult } from "../output.ts";
import { parseSelectors, type Selector } from "../selectors.ts";
import { createTrouble, type Trouble } from "../trouble.ts";
import { countText } from "./words.ts";

export type Action = "cancel" | "retry" | "rm" | "hold" | "unhold";

export type ActOptions = {
  readonly selectors: readonly string[];
  /** For `retry`: leaves cancelled jobs alone. For `rm`: takes also those that are not settled. */
  readonly isNarrow: boolean;
  readonly isForced: boolean;
  readonly isJson: boolean;
};

export async function act(flags: ServerFlags, action: Action, options: ActOptions): Promise<void> {
  await useServer(flags, async (grid) => {
    const trouble = createTrouble();
    let sum = nothing;
    for (const selector of parseSelectors(options.selectors)) {
      const isBulk = selector.kind === "filter" && action !== "hold" && action !== "unhold";
      const done = isBulk
        ? await actAtOnce(grid, action, selector.filter, options, trouble)
        : await actOnEach(grid, action, selector, options, trouble);
      sum = plus(sum, done);
    }
    if (options.isJson) printJson({ action, ...sum });
    else if (sum.matched > 0 || trouble.code() === exitCode.ok)
      printResult(toSentence(action, sum));
    return trouble.code();
  });
}

const nothing: ManyDone = { matched: 0, changed: 0, refused: 0 };

function plus(one: ManyDone, other: ManyDone): ManyDone {
  return {
    matched: one.matched + other.matched,
    changed: one.changed + other.changed,
    refused: one.refused + other.refused,
  };
}

/** Which of many an action is for: the others stand as they should, or are none of its business. */
function statusesFor(action: Action, { isNarrow }: ActOptions): readonly (Status | null)[] {
  switch (action) {
    case "cancel":
      return ["pending", "running"];
    case "retry":
      return isNarrow ? ["failed"] : ["failed", "cancelled"];
    case "hold":
    case "unhold":
      return ["pending"];
    case "rm":
      return [null];
    default:
      return unreachable(action);
  }
}

async function actAtOnce(
  grid: Grid,
  action: "cancel" | "retry" | "rm",
  filter: ManyFilter,
  options: ActOptions,
  trouble: Trouble,
): Promise<ManyDone> {
  const { client, signal } = grid;
  if (!(await isKnown(grid, filter, trouble))) return nothing;
  const verb = action === "rm" ? "remove" : action;
  let sum = nothing;
  for (const status of statusesFor(action, options)) {
    const which = status === null ? filter : { ...filter, status };
    sum = plus(sum, await client.many[verb](which, { force: options.isForced, signal }));
  }
  if (sum.refused > 0 && action === "rm") {
    const which = sum.refused === 1 ? "1 job is" : `${sum.refused} jobs are`;
    trouble.add(
      `${which} not settled and stayed. --force cancels and deletes such jobs too.`,
      exitCode.refused,
    );
  }
  return sum;
}

async function actOnEach(
  grid: Grid,
  action: Action,
  selector: Selector,
  options: ActOptions,
  trouble: Trouble,
): Promise<ManyDone> {
  const statuses = statusesFor(action, options);
  const [status = null] = statuses;
  const isList = selector.kind !== "job" && selector.kind !== "numbers";
  const list = statuses.length === 1 && status !== null ? { status } : {};
  const found = findJobs(grid, [selector], { trouble, list: isList ? list : {} });
  let sum = nothing;
  const actOn = async (job: WireJob): Promise<ManyDone> => {
    const isMeant = statuses.includes(null) || statuses.includes(job.status);
    if (!isMeant && (isList || options.isNarrow)) return nothing;
    return actOnOne(grid, action, job, options, trouble);
  };
  for await (const done of inOrder(found, actOn)) sum = plus(sum, done);
  return sum;
}

async function actOnOne(
  { client, signal }: Grid,
  action: Action,
  job: WireJob,
  { isForced }: ActOptions,
  trouble: Trouble,
): Promise<ManyDone> {
  try {
    if (action === "rm") await client.remove(job.id, { force: isForced, signal });
    else await client[action](job.id, { signal });
    // Cancelling what is cancelled is no mistake, and changes nothing.
    const isSame = action === "cancel" && job.status === "cancelled";
    return { matched: 1, changed: isSame ? 0 : 1, refused: 0 };
  } catch (error) {
    trouble.addRefusal(error, "");
    return { matched: 1, changed: 0, refused: 1 };
  }
}

const pastTense: Readonly<Record<Action, string>> = {
  cancel: "cancelled",
  retry: "retried",
  rm: "deleted",
  hold: "held",
  unhold: "free again",
};

function toSentence(action: Action, { matched, changed, refused }: ManyDone): string {
  const unchanged = matched - changed - refused;
  return [
    `${countText(changed, "job")} ${pastTense[action]}`,
    ...(unchanged === 0 ? [] : [`${unchanged} already so`]),
    ...(refused === 0 ? [] : [`${refused} refused`]),
  ].join(", ");
}
