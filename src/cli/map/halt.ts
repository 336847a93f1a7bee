// --halt of GNU parallel: when a map ends before all of its jobs have run, and whether those that run may end.

import { GridError } from "../../domain/errors.ts";

export type Halt = {
  /** `soon`: no new jobs start. `now`: those that run are killed, too. */
  readonly when: "soon" | "now";
  readonly why: "fail" | "success" | "done";
  readonly limit:
    | { readonly kind: "count"; readonly count: number }
    /** Of all jobs, once their number is known. */
    | { readonly kind: "percent"; readonly percent: number };
};

export type Tally = {
  readonly failedCount: number;
  readonly succeededCount: number;
  /** Null until all arguments have been read. */
  readonly totalCount: number | null;
};

/** Null for `never`. Throws `malformed`. */
export function parseHalt(text: string): Halt | null {
  if (text === "never" || text === "0") return null;
  if (text === "1") return { when: "soon", why: "fail", limit: { kind: "count", count: 1 } };
  if (text === "2") return { when: "now", why: "fail", limit: { kind: "count", count: 1 } };
  const found = /^(now|soon),(fail|success|done)=([0-9]{1,9})(%?)$/.exec(text);
  const number = Number(found?.[3]);
  if (found === null || number === 0 || (found[4] === "%" && number > 100)) {
    throw new GridError(
      "malformed",
      `--halt is ${JSON.stringify(text)}. Write never, or such as now,fail=1 or soon,fail=10% or now,success=1.`,
    );
  }
  return {
    when: found[1] as Halt["when"], // The pattern lets only these through.
    why: found[2] as Halt["why"],
    limit:
      found[4] === "%" ? { kind: "percent", percent: number } : { kind: "count", count: number },
  };
}

export function isHalted({ why, limit }: Halt, tally: Tally): boolean {
  const { failedCount, succeededCount, totalCount } = tally;
  const count =
    why === "fail"
      ? failedCount
      : why === "success"
        ? succeededCount
        : failedCount + succeededCount;
  if (limit.kind === "count") return count >= limit.count;
  return totalCount !== null && count > 0 && count * 100 >= limit.percent * totalCount;
}
