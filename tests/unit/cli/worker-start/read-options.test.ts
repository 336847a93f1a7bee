import { expect, test } from "bun:test";
import {
  readWorkerOptions,
  type WorkerStartValues,
} from "../../../../src/cli/worker-start/read-options.ts";
import { UsageMistake } from "../../../../src/cli/trouble.ts";

const command = ["./work.sh", "-v"];

function mistake(values: WorkerStartValues, words: readonly string[] = command): string {
  try {
    readWorkerOptions(words, values);
  } catch (error) {
    if (error instanceof UsageMistake) return error.message;
    throw error;
  }
  return "no mistake";
}

test("readWorkerOptions() leaves to the machine what no flag says", () => {
  expect(readWorkerOptions(command, {})).toEqual({
    grid: { server: null, token: null, tokenFile: null, pin: null },
    worker: {
      command: { kind: "each-job", words: command },
      functions: null,
      types: [],
      instances: null,
      passedNames: [],
      setVariables: {},
      slots: null,
      window: null,
      name: null,
      tags: [],
      cpus: null,
      memoryBytes: null,
      gpus: null,
      timeLimitMs: null,
      isRootAllowed: false,
    },
    isCommandServed: false,
    policyFile: null,
    idleTimeoutMs: null,
    lifetimeMs: null,
    drainMs: null,
    isOnce: false,
    stateFolder: null,
    logForm: "text",
    isUntilStdinEnds: false,
  });
});

test("readWorkerOptions() reads numbers, sizes and times as people write them", () => {
  const values = { slots: "3", window: "9", cpus: "1.5", memory: "8GiB", gpus: "0" };
  const times = { timeLimit: "90s", idleTimeout: "5m", lifetime: "2h", drain: "0" };
  const read = readWorkerOptions(command, { ...values, ...times });
  expect(read.worker).toMatchObject({
    slots: 3,
    window: 9,
    cpus: 1.5,
    memoryBytes: 8 * 1024 ** 3,
    gpus: 0,
    timeLimitMs: 90_000,
  });
  expect(read).toMatchObject({ idleTimeoutMs: 300_000, lifetimeMs: 7_200_000, drainMs: 0 });
});

test("readWorkerOptions() tells variables that are passed on from those with a value", () => {
  const { worker } = readWorkerOptions(command, { env: ["LICENSE", "MODE=a=b", "EMPTY="] });
  expect(worker.passedNames).toEqual(["LICENSE"]);
  expect(worker.setVariables).toEqual({ MODE: "a=b", EMPTY: "" });
});

test("readWorkerOptions() takes a service, with its contract [GC-27]", () => {
  const read = (values: WorkerStartValues) => readWorkerOptions(command, values).worker.command;
  expect(read({ service: true })).toEqual({ kind: "service", words: command, contract: "plain" });
  expect(read({ service: true, contract: "gridcontrol" })).toMatchObject({
    contract: "gridcontrol",
  });
});

test("readWorkerOptions() counts a type once", () => {
  expect(readWorkerOptions(command, { type: ["a", "b", "a"] }).worker.types).toEqual(["a", "b"]);
});

test("readWorkerOptions() refuses what cannot be meant, naming flag, value and remedy", () => {
  expect(mistake({ slots: "0" })).toBe('--slots is "0". Write a whole number from 1 to 1024.');
  expect(mistake({ window: "x" })).toContain("--window");
  expect(mistake({ cpus: "none" })).toContain("4 or 0.5");
  expect(mistake({ cpus: "0" })).toContain("4 or 0.5");
  expect(mistake({ memory: "much" })).toContain("8GiB");
  expect(mistake({ timeLimit: "soon" })).toContain("90s");
  expect(mistake({ log: "xml" })).toContain("text or json");
  expect(mistake({ name: "" })).toContain("--name");
  expect(mistake({ tag: [""] })).toContain("--tag");
  expect(mistake({ env: ["1x"] })).toContain("NAME=VALUE");
  expect(mistake({ env: ["GRIDLIKE_TOKEN"] })).toContain("may be a secret");
  expect(mistake({ type: ["a b"] })).toContain('"a b"');
  expect(mistake({ contract: "plain" })).toContain("Add --service");
  expect(mistake({ service: true, contract: "soap" })).toContain("plain or gridcontrol");
  expect(mistake({ instances: "2" })).toContain("--slots");
});

test("readWorkerOptions() refuses flags that have nothing to be about", () => {
  expect(mistake({ service: true }, [])).toContain("-- python3 serve.py");
  expect(mistake({ type: ["a"], commands: true }, [])).toContain("Say after -- what to run");
});

test("readWorkerOptions() keeps the type of clients' commands for --commands", () => {
  expect(mistake({ type: ["command"] })).toContain("--commands");
});
