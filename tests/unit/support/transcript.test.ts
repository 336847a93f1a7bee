import { expect, test } from "bun:test";
import { playTranscript, type Printed } from "../../support/transcript.ts";

/** Plays it against commands that print what they are named after. */
const play = (text: string, printed: Readonly<Record<string, Printed>> = {}) =>
  playTranscript(text, {
    run: (command) => Promise.resolve(printed[command] ?? { output: `${command}\n`, exitCode: 0 }),
    act: () => Promise.resolve(),
  });

test("playTranscript() finds a line that is wrong, missing or too much", async () => {
  expect(await play("$ a\na\n\n$ b\nb")).toEqual([]);
  for (const wrong of ["$ a\nb", "$ a", "$ a\na\na", "$ a\nA", "$ a\n…b"]) {
    expect([wrong, await play(wrong)]).toEqual([wrong, [expect.stringContaining("line 1: $ a")]]);
  }
});

test("playTranscript() finds a wrong exit code", async () => {
  const printed = { a: { output: "", exitCode: 2 } };
  expect(await play("$ a\n[exit 2]", printed)).toEqual([]);
  expect(await play("$ a", printed)).toHaveLength(1);
  expect(await play("$ a\n[exit 3]", printed)).toHaveLength(1);
});

test("playTranscript() takes … for any text of a line, and for any lines", async () => {
  const printed = { a: { output: "one  two (3)\nfour\nfive\n", exitCode: 0 } };
  for (const right of ["one two (…)\nfour\nfive", "…\nfive", "…", "one …\n…\nfive", "one…\n…"]) {
    expect([right, await play(`$ a\n${right}`, printed)]).toEqual([right, []]);
  }
  for (const wrong of ["…\nsix", "one\n…", "one two .3.\n…"]) {
    expect([wrong, await play(`$ a\n${wrong}`, printed)]).toEqual([wrong, [expect.any(String)]]);
  }
});

test("playTranscript() passes over comments, and refuses what belongs to no command", async () => {
  expect(await play("# about\n% worker\n$ a\n# said\na\n")).toEqual([]);
  expect(play("lost\n$ a")).rejects.toThrow("follows no command");
});
