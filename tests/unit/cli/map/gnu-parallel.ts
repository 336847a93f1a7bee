// GNU parallel, where it is installed: what it would run.

export function hasGnuParallel(): boolean {
  const path = Bun.which("parallel");
  if (path === null) return false;
  const said = Bun.spawnSync([path, "--version"], { stderr: "ignore" }).stdout.toString();
  return said.startsWith("GNU parallel");
}

/** Its first line of --dry-run, without the end of the line; all lines where a command has several. */
export function parallelDryRun(...words: readonly string[]): string {
  const run = Bun.spawnSync(["parallel", "--will-cite", "--dry-run", ...words], {
    stdin: "ignore",
    stderr: "pipe",
    env: { ...process.env, SHELL: "/bin/sh", PARALLEL_SHELL: "/bin/sh" },
  });
  return run.stdout.toString().replace(/\n$/, "");
}
