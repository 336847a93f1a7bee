// The jobs that selectors mean, found one after the other as they are used. What is not there is told and passed over.

import type { ListOptions, WireJob } from "../client/index.ts";
import { unreachable } from "../domain/assert.ts";
import { didYouMean } from "../domain/nearest.ts";
import type { Grid } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { lastSubmission } from "./last-submission.ts";
import { inOrder } from "./in-order.ts";
import { listPageSize } from "./limits.ts";
import { toSafeLine } from "./safe-text.ts";
import { meantWord, numbersOf, type Selector } from "./selectors.ts";
import { createTrouble, isAboutOne, type Trouble } from "./trouble.ts";

export type FindOptions = {
  readonly trouble?: Trouble;
  /** Where many are listed: only these, and in which order. */
  readonly list?: Pick<ListOptions, "status" | "order">;
};

/** Each job once. Those of a list come oldest first unless it says otherwise. */
export async function* findJobs(
  grid: Grid,
  selectors: readonly Selector[],
  { trouble = createTrouble(), list = {} }: FindOptions = {},
): AsyncGenerator<WireJob, void, undefined> {
  const seen = new Set<number>();
  for (const selector of selectors) {
    for await (const job of jobsOf(grid, selector, trouble, { order: "oldest", ...list })) {
      if (seen.has(job.seq)) continue;
      seen.add(job.seq);
      yield job;
    }
  }
}

function jobsOf(
  grid: Grid,
  selector: Selector,
  trouble: Trouble,
  list: ListOptions,
): AsyncIterable<WireJob> {
  switch (selector.kind) {
    case "job":
      return named(grid, [selector.name], trouble);
    case "numbers":
      return numbered(grid, selector, trouble);
    case "last":
      return lastJobs(grid, trouble, list);
    case "label":
      return labelled(grid, selector, list);
    case "filter":
      return filtered(grid, selector, trouble, list);
    default:
      return unreachable(selector);
  }
}

/** The server has no filter for labels. */
async function* labelled(
  { client, signal }: Grid,
  { name, value }: Extract<Selector, { kind: "label" }>,
  list: ListOptions,
): AsyncGenerator<WireJob, void, undefined> {
  for await (const job of client.list({ ...list, limit: listPageSize, signal })) {
    const found = job.labels?.[name];
    const text = typeof found === "string" ? found : JSON.stringify(found);
    if (text === value) yield job;
  }
}

async function* filtered(
  grid: Grid,
  { filter }: Extract<Selector, { kind: "filter" }>,
  trouble: Trouble,
  list: ListOptions,
): AsyncGenerator<WireJob, void, undefined> {
  const { client, signal } = grid;
  if (!(await isKnown(grid, filter, trouble))) return;
  yield* client.list({ ...list, ...filter, limit: listPageSize, signal });
}

async function* named(
  { client, signal }: Grid,
  names: Iterable<string>,
  trouble: Trouble,
): AsyncGenerator<WireJob, void, undefined> {
  for (const name of names) {
    try {
      yield await client.get(name, { signal });
    } catch (error) {
      trouble.addRefusal(error, "", meantWord(name));
    }
  }
}

/** Holes within a range are no mistake; a number that stands alone is asked for. */
async function* numbered(
  { client, signal }: Grid,
  { ranges }: Extract<Selector, { kind: "numbers" }>,
  trouble: Trouble,
): AsyncGenerator<WireJob, void, undefined> {
  const alone = new Set(ranges.flatMap(({ from, to }) => (from === to ? [from] : [])));
  let isEmpty = true;
  const get = async (seq: number) =>
    client.get(seq, { signal }).catch((error: unknown) => ({ missing: seq, error }));
  for await (const found of inOrder(numbersOf(ranges), get)) {
    if (!("missing" in found)) yield found;
    else if (alone.has(found.missing)) trouble.addRefusal(found.error, "");
    else if (isAboutOne(found.error)) continue;
    else throw found.error;
    isEmpty = false;
  }
  if (isEmpty) trouble.add("No job has one of these numbers. See gridlike ls.", exitCode.refused);
}

/** What this user submitted last to this server, else the newest that anybody did. */
async function* lastJobs(
  grid: Grid,
  trouble: Trouble,
  list: ListOptions,
): AsyncGenerator<WireJob, void, undefined> {
  const { client, signal, address } = grid;
  const last = lastSubmission(address.url);
  if (last !== null && last.group === null) yield* named(grid, last.ids, trouble);
  else if (last !== null)
    yield* client.list({ ...list, group: last.group, limit: listPageSize, signal });
  else yield* newestJobs(grid, trouble, list);
}

/** The newest job, with its group. */
async function* newestJobs(
  { client, signal }: Grid,
  trouble: Trouble,
  list: ListOptions,
): AsyncGenerator<WireJob, void, undefined> {
  const { value: page } = await client.pages({ limit: 1, signal }).next();
  const [newest] = page?.jobs ?? [];
  if (newest === undefined) {
    trouble.add("There is no job yet that last could mean.", exitCode.refused);
  } else if (newest.group === null) yield newest;
  else yield* client.list({ ...list, group: newest.group, limit: listPageSize, signal });
}

/** Whether there are such a group and such a type; when not, that is told: a mistyped name is not one without jobs. */
export async function isKnown(
  grid: Grid,
  { group, type }: Pick<ListOptions, "group" | "type">,
  trouble: Trouble,
): Promise<boolean> {
  const isGroup = group === undefined || (await isGroupThere(grid, group, trouble));
  return isGroup && (type === undefined || (await isTypeThere(grid, type, trouble)));
}

async function isGroupThere({ client, signal }: Grid, group: string, trouble: Trouble) {
  try {
    await client.groups.get(group, { signal });
    return true;
  } catch (error) {
    trouble.addRefusal(error, "");
    return false;
  }
}

/** Jobs may be of a type that the server does not have any more. */
async function isTypeThere({ client, signal }: Grid, type: string, trouble: Trouble) {
  const types = await client.types({ signal });
  const names = types.flatMap(({ name }) => (name === null ? [] : [name]));
  if (names.includes(type)) return true;
  const { value: page } = await client.pages({ type, limit: 1, signal }).next();
  if (page !== undefined && page.jobs.length > 0) return true;
  const known = names.length === 0 ? "This server has no types." : `The types are: ${names.join(", ")}.`;
  const sentence = `There is no job type "${type}".${didYouMean(type, names)} ${known}`;
  trouble.add(toSafeLine(sentence), exitCode.refused);
  return false;
}
