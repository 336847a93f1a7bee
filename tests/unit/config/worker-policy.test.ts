import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  loadWorkerPolicy,
  policyDefault,
  policyPath,
  readWorkerPolicy,
} from "../../../src/config/worker-policy.ts";

function problemsOf(text: string): readonly string[] {
  const read = readWorkerPolicy("p.toml", text);
  return read.kind === "refused" ? read.problems : [];
}

test("readWorkerPolicy() reads every key", () => {
  const read = readWorkerPolicy(
    "p.toml",
    `types = ["render"]
     allow_commands = true
     allow_programs = ["blender"]
     slots_max = 2
     result_bytes_max = "2 MiB"
     pass_environment = ["CUDA_VISIBLE_DEVICES"]
     run_as_root = true`,
  );
  expect(read).toEqual({
    kind: "policy",
    file: "p.toml",
    policy: {
      types: ["render"],
      allowCommands: true,
      programs: ["blender"],
      slotsMax: 2,
      resultBytesMax: 2 * 1024 * 1024,
      environmentNames: ["CUDA_VISIBLE_DEVICES"],
      runAsRoot: true,
    },
  });
});

test("readWorkerPolicy() allows no commands and no root unless told so", () => {
  const read = readWorkerPolicy("p.toml", "");
  expect(read).toMatchObject({ policy: { allowCommands: false, runAsRoot: false, types: null } });
});

test("readWorkerPolicy() tells all problems with their lines and the nearest key", () => {
  const problems = problemsOf(
    ["alow_commands = true", "slots_max = 0", 'types = "render"', "[run_as_root]", "[zzz]"].join(
      "\n",
    ),
  );
  expect(problems).toEqual([
    expect.stringMatching(/^p\.toml:1:1: .*"alow_commands".*"allow_commands"/),
    expect.stringMatching(/^p\.toml:2:13: slots_max is 0; it must be a whole number from 1/),
    expect.stringMatching(/^p\.toml:3:9: types is "render"; it must be a list/),
    expect.stringMatching(/^p\.toml:4:2: "run_as_root" takes a value/),
    expect.stringMatching(/^p\.toml:5:2: There is no key "zzz" in a policy\. Known here: types,/),
  ]);
  expect(problemsOf("types = [")[0]).toMatch(/^p\.toml:1:\d+: This is not valid TOML/);
});

test("readWorkerPolicy() refuses names that are none, and variables of GridLike", () => {
  expect(problemsOf('types = ["a b"]')[0]).toContain("cannot name a type");
  expect(problemsOf('pass_environment = ["A=B"]')[0]).toContain("names no variable");
  expect(problemsOf('pass_environment = ["GRIDLIKE_TOKEN"]')[0]).toContain("may be a secret");
});

test("loadWorkerPolicy() reads the usual file if it is there, and a named one in any case", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gridlike-policy-"));
  try {
    const path = join(folder, "worker.toml");
    expect(await loadWorkerPolicy(null, null)).toMatchObject({ policy: policyDefault, file: null });
    expect(await loadWorkerPolicy(null, path)).toMatchObject({ policy: policyDefault, file: null });
    const missing = await loadWorkerPolicy(path, null);
    expect(missing).toMatchObject({ problems: [expect.stringContaining("does not exist")] });
    writeFileSync(path, "slots_max = 3");
    chmodSync(path, 0o600);
    expect(await loadWorkerPolicy(null, path)).toMatchObject({
      policy: { slotsMax: 3 },
      file: path,
    });
    chmodSync(path, 0o666);
    const open = await loadWorkerPolicy(null, path);
    expect(open).toMatchObject({ problems: [expect.stringContaining("chmod 600")] });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("policyPath() is in the user's own configuration", () => {
  expect(policyPath({}, "/h")).toBe("/h/.config/gridlike/worker.toml");
  expect(policyPath({ XDG_CONFIG_HOME: "/x" }, "/h")).toBe("/x/gridlike/worker.toml");
  expect(policyPath({}, null)).toBeNull();
});
