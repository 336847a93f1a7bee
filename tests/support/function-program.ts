// A program that runs one function of a folder and prints its result: built into an executable by a test, because
// functions are run by the executable itself.
import { createFunctionRunner } from "../../src/agent/functions/run-function.ts";
import { run, resultOf, warmDeps } from "./warm-jobs.ts";

const [folder = "", type = "", text = "", directory = ""] = process.argv.slice(2);
const options = { kind: "functions", folder, instances: 1, env: {} } as const;
const runner = createFunctionRunner(options, warmDeps);
const assignment = {
  job: "1",
  attempt: 1,
  key: "k",
  type,
  priority: "batch",
  contentType: null,
  description: null,
  payload: { kind: "bytes", bytes: new TextEncoder().encode(text) },
  directory,
  slot: 1,
  timeoutMs: null,
  killAfterMs: 1_000,
} as const;
try {
  console.log(await resultOf(await run(runner, assignment)));
} finally {
  await runner.close();
}
