import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTranscript } from "../support/transcript.ts";

const root = join(import.meta.dir, "../..");

/** What is typed, and what is then seen; a command that goes on in another terminal shows nothing. */
function typedIn(text: string) {
  return parseTranscript(text).map((step) =>
    step.kind === "act"
      ? { command: step.words, expected: [], exitCode: 0 }
      : { command: step.command, expected: step.expected, exitCode: step.exitCode },
  );
}

test("docs/tour.md shows what tests/e2e/scripts/tour.txt plays, word for word", () => {
  const page = readFileSync(join(root, "docs/tour.md"), "utf8");
  const blocks = [...page.matchAll(/```console\n(.*?)```/gs)].map((match) => match[1] ?? "");
  const played = typedIn(readFileSync(join(root, "tests/e2e/scripts/tour.txt"), "utf8"));
  expect(typedIn(blocks.join("\n"))).toEqual(played);
  expect(played.length).toBeGreaterThan(15);
});
