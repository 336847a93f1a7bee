import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { findCircle, successorOf } from "../../../src/domain/chain.ts";
import { keyBytesMax } from "../../../src/domain/limits.ts";
import { aContent, aJob, aType, noOptions, now } from "../../support/a-job.ts";

const id = "01900000-0000-7000-8000-0000000000ff";
const sample = aType({ name: "sample", resultBecomes: "collide" });

function successorKey(key: string): string | undefined {
  return successorOf(aJob("done", { key, type: "sample" }), sample, id, now)?.key;
}

test("successorOf() answers null for a type whose result becomes nothing", () => {
  expect(successorOf(aJob("done"), aType(), id, now)).toBeNull();
});

test("successorOf() makes the result the payload of the next type [GL-17] [GL-65]", () => {
  const result = { ...aContent("r"), name: "blob-7", contentType: "image/png" };
  const done = aJob("done", {
    key: "arm/7",
    type: "sample",
    priority: "immediate",
    description: "seventh pose",
    labels: '{"arm":7}',
    group: "monday",
    options: { ...noOptions, maxAttempts: 9, deadline: now + 1, notBefore: now, timeoutMs: 5 },
    result,
  });
  expect(successorOf(done, sample, id, now)).toEqual({
    id,
    key: "arm/7/collide",
    type: "collide",
    priority: "immediate",
    payload: { ...result, inline: null },
    description: "seventh pose",
    labels: '{"arm":7}',
    group: "monday",
    options: noOptions,
    fromId: done.id,
    submittedAt: now,
  });
});

test("successorOf() takes the id for a key that would be too long", () => {
  const longest = keyBytesMax - "/collide".length;
  expect(successorKey("k".repeat(longest))).toBe(`${"k".repeat(longest)}/collide`);
  expect(successorKey("k".repeat(longest + 1))).toBe(id);
});

test("successorOf() measures keys in bytes, not in characters", () => {
  expect(successorKey("é".repeat(124))).toBe(`${"é".repeat(124)}/collide`);
  expect(successorKey("é".repeat(125))).toBe(id);
});

test("findCircle() names the types on the way round [GL-63]", () => {
  const circle = (next: Record<string, string | null>) => findCircle(new Map(Object.entries(next)));
  expect(circle({})).toBeNull();
  expect(circle({ a: null })).toBeNull();
  expect(circle({ a: "b", b: "c", c: null })).toBeNull();
  expect(circle({ a: "c", b: "c", c: null })).toBeNull();
  expect(circle({ a: "nowhere" })).toBeNull();
  expect(circle({ a: "a" })).toEqual(["a", "a"]);
  expect(circle({ a: "b", b: "a" })).toEqual(["a", "b", "a"]);
  expect(circle({ x: "a", a: "b", b: "c", c: "a" })).toEqual(["a", "b", "c", "a"]);
  expect(circle({ x: "y", y: null, z: "z" })).toEqual(["z", "z"]);
});

test("findCircle() finds a circle exactly when following the types never ends [GL-63]", () => {
  const seen = new Set<boolean>();
  const names = ["a", "b", "c", "d", "e"];
  const nexts = fc.array(fc.option(fc.constantFrom(...names)), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(nexts, (next) => {
      const table = new Map(names.map((name, index) => [name, next[index] ?? null]));
      const isEndless = names.some((start) => {
        let name: string | null = start;
        for (let count = 0; count <= names.length && name !== null; count += 1) {
          name = table.get(name) ?? null;
        }
        return name !== null;
      });
      const circle = findCircle(table);
      seen.add(isEndless);
      expect(circle !== null).toBe(isEndless);
      for (const [index, name] of (circle ?? []).slice(0, -1).entries()) {
        expect(table.get(name)).toBe(circle?.[index + 1]);
      }
    }),
  );
  expect(seen.size).toBe(2);
});
