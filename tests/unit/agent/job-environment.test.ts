import { expect, test } from "bun:test";
import { machineEnvironment } from "../../../src/agent/command/job-environment.ts";

test("machineEnvironment() passes on what is allowed, and nothing else", () => {
  const own = {
    PATH: "/bin",
    HOME: "/h",
    LC_ALL: "C",
    AWS_SECRET_ACCESS_KEY: "s",
    HTTP_PROXY: "p",
    NODE_ENV: "production",
    LD_PRELOAD: "x.so",
  };
  expect(machineEnvironment(own, [])).toEqual({ PATH: "/bin", HOME: "/h", LC_ALL: "C" });
  expect(machineEnvironment(own, ["HTTP_PROXY", "MISSING"])).toHaveProperty("HTTP_PROXY", "p");
});

test("machineEnvironment() never passes on variables of GridLike, whoever asks", () => {
  const own = { GRIDLIKE_TOKEN: "t", PATH: "/bin" };
  expect(machineEnvironment(own, ["GRIDLIKE_TOKEN"])).toEqual({ PATH: "/bin" });
});

test("machineEnvironment() finds programs where the system names no folders", () => {
  expect(machineEnvironment({}, []).PATH).toContain("/usr/bin");
});
