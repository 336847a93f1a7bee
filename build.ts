// Builds dist/gridlike: one executable with everything in it. Names are kept, because Elysia reads the source of
// its handlers; the environment of a stranger's folder (.env, bunfig) is left alone.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = import.meta.dir;
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const outfile = join(root, "dist/gridlike");

// Old laptops lack AVX2: on Linux x64 the executable is made from the runtime that does without.
const baseline = join(root, "node_modules/@oven/bun-linux-x64-baseline/bin/bun");
const isBaseline = process.platform === "linux" && process.arch === "x64" && existsSync(baseline);

const startedAt = performance.now();
const result = await Bun.build({
  entrypoints: [join(root, "src/main.ts")],
  root: join(root, "src"),
  format: "esm",
  bytecode: true,
  sourcemap: "linked",
  minify: { whitespace: true, syntax: true, identifiers: false },
  define: {
    "process.env.NODE_ENV": '"production"',
    BUILD_VERSION: JSON.stringify(version),
  },
  compile: {
    outfile,
    autoloadDotenv: false,
    autoloadBunfig: false,
    ...(isBaseline ? { executablePath: baseline } : {}),
  },
});
// A build may succeed with an error in its log and then leave a file that does not run.
const errors = result.logs.filter((log) => log.level === "error");
if (!result.success || errors.length > 0) {
  for (const log of result.logs) console.error(log.message);
  process.exit(1);
}
rmSync(`${outfile}.map`, { force: true }); // The executable carries its own copy for its traces.
const kind = isBaseline ? "baseline x64" : `${process.platform} ${process.arch}`;
console.error(
  `built dist/gridlike ${version} (${kind}) in ${Math.round(performance.now() - startedAt)} ms`,
);
