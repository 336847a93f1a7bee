import { expect, test } from "bun:test";
import { beginOrigin } from "../../../src/broker/event-origins.ts";
import { eventOriginCountMax } from "../../../src/domain/limits.ts";

/** A database whose newest event is set by hand, and which can be copied as a backup copies it. */
function aDatabase(settings = new Map<string, string>()) {
  const database = { newest: 0 };
  return {
    database,
    copy: () => aDatabase(new Map(settings)),
    jobs: {
      lastEventSeq: async () => database.newest,
      setting: async (name: string) => settings.get(name) ?? null,
      setSetting: async (name: string, value: string) => void settings.set(name, value),
    },
  };
}

const word = (n: number) => n.toString(16).padStart(12, "0");

test("seqOf() knows the ids of this start and of earlier ones", async () => {
  const { database, jobs } = aDatabase();
  await beginOrigin(jobs, word(1));
  database.newest = 10;
  const second = await beginOrigin(jobs, word(2));
  expect(second.current).toBe(word(2));
  expect(second.seqOf(`${word(1)}-10`)).toBe(10);
  expect(second.seqOf(`${word(1)}-11`)).toBeNull();
  expect(second.seqOf(`${word(2)}-11`)).toBe(11);
  expect(second.seqOf(`${word(3)}-1`)).toBeNull();
  expect(second.seqOf("7")).toBe(7);
  for (const id of ["", "x", "abcdefabcdef", `${word(1)}-`, `${word(1)}--1`, "1-1", "1e3"]) {
    expect([id, second.seqOf(id)]).toEqual([id, null]);
  }
});

test("seqOf() does not know what was given out between a backup and its return", async () => {
  const lost = aDatabase();
  await beginOrigin(lost.jobs, word(1));
  lost.database.newest = 10;
  const restored = lost.copy();
  restored.database.newest = 10;
  lost.database.newest = 20; // It goes on for a while, and is lost.
  const origins = await beginOrigin(restored.jobs, word(2));
  restored.database.newest = 30;
  expect(origins.seqOf(`${word(1)}-10`)).toBe(10);
  expect(origins.seqOf(`${word(1)}-15`)).toBeNull();
  const later = await beginOrigin(restored.jobs, word(3));
  expect(later.seqOf(`${word(1)}-15`)).toBeNull();
  expect(later.seqOf(`${word(2)}-15`)).toBe(15);
});

test("beginOrigin() remembers only so many starts", async () => {
  const { jobs } = aDatabase();
  for (let n = 1; n <= eventOriginCountMax; n += 1) await beginOrigin(jobs, word(n));
  const origins = await beginOrigin(jobs, word(0xfff));
  expect(origins.seqOf(`${word(1)}-0`)).toBeNull();
  expect(origins.seqOf(`${word(2)}-0`)).toBe(0);
});
