import { expect, test } from "bun:test";
import { join } from "node:path";
import { createWarmPlace } from "../support/warm-jobs.ts";

test("the compiled program runs functions with the packages of their folder, started from anywhere [GC-28]", async () => {
  const place = await createWarmPlace();
  try {
    await place.write(
      "functions/shout.ts",
      'import { end } from "pack"; export default async (data: { word: string }) => data.word.toUpperCase() + end;',
    );
    await place.write("functions/node_modules/pack/package.json", '{"name":"pack"}');
    await place.write("functions/node_modules/pack/index.js", "exports.end = '!';");
    const outfile = join(place.folder, "program");
    await build(outfile);
    const words = [join(place.folder, "functions"), "shout", '{"word":"hello"}', place.folder];
    const ran = Bun.spawn([outfile, ...words], { cwd: "/", env: {}, stderr: "pipe" });
    expect([await ran.stdout.text(), await ran.stderr.text(), await ran.exited]).toEqual([
      "HELLO!\n",
      "",
      0,
    ]);
  } finally {
    await place.end();
  }
}, 60_000);

/** As build.ts does it, in a process of its own: a build takes the memory of many tests. */
async function build(outfile: string): Promise<void> {
  const options = {
    entrypoints: [join(import.meta.dir, "../support/function-program.ts")],
    root: join(import.meta.dir, "../.."),
    format: "esm",
    bytecode: true,
    minify: { whitespace: true, syntax: true, identifiers: false },
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  };
  const script = `const r = await Bun.build(${JSON.stringify(options)}); process.exit(r.success ? 0 : 1);`;
  const ran = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "pipe" });
  if ((await ran.exited) !== 0) throw new Error(await ran.stderr.text());
}
