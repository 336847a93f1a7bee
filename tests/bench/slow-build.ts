// Builds a server that is slow on purpose: `bun tests/bench/slow-build.ts FILE [MS]` makes it sleep so long before
// each commit, 2 when not told; 0 builds the plain twin from the same sources. A comparison that does not call the
// slow one worse is worth nothing.

import { resolve } from "node:path";
import { buildSabotaged } from "../support/faults/sabotage.ts";

const [file, ms = "2"] = process.argv.slice(2);
if (file === undefined || !/^\d{1,4}$/.test(ms)) {
  console.error("bun tests/bench/slow-build.ts FILE [MS]");
  process.exit(2);
}
const commit = "function commit(batch: readonly Request[]): void {";
await buildSabotaged(
  {
    name: "sleeps",
    does: `sleeps for ${ms} ms before each commit`,
    edits:
      ms === "0"
        ? []
        : [
            {
              file: "src/store/sqlite/group-commit.ts",
              find: commit,
              put: `${commit} Bun.sleepSync(${ms});`,
            },
          ],
  },
  resolve(file),
);
