// The compiled program, built when its sources have changed since: tests of it never run an old one.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
export const binaryPath = join(root, "dist/gridlike");
const stampPath = join(root, "dist/.stamp");

let built: Promise<string> | null = null;

/** The path of an up-to-date binary. Builds at most once in a process. */
export function buildOnce(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const hash = sourceHash();
  const isCurrent = existsSync(binaryPath) && existsSync(stampPath);
  if (isCurrent && readFileSync(stampPath, "utf8") === hash) return binaryPath;
  const run = Bun.spawn([process.execPath, join(root, "build.ts")], {
    cwd: root,
    stdout: "ignore",
    stderr: "pipe",
    timeout: 120_000,
  });
  const said = await run.stderr.text();
  if ((await run.exited) !== 0) throw new Error(`The build failed:\n${said}`);
  writeFileSync(stampPath, hash);
  return binaryPath;
}

/** Changes with everything that goes into the binary. */
function sourceHash(): string {
  const hash = new Bun.CryptoHasher("sha256");
  const sources = [...new Bun.Glob("src/**/*").scanSync({ cwd: root, onlyFiles: true })].toSorted();
  for (const name of ["build.ts", "bun.lock", "package.json", ...sources]) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update("\0");
  }
  return hash.update(Bun.version).digest("hex");
}
