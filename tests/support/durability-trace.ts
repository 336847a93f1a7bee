// Which calls make files durable, and in which order a program makes them: what a power cut would depend on.
// Needs strace; without it such a test is skipped.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function canTrace(): boolean {
  if (process.platform !== "linux" || Bun.which("strace") === null) return false;
  return Bun.spawnSync(["strace", "true"]).success;
}

/** The calls that concern `directory`, like `rename tmp/file shard/file`: names of chance are told by their kind. */
export async function traceDurability(
  program: readonly string[],
  directory: string,
): Promise<readonly string[]> {
  const scratch = await mkdtemp(join(tmpdir(), "grid-trace-"));
  try {
    const trace = join(scratch, "trace");
    const tracing = ["strace", "-f", "-y", "-e", "trace=mkdir,rename,fsync,fdatasync", "-o", trace];
    const run = Bun.spawn([...tracing, ...program], { stdin: new Blob([""]), stdout: "ignore" });
    if ((await run.exited) !== 0) throw new Error(`The traced program ended with ${run.exitCode}.`);
    const lines = (await readFile(trace, "utf8")).split("\n");
    return lines.flatMap((line) => callOf(line, directory));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function callOf(line: string, directory: string): readonly string[] {
  const call = /\b(mkdir|rename|fsync|fdatasync)\(/.exec(line)?.[1];
  const paths = [...line.matchAll(/[<"](\/[^>"]*)[>"]/g)].map((match) => match[1]!);
  const isOurs = paths.length > 0 && paths.every((path) => `${path}/`.startsWith(`${directory}/`));
  if (call === undefined || !isOurs) return [];
  return [[call, ...paths.map((path) => placeOf(path.slice(directory.length + 1)))].join(" ")];
}

function placeOf(path: string): string {
  return (path || ".")
    .replace(/(?<=^|\/)[0-9a-f.]{32,}$/, "file")
    .replace(/^[0-9a-f]{2}(?=\/|$)/, "shard");
}
