// Transcripts: sessions at a terminal as a person would see them, held against what really happens.
//
// `$ COMMAND` is given to a shell; the lines below it are what it prints, on both outputs. `…` within a line stands for
// any text, alone on a line for any lines. `[exit N]` ends what a command with another exit code than 0 prints.
// `% WORDS` is something that the test does, `#` begins a comment.

export type Step =
  | { readonly kind: "act"; readonly line: number; readonly words: string }
  | {
      readonly kind: "command";
      readonly line: number;
      readonly command: string;
      readonly expected: readonly string[];
      readonly exitCode: number;
    };

export type Printed = { readonly output: string; readonly exitCode: number };

export function parseTranscript(text: string): readonly Step[] {
  const steps: Step[] = [];
  let expected: string[] = [];
  for (const [index, line] of text.trimEnd().split("\n").entries()) {
    const at = index + 1;
    const last = steps.at(-1);
    const [, exitCode] = /^\[exit ([0-9]+)\]$/.exec(line) ?? [];
    if (line.startsWith("$ ")) {
      expected = [];
      const command = line.slice(2);
      steps.push({ kind: "command", line: at, command, expected, exitCode: 0 });
    } else if (line.startsWith("% ")) steps.push({ kind: "act", line: at, words: line.slice(2) });
    else if (line.startsWith("#")) continue;
    else if (exitCode !== undefined && last?.kind === "command") {
      steps[steps.length - 1] = { ...last, exitCode: Number(exitCode) };
    } else if (last?.kind === "command") expected.push(line);
    else if (line !== "") throw new Error(`Line ${at} follows no command: ${line}`);
  }
  // Empty lines before the next command are there for the reader.
  for (const step of steps) {
    if (step.kind === "command")
      while (step.expected.at(-1) === "") (step.expected as string[]).pop();
  }
  return steps;
}

/** What is wrong with what a command printed, for people; null when all is as written. */
export function problemOf(step: Step & { readonly kind: "command" }, printed: Printed) {
  const lines = printed.output.replace(/\n+$/, "").split("\n");
  const actual = lines.length === 1 && lines[0] === "" ? [] : lines;
  const isSame = matchLines(step.expected, actual) && step.exitCode === printed.exitCode;
  if (isSame) return null;
  return [
    `line ${step.line}: $ ${step.command}`,
    "--- expected",
    ...step.expected,
    `[exit ${step.exitCode}]`,
    "--- printed",
    ...actual,
    `[exit ${printed.exitCode}]`,
  ].join("\n");
}

function matchLines(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === "…") {
    return actual.some((_, skip) => matchLines(rest, actual.slice(skip))) || matchLines(rest, []);
  }
  const [line, ...others] = actual;
  return line !== undefined && matchLine(first, line) && matchLines(rest, others);
}

/** Runs of spaces count as one, because columns are as wide as what stands in them. */
function matchLine(expected: string, actual: string): boolean {
  const parts = expected.trimEnd().replaceAll(/ +/g, " ").split("…");
  const pattern = parts.map((part) => RegExp.escape(part)).join(".*");
  return new RegExp(`^${pattern}$`).test(actual.trimEnd().replaceAll(/ +/g, " "));
}

export type Player = {
  run(command: string): Promise<Printed>;
  act(words: string): Promise<void>;
};

/** Plays it to its end, and answers with all that was otherwise than written. */
export async function playTranscript(text: string, player: Player): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const step of parseTranscript(text)) {
    if (step.kind === "act") await player.act(step.words);
    else {
      const problem = problemOf(step, await player.run(step.command));
      if (problem !== null) problems.push(problem);
    }
  }
  return problems;
}
