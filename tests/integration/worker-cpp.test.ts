// The v2 worker in C++ against the server's side of every conversation in docs/protocol.
// Skipped, with a word about it, where it cannot be built.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testWorker } from "../support/worker-suite.ts";

const source = join(import.meta.dir, "../../examples/worker-cpp");
const folder = mkdtempSync(join(tmpdir(), "gridlike-test-"));
const program = join(folder, "gridlike-worker");

setDefaultTimeout(60_000);

/** Whether what the Makefile names is installed: a look that costs a tenth of a second. */
function canBuild(): boolean {
  if (Bun.which("make") === null || Bun.which("g++") === null) return false;
  const headers = ["websocketpp/config/core_client.hpp", "nlohmann/json_fwd.hpp", "openssl/ssl.h"];
  const text = headers.map((header) => `__has_include(<${header}>)`).join(" && ");
  const look = Bun.spawnSync(["g++", "-std=c++17", "-E", "-P", "-x", "c++", "-"], {
    stdin: Buffer.from(`#if ${text}\nfound\n#endif\n`),
    stderr: "ignore",
  });
  return look.stdout.toString().includes("found");
}

const isThere = canBuild();
if (!isThere) {
  console.warn("worker-cpp is not tried: its Makefile names what to install.");
}

beforeAll(() => {
  if (!isThere) return;
  // Without optimisation it is built twice as fast.
  const made = Bun.spawnSync(["make", `OUT=${program}`, "CXXFLAGS=-O0"], { cwd: source });
  expect(made.exitCode, made.stderr.toString()).toBe(0);
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!isThere)("worker-cpp", () => testWorker("worker.cpp", [program]));
