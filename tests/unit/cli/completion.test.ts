import { expect, test } from "bun:test";
import { Command } from "commander";
import { completionScript } from "../../../src/cli/completion.ts";

/** A tree that is small, and has what is hard to quote. */
function aProgram(): Command {
  const add = (name: string) => new Command(name).description(`Does what ${name}'s for: all.`);
  return new Command("gridlike")
    .addCommand(add("ls").option("-n, --limit <count>", "How many.").argument("[selectors...]"))
    .addCommand(add("group").addCommand(add("info")).addCommand(add("retry-failed")));
}

const bash = Bun.which("bash");

/** What bash offers for the last of these words. */
function offered(...words: string[]): readonly string[] {
  const script = `${completionScript("bash", aProgram())}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
_gridlike
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const run = Bun.spawnSync([bash ?? "bash", "-c", script]);
  expect(run.stderr.toString()).toBe("");
  return run.stdout.toString().split("\n").filter(Boolean);
}

test.skipIf(bash === null)(
  "completionScript() completes commands, flags and selectors in bash",
  () => {
    expect(offered("gridlike", "gr")).toEqual(["group"]);
    expect(offered("gridlike", "group", "")).toEqual(["info", "retry-failed", "--help"]);
    expect(offered("gridlike", "group", "re")).toEqual(["retry-failed"]);
    expect(offered("gridlike", "ls", "--")).toEqual(["--limit", "--help"]);
    expect(offered("gridlike", "ls", "la")).toEqual(["last"]);
    expect(offered("gridlike", "ls", "last", "al")).toEqual(["all"]);
    expect(offered("gridlike", "nonsense")).toEqual([]);
  },
);

test("completionScript() names every command and flag in zsh and fish", () => {
  const zsh = completionScript("zsh", aProgram());
  expect(zsh).toStartWith("#compdef gridlike\n");
  expect(zsh).toContain(`'ls:Does what ls'\\''s for: all.'`);
  expect(zsh).toContain("/ls|/group|/group/info|/group/retry-failed) place=");
  const fish = completionScript("fish", aProgram());
  expect(fish).toContain(`complete -c gridlike -n '__gridlike_at "/group"' -a retry-failed -d '`);
  expect(fish).toContain(
    `complete -c gridlike -n '__gridlike_at "/ls"' -l limit -r -d 'How many.'`,
  );
});
