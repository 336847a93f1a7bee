import { describe, expect, test } from "bun:test";
import { GridError } from "../../../../src/domain/errors.ts";
import { shellQuote } from "../../../../src/cli/map/quote.ts";
import {
  bareArguments,
  fillIn,
  fillInPlain,
  parseCommand,
  parseTemplate,
  type TemplateOptions,
} from "../../../../src/cli/map/template.ts";
import { hasGnuParallel, parallelDryRun } from "./gnu-parallel.ts";

const plain: TemplateOptions = { replacement: "{}", names: [] };

function written(command: string, values: readonly string[], options = plain): string {
  return fillIn(parseCommand(command, options), { number: 1, values }).join("1");
}

/** A text, and how GNU parallel 20221122 quotes it. */
const quotings = [
  ["", "''"],
  ["plain", "plain"],
  ["a-b_c.d+e/F9", "a-b_c.d+e/F9"],
  ["a b", "'a b'"],
  ["é", "'é'"],
  ["~a", "'~a'"],
  ["a,b", "'a,b'"],
  ["x@y:z%", "'x@y:z%'"],
  ["'", `"'"`],
  ["a'", `'a'"'"`],
  ["'a", `"'"'a'`],
  ["''", `"'"''"'"`],
  ["a'b'c", `'a'"'"'b'"'"'c'`],
  ["two\nlines", "'two\nlines'"],
  ['$HOME `x` "y" \\', `'$HOME \`x\` "y" \\'`],
] as const;

test("shellQuote() writes what GNU parallel writes", () => {
  for (const [text, quoted] of quotings) expect([text, shellQuote(text)]).toEqual([text, quoted]);
});

test("shellQuote() makes one word that a shell reads back, whatever it holds", () => {
  const texts = [
    ...quotings.map(([text]) => text),
    "-n",
    "*",
    "#x",
    "a\tb",
    "!",
    "{a,b}",
    "=",
    "\\'",
  ];
  const words = texts.map(shellQuote).join(" ");
  const said = Bun.spawnSync(["/bin/sh", "-c", `printf '%s\\0' ${words}`]).stdout.toString();
  expect(said.split("\0").slice(0, -1)).toEqual(texts);
});

/** A command, its arguments, and what GNU parallel 20221122 makes of them. */
const commands = [
  ["echo", ["a"], "echo a"],
  ["echo {}", ["a", "1"], "echo a 1"],
  ["echo x{}y", ["a", "1"], "echo xa 1y"],
  ["echo {1}-{2}", ["c"], "echo c-"],
  ["echo {2.} {.}", ["a.x", "b.y"], "echo b a b"],
  ["echo {2.} {.}", ["c"], "echo  c"],
  ["echo {//} {/} {/.} {.}", ["a.b/c.d"], "echo a.b c.d c a.b/c"],
  ["echo {//} {/} {/.} {.}", ["/x.y"], "echo / x.y x /x"],
  ["echo {//} {/} {/.} {.}", ["a/"], "echo . '' '' a/"],
  ["echo {//} {/} {/.} {.}", ["."], "echo . . '' ''"],
  ["echo {//} {/} {/.} {.}", [""], "echo . '' '' ''"],
  ["echo {#} {%} {1/.} {2//}", ["a/b.c", "d/e"], "echo 1 1 b d"],
  ["echo {#}", ["a"], "echo 1"],
  ["echo {3} {1}", ["a"], "echo  a"],
  ["echo {-1} {1}", ["a", "b"], "echo b a"],
  ["echo {{}} {}{}", ["a"], "echo {a} aa"],
  ["echo {1.} {1/} {1//} {1/.} {.1}", ["x/y.z"], "echo x/y y.z x y {.1}"],
  ['echo "{}"', ["a'b"], `echo "'a'"'"'b'"`],
  [
    "convert {} -resize 50% {/.}.png",
    ["my pics/a b.jpg"],
    "convert 'my pics/a b.jpg' -resize 50% 'a b'.png",
  ],
  ["awk '{print $1}' {}", ["f"], "awk '{print $1}' f"],
  ["echo {foo} {1}", ["a"], "echo {foo} a"],
] as const;

test("fillIn() writes what GNU parallel writes", () => {
  for (const [command, values, expected] of commands) {
    expect([command, written(command, values)]).toEqual([command, expected]);
  }
});

describe.skipIf(!hasGnuParallel())("beside GNU parallel", () => {
  test("fillIn() and GNU parallel agree on every row", () => {
    for (const [command, values] of commands) {
      const sources = values.flatMap((value) => [":::", value]);
      expect([command, parallelDryRun(command, ...sources)]).toEqual([
        command,
        written(command, values),
      ]);
    }
  }, 30_000);

  test("shellQuote() and GNU parallel agree on every text", () => {
    for (const [text] of quotings) {
      expect(parallelDryRun("-0", "echo", ":::", text)).toBe(`echo ${shellQuote(text)}`);
    }
  }, 30_000);
});

test("parseCommand() takes another string for {}, and names from a header", () => {
  expect(written("echo ,, {} {.}", ["a.b"], { replacement: ",,", names: [] })).toBe(
    "echo a.b {} a",
  );
  const named = { replacement: "{}", names: ["file", "size"] };
  expect(written("echo {size} {file/.} {other}", ["a/b.c", "9"], named)).toBe("echo 9 b {other}");
});

test("fillIn() cuts the text where the number of the slot belongs", () => {
  const template = parseCommand("echo {%}-{%} {}", plain);
  expect(fillIn(template, { number: 7, values: ["a"] })).toEqual(["echo ", "-", " a"]);
});

test("fillInPlain() writes without quotes, and so do the arguments that are commands", () => {
  expect(fillInPlain(parseTemplate("{/} {#}:", plain), { number: 3, values: ["a/b c"] })).toBe(
    "b c 3:",
  );
  expect(fillInPlain(bareArguments, { number: 1, values: ["ls | wc"] })).toBe("ls | wc");
});

test("parseTemplate() refuses Perl by name", () => {
  expect(() => parseTemplate("echo {= s/a/b/ =}", plain)).toThrow(GridError);
});
