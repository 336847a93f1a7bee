// Starts the program for a test and takes what it says. Nothing of the user's own settings reaches it.

import { join } from "node:path";

export type ProgramRun = {
  readonly folder: string;
  readonly stdin: string;
  readonly env: { readonly [name: string]: string };
  /** It is interrupted as by Ctrl-C when this resolves. */
  readonly interrupt: Promise<void>;
};

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

export async function runProgram(
  words: readonly string[],
  { folder, stdin = "", env = {}, interrupt }: Partial<ProgramRun>,
): Promise<Ran> {
  const program = join(import.meta.dir, "map-program.ts");
  const started = Bun.spawn([process.execPath, program, ...words], {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: {
      PATH: process.env["PATH"] ?? "",
      GRIDLIKE_CONTEXT: join(import.meta.dir, "no-context.toml"),
      XDG_STATE_HOME: "",
      HOME: "/nonexistent", // Where nothing can be kept.
      ...env,
    },
    stdin: new TextEncoder().encode(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  void interrupt?.then(() => started.kill("SIGINT"));
  const [code, stdout, stderr] = await Promise.all([
    started.exited,
    new Response(started.stdout).text(),
    new Response(started.stderr).text(),
  ]);
  return { code, stdout, stderr };
}
