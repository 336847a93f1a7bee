import { expect, test } from "bun:test";
import { chainDepthMax, typeCountMax } from "../../../src/domain/limits.ts";
import { configOf, problemsOf } from "../../support/a-config.ts";

test("readConfig() makes one unnamed type of no types, beside that of commands", () => {
  const [unnamed, commands, ...others] = configOf("").types;
  expect([commands?.name, commands?.maxAttempts, others]).toEqual(["command", 3, []]);
  expect([unnamed]).toEqual([
    {
      name: "",
      description: null,
      resultBecomes: null,
      timeoutMs: null,
      maxAttempts: 3,
      maxCrashes: 3,
      resumeGraceMs: 600_000,
      payloadBytesMax: 1_073_741_824,
    },
  ]);
});

test("readConfig() fills in for a type what [jobs] says, in the order of the file [GL-60]", () => {
  const { types } = configOf(`
    [jobs]
    max_attempts = 7
    timeout_s = 10
    [types.sample]
    description = "draws random arm poses"
    result_becomes = "9"
    max_attempts = 1
    [types.9]
    timeout_s = 0.5`);
  expect(types.map((type) => type.name)).toEqual(["sample", "9", "command"]);
  expect(types[0]).toMatchObject({
    description: "draws random arm poses",
    resultBecomes: "9",
    maxAttempts: 1,
    timeoutMs: 10_000,
  });
  expect(types[1]).toMatchObject({ maxAttempts: 7, timeoutMs: 500, resultBecomes: null });
});

test("readConfig() takes the limits of commands from the configuration where it has them", () => {
  const { types } = configOf("[types.command]\ntimeout_s = 5");
  expect(types).toMatchObject([{ name: "command", timeoutMs: 5_000 }]);
});

test("readConfig() accepts types named like the inner words of the language", () => {
  const { types } = configOf("[types.constructor]\n[types.toString]\n[types.hasOwnProperty]");
  expect(types).toHaveLength(4);
});

test("readConfig() refuses a name that is none for a type", () => {
  for (const name of ["delete", "hold", "-x", '"a b"', '""', "__proto__", "x".repeat(65)]) {
    expect(problemsOf(`[types.${name}]`)).toEqual([
      expect.stringMatching(/^1:2: .* cannot name a type/),
    ]);
  }
});

test("readConfig() refuses more types than a server serves", () => {
  const tables = Array.from({ length: typeCountMax + 1 }, (_, n) => `[types.t${n}]`);
  expect(problemsOf(tables.join("\n"))).toEqual([
    `${typeCountMax + 1}:2: There are ${typeCountMax + 1} types; the most is ${typeCountMax}. Remove some.`,
  ]);
  expect(problemsOf(tables.slice(1).join("\n"))).toEqual([]);
});

test("readConfig() refuses a chain into a type that does not exist, with line and column [GL-62]", () => {
  expect(problemsOf("[types.sample]\nresult_becomes = 'colide'\n[types.collide]")).toEqual([
    '2:18: The job type "sample" specifies a transition into type "colide", but that type does not exist in the configuration. Did you mean "collide"?',
  ]);
});

test("readConfig() refuses types that become one another in a circle, with line and column [GL-63]", () => {
  expect(problemsOf("[types.a]\nresult_becomes = 'a'")).toEqual([
    '2:18: The types become one another in a circle: "a" → "a". Remove one result_becomes of it.',
  ]);
  const three =
    "[types.a]\nresult_becomes='b'\n[types.b]\nresult_becomes='c'\n[types.c]\nresult_becomes='a'";
  expect(problemsOf(three)).toEqual([
    expect.stringMatching(/^6:16: .*circle: "a" → "b" → "c" → "a"/),
  ]);
});

test("readConfig() refuses a chain that is too long", () => {
  const chain = (length: number) =>
    Array.from({ length }, (_, n) =>
      n === length - 1 ? `[types.t${n}]` : `[types.t${n}]\nresult_becomes = "t${n + 1}"`,
    ).join("\n");
  expect(problemsOf(chain(chainDepthMax))).toEqual([]);
  expect(problemsOf(chain(chainDepthMax + 1))).toEqual([
    expect.stringMatching(/^2:18: The chain from "t0" to "t32" has 33 types; the most is 32/),
  ]);
});
