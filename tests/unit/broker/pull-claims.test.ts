import { expect, test } from "bun:test";
import { createPullClaims } from "../../../src/broker/pull-claims.ts";
import type { Taken } from "../../../src/broker/pull-door.ts";
import { pullClaimCountMax } from "../../../src/domain/limits.ts";
import { aJob } from "../../support/a-job.ts";

const never = new AbortController().signal;
const taken = (seq: number): Taken => ({
  job: aJob("running", { seq }),
  token: new Uint8Array(32),
});

test("once() has a bound on the words it remembers, and forget() makes room", async () => {
  const claims = createPullClaims(() => true);
  const once = (seq: number) => claims.once(`word ${seq}`, never, async () => taken(seq));
  for (let seq = 1; seq <= pullClaimCountMax; seq += 1) await once(seq);
  expect(await once(0).catch((error: unknown) => error)).toMatchObject({ code: "overloaded" });
  claims.forget(7);
  expect((await once(0))?.job.seq).toBe(0);
});

test("once() remembers nothing of a job that was over before the call ended, and of calls in vain", async () => {
  const claims = createPullClaims(() => false);
  for (const bring of [taken, () => null]) {
    for (let seq = 0; seq <= pullClaimCountMax; seq += 1) {
      await claims.once(`word ${seq}`, never, async () => bring(seq));
    }
  }
  expect((await claims.once("word", never, async () => taken(1)))?.job.seq).toBe(1);
});

test("once() remembers nothing of a call that failed", async () => {
  const claims = createPullClaims(() => true);
  const fail = () => claims.once("word", never, () => Promise.reject(new Error("the disk")));
  expect(await fail().catch((error: unknown) => error)).toBeInstanceOf(Error);
  expect((await claims.once("word", never, async () => taken(1)))?.job.seq).toBe(1);
});
