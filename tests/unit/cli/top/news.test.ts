import { expect, test } from "bun:test";
import type { Client, FeedItem, WireEvent, WireJob } from "../../../../src/client/index.ts";
import { topFailureCountMax } from "../../../../src/cli/top/limits.ts";
import { createNews } from "../../../../src/cli/top/news.ts";
import { ago } from "./a-top-state.ts";

const anEvent = (job: number, more: Partial<WireEvent>): FeedItem => ({
  kind: "event",
  id: String(job),
  event: {
    seq: job,
    at: ago(1000 - job),
    job,
    id: `id-${job}`,
    key: `job-${job}`,
    type: null,
    group: null,
    change: "submitted",
    status: "pending",
    attempt: null,
    worker: null,
    reason: null,
    info: null,
    ...more,
  },
});

/** A server whose feed says this and then ends, and whose lists hold these jobs. */
function aGrid(feed: readonly FeedItem[], jobs: readonly Partial<WireJob>[] = []) {
  const client = {
    async *events() {
      yield* feed;
    },
    async *pages({ status }: { readonly status: string }) {
      yield { jobs: jobs.filter((job) => job.status === status), totalCount: null, cursor: null };
    },
  } as unknown as Client; // Nothing else of it is asked.
  return { client, signal: new AbortController().signal };
}

test("news keeps the newest failure of each job, newest first, and forgets deleted jobs", async () => {
  const news = createNews();
  const failed = { change: "failed", status: "pending" } as const;
  await news.follow(
    aGrid([
      anEvent(1, { ...failed, info: "first" }),
      anEvent(2, { ...failed, info: "gone" }),
      anEvent(3, { change: "timed_out", status: "failed" }),
      anEvent(1, { ...failed, status: "failed", info: "again", at: ago(0) }),
      anEvent(2, { change: "deleted", status: "cancelled" }),
      anEvent(4, { change: "completed", status: "done" }),
    ]),
  );
  const told = news.failures().map(({ seq, info, isFinal }) => [seq, info, isFinal]);
  expect(told).toEqual([
    [1, "again", true],
    [3, "timed out", true],
  ]);
});

test("news remembers a bounded number of failures, the newest", async () => {
  const news = createNews();
  const feed = Array.from({ length: topFailureCountMax + 5 }, (_, at) =>
    anEvent(at, { change: "failed" }),
  );
  await news.follow(aGrid(feed));
  expect(news.failures().length).toBe(topFailureCountMax);
  expect(news.failures()[0]?.seq).toBe(topFailureCountMax + 4);
});

test("news knows the groups of open jobs from lists and feed, until one is dropped", async () => {
  const news = createNews();
  const jobs = [
    { status: "running", group: "old", seq: 1 },
    { status: "pending", group: null, seq: 2 },
  ] as const;
  const grid = aGrid(
    [
      anEvent(3, { group: "film" }),
      anEvent(4, { group: "ended", change: "completed", status: "done" }),
    ],
    jobs,
  );
  await news.lookUp(grid);
  await news.follow(grid);
  expect(news.groupNames()).toEqual(["old", "film"]);
  news.dropGroup("old");
  expect(news.groupNames()).toEqual(["film"]);
});

test("news looks at the lists again when events were missed", async () => {
  const news = createNews();
  const submitted = ago(9);
  const lost = { seq: 7, id: "id-7", key: "k", status: "failed", ended: submitted, info: "x" };
  await news.follow(
    aGrid(
      [{ kind: "reset", id: null }],
      [{ ...lost, submitted, worker: null, type: null, group: null } as WireJob],
    ),
  );
  expect(news.failures().map(({ seq }) => seq)).toEqual([7]);
});
