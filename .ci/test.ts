// Builds the binary, runs the tests group by group, and ends with one line that counts them all:
// `N passed, N failed`. Names of groups as arguments run only those.
import { buildOnce } from "../tests/support/binary.ts";

const groups = ["unit", "contract", "tidy", "integration", "simulation", "e2e"];
/** No group takes a tenth of this; one that hangs must still end. */
const groupMsMax = 20 * 60_000;

type Outcome = {
  readonly group: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly ms: number;
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((group) => !groups.includes(group));
if (unknown.length > 0) {
  console.error(`There is no group ${unknown.join(", ")}. The groups are ${groups.join(", ")}.`);
  process.exit(2);
}

await buildOnce();
const outcomes: Outcome[] = [];
for (const group of groups) {
  if (wanted.length > 0 && !wanted.includes(group)) continue;
  const hasFiles = !new Bun.Glob(`tests/${group}/**/*.test.ts`).scanSync(".").next().done;
  if (hasFiles) outcomes.push(await runGroup(group));
}
report(outcomes);

async function runGroup(group: string): Promise<Outcome> {
  console.log(`\n== ${group}`);
  const startedAt = performance.now();
  const run = Bun.spawn([process.execPath, "test", "--only-failures", `./tests/${group}/`], {
    stdout: "inherit",
    stderr: "pipe",
    timeout: groupMsMax,
    killSignal: "SIGKILL",
  });
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of run.stderr) {
    process.stderr.write(chunk);
    said += decoder.decode(chunk, { stream: true });
  }
  const code = await run.exited;
  const failed = closing(said, "fail");
  return {
    group,
    passed: closing(said, "pass"),
    // A group that broke outside of a test has no test to count, and has failed all the same.
    failed: code === 0 ? failed : Math.max(failed, 1),
    skipped: closing(said, "skip") + closing(said, "todo"),
    ms: Math.round(performance.now() - startedAt),
  };
}

/** The count in a closing line such as ` 10 pass`. */
function closing(said: string, word: string): number {
  const lines = [...said.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))];
  return Number(lines.at(-1)?.[1] ?? 0);
}

function report(all: readonly Outcome[]): void {
  const sum = (count: (outcome: Outcome) => number) =>
    all.reduce((total, outcome) => total + count(outcome), 0);
  const passed = sum((outcome) => outcome.passed);
  const failed = sum((outcome) => outcome.failed);
  console.log("");
  for (const { group, ms, ...counts } of all) {
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
    const text = `${counts.passed} passed, ${counts.failed} failed${skipped}`;
    console.log(`${group.padEnd(12)} ${text} in ${(ms / 1000).toFixed(1)} s`);
  }
  if (passed + failed === 0) console.log("No test ran.");
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
