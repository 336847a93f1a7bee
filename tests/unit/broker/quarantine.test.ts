import { expect, test } from "bun:test";
import {
  afterFailure,
  goodConduct,
  isQuarantined,
  type Conduct,
} from "../../../src/broker/quarantine.ts";
import {
  quarantineFailureCount,
  quarantineJobCount,
  quarantineMsFirst,
  quarantineMsMax,
} from "../../../src/domain/limits.ts";

const at = 1_000_000;

function failing(jobs: readonly number[], from: Conduct = goodConduct): Conduct {
  return jobs.reduce((conduct, job) => afterFailure(conduct, job, at), from);
}

test("afterFailure() sets a worker aside after five failures in a row over three jobs", () => {
  expect(failing([1, 2, 3, 1]).until).toBe(0);
  const bad = failing([1, 2, 3, 1, 2]);
  expect(bad).toMatchObject({ until: at + quarantineMsFirst, level: 1 });
  expect(isQuarantined(bad, at + quarantineMsFirst - 1)).toBe(true);
  expect(isQuarantined(bad, at + quarantineMsFirst)).toBe(false);
});

test("afterFailure() does not blame a worker for a job or two that always fail", () => {
  expect(failing([1, 1, 1, 1, 1, 1, 1, 1]).until).toBe(0);
  expect(failing([1, 2, 1, 2, 1, 2, 1, 2]).until).toBe(0);
  expect(failing([1, 2, 1, 2, 1, 2, 3]).until).toBeGreaterThan(at);
});

test("afterFailure() doubles the time up to an hour when the job that was to prove it fails", () => {
  let conduct = failing([1, 2, 3, 4, 5]);
  const minutes = [(conduct.until - at) / 60_000];
  for (let probe = 6; probe < 12; probe += 1) {
    conduct = afterFailure(conduct, probe, at);
    minutes.push((conduct.until - at) / 60_000);
  }
  expect(minutes).toEqual([5, 10, 20, 40, 60, 60, 60]);
});

test("afterFailure() remembers no more jobs than matter", () => {
  const conduct = failing(Array.from({ length: 1_000 }, (_, index) => index));
  expect(conduct.failedJobs).toEqual([997, 998, 999]);
  expect(conduct.until - at).toBe(quarantineMsMax);
});

test("goodConduct is not quarantined", () => {
  expect(isQuarantined(goodConduct, 0)).toBe(false);
  expect([quarantineFailureCount, quarantineJobCount]).toEqual([5, 3]);
});
