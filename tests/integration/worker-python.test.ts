// The v2 worker in Python against the server's side of every conversation in docs/protocol.
// Skipped where there is no Python 3.9.

import { describe, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { pythonCommand } from "../../examples/robot-reach/processes.ts";
import { testWorker } from "../support/worker-suite.ts";

const python = pythonCommand() ?? "";
const file = join(import.meta.dir, "../../examples/worker-python/gridlike_v2.py");

// Starting Python takes a second or two on a machine that is busy with other tests.
setDefaultTimeout(60_000);

describe.skipIf(python === "")("worker-python", () =>
  testWorker("gridlike_v2.py", [python, "-B", file]),
);
