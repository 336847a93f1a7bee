// `gridlike note` as a job calls it: a process of its own, with nothing but its environment.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCommandPlace } from "../support/a-command.ts";

let place: ReturnType<typeof openCommandPlace>;
let program = "";
beforeAll(() => {
  place = openCommandPlace();
  program = join(place.folder, "note.ts");
  writeFileSync(program, script);
});
afterAll(() => place.close());

const source = join(import.meta.dir, "../../src/cli/commands/note.ts");
const script = `
  const { noteCommand } = await import(${JSON.stringify(source)});
  await noteCommand((command) => command).parseAsync(process.argv.slice(2), { from: "user" });
`;
const gridlikeNote = (...words: readonly string[]) => [process.execPath, program, ...words];

test("note() tells the worker how far a job is [GL-26]", async () => {
  const both = await place.run(gridlikeNote("--percent", "40", "meshing", "part 3"));
  expect([both.outcome.kind, both.stderr]).toEqual(["done", ""]);
  expect(both.progress).toEqual([[40, "meshing part 3"]]);
  const words = await place.run(gridlikeNote("only words"));
  expect(words.progress).toEqual([[null, "only words"]]);
});

test("note() does not let a proxy come between a job and its worker", async () => {
  const environment = { HTTP_PROXY: "http://127.0.0.1:9", http_proxy: "http://127.0.0.1:9" };
  const { outcome, progress } = await place.run(gridlikeNote("-p", "1"), { environment });
  expect([outcome.kind, progress]).toEqual(["done", [[1, null]]]);
});

test("note() says what is wrong with what it was given", async () => {
  const wrong = await place.run(gridlikeNote("--percent", "400"));
  expect(wrong.outcome).toMatchObject({ kind: "failed", exitCode: 2 });
  expect(wrong.stderr).toBe("gridlike: percent is a number from 0 to 100.\n");
  const nothing = await place.run(gridlikeNote());
  expect(nothing.outcome).toMatchObject({ kind: "failed", exitCode: 2 });
});

/** Outside of a job. */
async function alone(api: string | undefined) {
  const env = { PATH: process.env["PATH"], ...(api === undefined ? {} : { GRIDLIKE_API: api }) };
  const ran = Bun.spawn(gridlikeNote("-p", "3"), { env, stdout: "ignore", stderr: "pipe" });
  return { said: await new Response(ran.stderr).text(), code: await ran.exited };
}

test("note() says that it belongs inside a job", async () => {
  for (const api of [undefined, "", "no address", "file:///etc"]) {
    const { said, code } = await alone(api);
    expect([code, said]).toEqual([2, expect.stringContaining("from inside a running job")]);
  }
});

test("note() says that its job has ended, or that nobody answers", async () => {
  const { text } = await place.shell('printf %s "$GRIDLIKE_API"');
  const over = await alone(text);
  expect([over.code, over.said]).toEqual([4, expect.stringContaining("No job that runs")]);
  const nobody = await alone("http://127.0.0.1:9/secret");
  expect([nobody.code, nobody.said]).toEqual([3, expect.stringContaining("cannot be told")]);
});
