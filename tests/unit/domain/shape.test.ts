import { expect, test } from "bun:test";
import { needsOf } from "../../../src/domain/requirements.ts";
import { groupLimitOf, parseRequirements, requirementsOf } from "../../../src/domain/shape.ts";
import { noOptions } from "../../support/a-job.ts";

const mebibyte = 1024 * 1024;

function asking(group: string | null, groupRunningMax: number | null, size = 10) {
  return { group, options: { ...noOptions, groupRunningMax }, payload: { size } };
}

test("requirementsOf() is nothing for a small job without a limit, in a group or not", () => {
  expect(requirementsOf(asking(null, null))).toBe("");
  expect(requirementsOf(asking("g", null))).toBe("");
  expect(requirementsOf(asking(null, null, mebibyte))).toBe("");
  expect(parseRequirements("")).toEqual({ groupLimit: null, payloadBytesMin: 0, needs: null });
});

test("requirementsOf() is the same text for the same requirements, with its keys in order", () => {
  expect(requirementsOf(asking("g", 2))).toBe('{"group":"g","group_running_max":2}');
  expect(requirementsOf(asking("g", 2, 3 * mebibyte))).toBe(
    '{"group":"g","group_running_max":2,"payload_bytes_min":1048577}',
  );
  expect(requirementsOf(asking("g", 2, 4 * mebibyte))).toBe(
    requirementsOf(asking("g", 2, 2 * mebibyte)),
  );
});

test("requirementsOf() sorts large payloads into a few classes, each four times as wide", () => {
  const least = (size: number) =>
    parseRequirements(requirementsOf(asking(null, null, size))).payloadBytesMin;
  expect(least(mebibyte)).toBe(0);
  expect(least(mebibyte + 1)).toBe(mebibyte + 1);
  expect(least(4 * mebibyte)).toBe(mebibyte + 1);
  expect(least(4 * mebibyte + 1)).toBe(4 * mebibyte + 1);
  // What a classic worker takes is a step: everything above it is in a class that it can pass over.
  expect(least(64 * mebibyte)).toBe(16 * mebibyte + 1);
  expect(least(64 * mebibyte + 1)).toBe(64 * mebibyte + 1);
  const sizes = Array.from({ length: 53 }, (_, power) => 2 ** power);
  const classes = new Set(sizes.map(least));
  expect(classes.size).toBe(13);
  for (const size of sizes) expect(least(size)).toBeLessThanOrEqual(size);
});

test("parseRequirements() understands what requirementsOf() writes, whatever the group is called", () => {
  for (const group of ["g", '"', "\\", "a,b", "ü 😀", "group_running_max"]) {
    expect(parseRequirements(requirementsOf(asking(group, 7, 2 * mebibyte)))).toEqual({
      groupLimit: { group, runningMax: 7 },
      payloadBytesMin: mebibyte + 1,
      needs: null,
    });
  }
});

test("groupLimitOf() is null for a job that is not limited, and wants a group of one that is", () => {
  expect(groupLimitOf(asking("g", null))).toBeNull();
  expect(groupLimitOf(asking("g", 4))).toEqual({ group: "g", runningMax: 4 });
  expect(() => groupLimitOf(asking(null, 4))).toThrow("has a group");
});

test("requirementsOf() holds what the worker must have, in numbers that jobs nearly alike share", () => {
  const needs = (requires: string) =>
    requirementsOf({ ...asking(null, null), options: { ...noOptions, requires } });
  expect(needs("cpus=4,mem=8GiB,gpu=1,tag:b,worker=w")).toBe(
    '{"cpus_thousandths":4000,"memory_bytes":8589934592,"gpus":1,"tags":["b"],"worker":"w"}',
  );
  expect(needs("mem=8000000001B")).toBe(needs("mem=8000000002B"));
  const texts = Array.from({ length: 100_000 }, (_, n) =>
    needs(`mem=${64 * mebibyte + n * 655_360}B`),
  );
  expect(new Set(texts).size).toBeLessThan(350); // Ten doublings of 32 steps, and the last one.
});

test("parseRequirements() never asks for more than a job of the shape needs, and exactly for round amounts", () => {
  for (const text of [
    "cpus=0.001",
    "cpus=0.999",
    "cpus=63",
    "cpus=1000.5",
    "mem=1B",
    "mem=31GiB",
  ]) {
    const needs = needsOf(text);
    const options = { ...noOptions, requires: text };
    const least = parseRequirements(requirementsOf({ ...asking(null, null), options })).needs;
    expect(least?.milliCpus).toBeLessThanOrEqual(needs.milliCpus);
    expect(least?.memoryBytes).toBeLessThanOrEqual(needs.memoryBytes);
    if (text !== "cpus=1000.5") expect([text, least]).toEqual([text, needs]);
  }
});
