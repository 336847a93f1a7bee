// What every provider promises of a move that a crash of the next milliseconds may undo.

import { describe, expect, test } from "bun:test";
import type { JobStore } from "../../src/store/job-store.ts";
import { now } from "../support/a-job.ts";
import { aNewJob, smallContent } from "../support/builders.ts";
import { addJob, changeOf, claimBy, readyOf, requireJob } from "../support/store-steps.ts";

export function describeSoon(jobs: () => JobStore): void {
  const claimSoon = async (seq: number, onDurable = () => {}) =>
    jobs().saveSoon(changeOf(await requireJob(jobs(), seq), claimBy("a")), onDurable);
  const readyKeys = async () => (await readyOf(jobs(), { types: [""] })).map((job) => job.key);

  describe("moves that are durable soon", () => {
    test("saveSoon() is seen at once by number, key and id, and ready() offers the job no more", async () => {
      const seq = await addJob(jobs(), aNewJob({ key: "k" }));
      await addJob(jobs(), aNewJob({ key: "other" }));
      expect((await claimSoon(seq)).kind).toBe("saved");
      const job = await requireJob(jobs(), seq);
      expect([job.status, job.revision]).toEqual(["running", 1]);
      expect(await jobs().find({ by: "key", key: "k" })).toEqual(job);
      expect(await jobs().find({ by: "id", id: job.id })).toEqual(job);
      expect(await readyKeys()).toEqual(["other"]);
    });

    test("saveSoon() refuses what was decided on a former revision", async () => {
      const seq = await addJob(jobs(), aNewJob());
      const change = changeOf(await requireJob(jobs(), seq), claimBy("a"));
      await claimSoon(seq);
      expect((await jobs().saveSoon(change, () => {})).kind).toBe("conflict");
    });

    test("save() after saveSoon() makes both durable, and tells of the first as well", async () => {
      const seq = await addJob(jobs(), aNewJob());
      const told: string[] = [];
      await claimSoon(seq, () => told.push("durable"));
      const result = smallContent("result");
      const step = { do: "complete", at: now, attempt: 1, result } as const;
      const change = { ...changeOf(await requireJob(jobs(), seq), step), result };
      expect((await jobs().save([change]))[0]?.kind).toBe("saved");
      expect(told).toEqual(["durable"]);
      expect((await jobs().history(seq)).map((event) => event.change)).toEqual([
        "submitted",
        "claimed",
        "completed",
      ]);
      expect(await jobs().attempt(seq, 1)).toMatchObject({ n: 1 });
    });

    test("saveSoon() is durable by itself soon enough", async () => {
      const seq = await addJob(jobs(), aNewJob());
      await new Promise<void>((resolve) => void claimSoon(seq, resolve));
      expect(
        (
          await jobs().list({
            filter: { status: "running" },
            order: "oldest",
            limit: 9,
            after: null,
          })
        ).items,
      ).toHaveLength(1);
    });

    test("saveSoon() behind a save of the same turn is judged by what that wrote", async () => {
      const seq = await addJob(jobs(), aNewJob());
      const job = await requireJob(jobs(), seq);
      const cancelled = jobs().save([changeOf(job, { do: "cancel", at: now, info: null })]);
      const claimed = jobs().saveSoon(changeOf(job, claimBy("a")), () => {});
      expect([(await cancelled)[0]?.kind, (await claimed).kind]).toEqual(["saved", "conflict"]);
      expect((await requireJob(jobs(), seq)).status).toBe("cancelled");
    });
  });
}
