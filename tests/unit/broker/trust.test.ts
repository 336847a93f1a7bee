import { expect, test } from "bun:test";
import { createTrust } from "../../../src/broker/trust.ts";
import { quarantineMsFirst, workerRecordCountMax } from "../../../src/domain/limits.ts";
import { createLog } from "../../../src/platform/log.ts";
import { aWorker } from "../../support/a-job.ts";
import { someNews } from "../../support/some-news.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

function aTrust() {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const trust = createTrust({ clock, log: createLog(clock, (line) => lines.push(line)) });
  const worker = aWorker("a");
  const fail = (jobs: readonly number[], isElsewherePossible = true) =>
    jobs.map((seq) =>
      trust.note(someNews("failed", { seq, at: clock.now(), worker }), isElsewherePossible),
    );
  const complete = () =>
    trust.note(someNews("completed", { seq: 99, at: clock.now(), worker }), true);
  return { clock, trust, lines, fail, complete };
}

test("note() sets a worker aside that fails what others could do, and says until when", () => {
  const { clock, trust, lines, fail } = aTrust();
  const until = clock.now() + quarantineMsFirst;
  expect(fail([1, 2, 3, 4, 5])).toEqual([null, null, null, null, until]);
  expect(trust.isSetAside("a")).toBe(true);
  expect(trust.isSetAside("b")).toBe(false);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: "warn", event: "worker.quarantined", worker: "a", name: "worker a", s: 300 },
  ]);
});

test("isSetAside() forgives when the time is over, and one more failure doubles it", () => {
  const { clock, trust, fail } = aTrust();
  fail([1, 2, 3, 4, 5]);
  clock.advance(quarantineMsFirst - 1);
  expect(trust.isSetAside("a")).toBe(true);
  clock.advance(1);
  expect(trust.isSetAside("a")).toBe(false);
  expect(fail([6])).toEqual([clock.now() + 2 * quarantineMsFirst]);
  expect(trust.isSetAside("a")).toBe(true);
});

test("setAsideMs() says for how long, and nothing of a worker that may work", () => {
  const { clock, trust, fail } = aTrust();
  fail([1, 2, 3, 4]);
  expect([trust.setAsideMs("a"), trust.setAsideMs("b")]).toEqual([0, 0]);
  fail([5]);
  clock.advance(1_000);
  expect(trust.setAsideMs("a")).toBe(quarantineMsFirst - 1_000);
  clock.advance(quarantineMsFirst);
  expect(trust.setAsideMs("a")).toBe(0);
});

test("note() forgets all failures with one success", () => {
  const { clock, trust, fail, complete } = aTrust();
  fail([1, 2, 3, 4]);
  complete();
  expect(fail([5, 6, 7, 8])).toEqual([null, null, null, null]);
  expect(fail([9])).not.toEqual([null]);
  clock.advance(quarantineMsFirst);
  complete();
  expect(fail([10])).toEqual([null]);
  expect(trust.isSetAside("a")).toBe(false);
});

test("note() does not blame a worker for what nobody else could try", () => {
  const { trust, fail } = aTrust();
  fail([1, 2, 3, 4, 5, 6, 7, 8], false);
  expect(trust.isSetAside("a")).toBe(false);
});

test("note() counts failures and time-outs, not losses or news of nobody", () => {
  const { clock, trust } = aTrust();
  const at = clock.now();
  for (const change of ["lost", "released", "not_delivered", "cancelled", "claimed"] as const) {
    for (const seq of [1, 2, 3, 4, 5, 6]) {
      expect(trust.note(someNews(change, { seq, at }), true)).toBeNull();
    }
  }
  for (const seq of [1, 2, 3, 4, 5, 6]) {
    expect(trust.note(someNews("failed", { seq, at, worker: null }), true)).toBeNull();
  }
  for (const seq of [1, 2, 3, 4]) trust.note(someNews("timed_out", { seq, at }), true);
  expect(trust.note(someNews("timed_out", { seq: 5, at }), true)).not.toBeNull();
});

test("note() remembers a bounded number of workers", () => {
  const { clock, trust, fail } = aTrust();
  fail([1, 2, 3, 4, 5]);
  const at = clock.now();
  for (let index = 0; index <= workerRecordCountMax; index += 1) {
    trust.note(someNews("failed", { at, worker: aWorker(`w${index}`) }), true);
  }
  expect(trust.isSetAside("a")).toBe(false);
});
