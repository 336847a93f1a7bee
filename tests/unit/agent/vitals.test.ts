import { expect, test } from "bun:test";
import { lookAtMachine } from "../../../src/agent/machine.ts";
import { createVitals, readingsOf } from "../../../src/agent/vitals.ts";
import { parseWorkerMessage } from "../../../src/protocol/worker-messages.ts";

test("createVitals() tells how busy each processor was since the last call", () => {
  let times = [
    { busy: 100, total: 1000 },
    { busy: 0, total: 1000 },
  ];
  const vitals = createVitals(
    { cpuTimes: () => times, load: () => 0.5, memoryUsedBytes: () => 123 },
    1000,
  );
  times = [
    { busy: 150, total: 1100 },
    { busy: 100, total: 1100 },
  ];
  expect(vitals()).toEqual({
    load: 0.5,
    cpu: [0.5, 1],
    memory_bytes: 1000,
    memory_used_bytes: 123,
  });
  expect(vitals().cpu).toEqual([0, 0]);
});

test("createVitals() never throws, and leaves out what cannot be read", () => {
  const broken = () => {
    throw new Error("no /proc here");
  };
  const vitals = createVitals({ cpuTimes: broken, load: () => NaN, memoryUsedBytes: broken }, 1000);
  expect(vitals()).toEqual({ memory_bytes: 1000 });
});

test("createVitals() tells of this machine what the protocol takes", async () => {
  const machine = await lookAtMachine();
  const vitals = createVitals(readingsOf(machine), machine.memoryBytes)();
  expect(parseWorkerMessage({ op: "beat", vitals })).toMatchObject({ vitals });
  expect(vitals.cpu).toHaveLength(machine.facts.threadCount);
  expect(vitals.memory_used_bytes).toBeGreaterThan(0);
});
