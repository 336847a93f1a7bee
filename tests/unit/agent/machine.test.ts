import { expect, test } from "bun:test";
import {
  lookAtMachine,
  machineLine,
  slotsOf,
  toMachine,
  toResources,
} from "../../../src/agent/machine.ts";

const facts = {
  cpuModel: "Old Laptop CPU",
  cpuMegahertz: 2_600,
  coreCount: 2,
  threadCount: 4,
  usableCount: 4,
  memoryBytes: 8 * 1024 ** 3,
  arch: "x64",
  os: "linux 6.1",
};
const unlimited = { cpus: null, memoryBytes: null };

test("toMachine() offers what a container leaves of the machine [BA-05]", () => {
  const machine = toMachine("closet", facts, { cpus: 1.5, memoryBytes: 1024 ** 3 }, 1);
  expect(machine).toMatchObject({ name: "closet", cpus: 1.5, memoryBytes: 1024 ** 3 });
  expect(toResources(machine, ["fast"])).toEqual({
    cpus: 1.5,
    memory_bytes: 1024 ** 3,
    gpus: 1,
    tags: ["fast"],
  });
  expect(toMachine("closet", facts, unlimited, 0)).toMatchObject({ cpus: 4, gpus: 0 });
});

test("slotsOf() is one for each processor, and at least one", () => {
  expect(slotsOf(toMachine("a", facts, unlimited, 0))).toBe(4);
  expect(slotsOf(toMachine("a", facts, { cpus: 0.25, memoryBytes: null }, 0))).toBe(1);
});

test("machineLine() tells processor, cores, memory and load in one line [BA-06]", () => {
  const line = machineLine(toMachine("a", facts, unlimited, 0));
  expect(line).toMatch(
    /^Old Laptop CPU, 2\.6 GHz, 2 cores, 4 threads; 8\.0 GiB memory; load \d+\.\d\d$/,
  );
  const cut = machineLine(toMachine("a", facts, { cpus: 1, memoryBytes: 1024 ** 3 }, 2));
  expect(cut).toContain("1 of them usable; 1.0 GiB of 8.0 GiB memory; 2 GPUs");
});

test("machineLine() leaves out what a system does not tell", () => {
  const plain = { ...facts, coreCount: null, cpuMegahertz: 0, threadCount: 1, usableCount: 1 };
  expect(machineLine(toMachine("a", plain, unlimited, 0))).toStartWith(
    "Old Laptop CPU, 1 thread; ",
  );
});

test("lookAtMachine() finds this machine", async () => {
  const machine = await lookAtMachine();
  expect(machine.cpus).toBeGreaterThan(0);
  expect(machine.memoryBytes).toBeGreaterThan(64 * 1024 ** 2);
  expect(machine.facts.threadCount).toBeGreaterThanOrEqual(machine.cpus);
});
