// The quick gate before a commit: format, lint, types, and the tests that need no binary.
import { $ } from "bun";

const bun = process.execPath;
/** What the formatter decides. Prose, data and generated pages keep the lines their writers gave them. */
const formatted = ["src", "tests", ".ci", "build.ts", "examples/robot-reach/*.ts"];
const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["format", () => $`${bun} fmt --check --no-script ${formatted}`],
  ["lint", () => $`${bun} x oxlint`],
  ["types", () => $`${bun} check --no-script`],
  ["tests", () => $`${bun} test unit contract tidy`],
];
for (const [name, run] of steps) {
  const startedAt = performance.now();
  try {
    await run();
  } catch {
    console.error(`check: ${name} failed`);
    process.exit(1);
  }
  console.error(`check: ${name} in ${Math.round(performance.now() - startedAt)} ms`);
}
